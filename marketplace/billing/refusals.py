"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

from portal.core.errors import Refusals

REFUSALS: Refusals = {
    "bad_amount": (
        _("Enter an amount between CNY {least_uy} and CNY {most_uy}, in whole fen. Nothing was booked."),
        400,
    ),
    "payment_booked_before": _("The bank payment {reference} is booked already. Nothing was booked now."),
}
