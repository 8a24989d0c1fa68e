"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

from portal.core.errors import Refusals

REFUSALS: Refusals = {
    "bad_amount": (
        _("Enter an amount between CNY {least_uy} and CNY {most_uy}, in whole fen. Nothing was booked."),
        400,
    ),
    "payment_booked_before": _("The bank payment {reference} is booked already. Nothing was booked now."),
    "difference_needs_reason": (
        _("CNY {announced_uy} was announced and CNY {entered_uy} entered. Say why. Nothing was booked."),
        400,
    ),
    "not_booked": _("No money of this top-up is in the wallet. Nothing was changed."),
    "nothing_to_correct": (_("CNY {booked_uy} is what is booked. Nothing was changed."), 400),
    "corrected_before": _("Somebody corrects this booking already. Look at it before you go on. Nothing was changed."),
    "booking_waits": _(
        "Somebody has entered CNY {booked_uy} for this payment, and a second person must confirm it. Nothing was booked now."
    ),
    "correction_short": (
        _(
            "CNY {needed_uy} would have to leave the wallet, and only CNY {available_uy} of it is available. "
            "Nothing was changed."
        ),
        409,
    ),
    "second_person_needed": (
        _("You asked for it, so somebody else must confirm it. Nothing was changed."),
        403,
    ),
}
