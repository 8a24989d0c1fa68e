"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

from portal.core.errors import Refusals

REFUSALS: Refusals = {
    "insufficient_funds": (
        _(
            "The wallet has CNY {available_uy} to spend and this needs CNY {needed_uy}: CNY {missing_uy} is missing. Nothing was reserved."
        ),
        402,
    ),
    "insufficient_hours": (
        _(
            "You have {available_cms} banked hours free and this needs {needed_cms}: {missing_cms} are missing. Nothing was reserved."
        ),
        402,
    ),
    "bad_amount": (
        _("Enter an amount between CNY {least_uy} and CNY {most_uy}, in whole fen. Nothing was booked."),
        400,
    ),
    "payment_booked_before": _("The bank payment {reference} is booked already. Nothing was booked now."),
}
