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
    "withdrawal_not_approved": (
        _("Only an approved company can withdraw to its bank. Nothing was reserved; the money stays in the wallet."),
        403,
    ),
    "bad_withdrawal": (
        _("Withdraw CNY {least_uy} or more, in whole fen. Nothing was reserved; the money stays in the wallet."),
        400,
    ),
    "bad_account_number": (_("An account number has 8 to 30 digits and nothing else. Nothing was reserved."), 400),
    "bank_name_needed": (_("Name the bank and its branch. Nothing was reserved."), 400),
    "more_than_withdrawable": _(
        "At most CNY {most_uy} can be withdrawn now; you asked for CNY {asked_uy}. Nothing was reserved; the money "
        "stays in the wallet."
    ),
    "withdrawal_begun": _(
        "{reference} cannot be taken back any more: our staff are paying it or have decided. Nothing was changed."
    ),
    "bank_reference_needed": (_("Enter the number of the payment at the bank. Nothing was booked."), 400),
    "paid_on_wrong": (_("The transfer was sent between the request and today. Nothing was booked."), 400),
    "second_payer_needed": (
        _("You approved this withdrawal, so somebody else must pay and book it. Nothing was changed."),
        403,
    ),
    "transfer_known": _("The bank payment {reference} paid another withdrawal. Nothing was booked now."),
}
