"""The words of this room's refusals."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REFUSALS: dict[str, Promise | str | tuple[Promise | str, int]] = {
    "insufficient_funds": (
        _("CNY {missing_uy} is missing: {needed_uy} is needed and {available_uy} is there to spend. Nothing was reserved."), 402),
    "insufficient_hours": (
        _("{missing_cms} banked hours are missing: {needed_cms} needed, {available_cms} available."), 402),
    "idempotency_conflict": _("This key was used before for something else. Use a new key."),
    "amount_not_positive": (_("An amount must be more than zero."), 400),
    "amount_too_large": (_("This amount is larger than the books take in one movement."), 400),
    "journal_empty": (_("A movement needs at least two sides."), 400),
    "journal_unbalanced": (_("The two sides of a movement must be equal in {asset}."), 400),
    "route_not_listed": (_("Nothing may go from “{source}” to “{target}” for the reason “{reason}”."), 400),
    "wrong_asset": (_("An account of this kind cannot be kept in {asset}."), 400),
    "wrong_owner": (_("An account of this kind belongs to a company, or to none."), 400),
    "no_floor_here": (_("An account of this kind has no limit of its own."), 400),
    "not_holdable": (_("Nothing can be reserved on an account of this kind."), 400),
    "above_ceiling": _("This is more than is owed."),
    "hold_resolved": _("This reservation was already charged or released."),
    "hold_expired": _("This reservation has expired."),
    "hold_exceeded": _("This is more than is reserved."),
    "already_reversed": _("This movement was already reversed."),
    "not_reversible": _("A reversal cannot itself be reversed."),
    "lot_needed": (_("Banked hours need an origin and a date on which they expire."), 400),
    "lot_spent": _("These banked hours were already used."),
    "reason_needed": (_("Say why."), 400),
    "books_busy": _("Something is being written to the books for so long that the day was not closed. It is tried again."),
    "closings_differ": _("For {day} the file of closings says something else than the database. Nothing was added to it."),
}
