"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

REFUSALS = {
    "no_room": _("No machine has room for this run at the moment. Nothing was reserved; try again in a few minutes."),
    "reservation_expired": _("The room kept for this quote was given back when its time ran out. Nothing was charged; ask for a new quote."),
    "site_name_taken": _("You already have a site called “{name}”."),
    "site_not_verified": _("This site is not verified yet. Its benchmark must pass before hours can be deposited or sold."),
}
