"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

REFUSALS = {
    "no_room": _("No machine has room for this run at the moment. Nothing was reserved; try again in a few minutes."),
    "not_open_now": _(
        "This runs only in the hours that its provider chose; it is open next on {opens}. Nothing was reserved."
    ),
    "never_open": _("The hours that its provider chose are too short for a run like this one. Nothing was reserved."),
    "site_needed": _(
        "Choose first where it runs: at least one site of your own that is verified, of this class and in this region. Nothing was changed."
    ),
    "site_does_not_fit": _("{site} is of another company, class or region than this offering. Nothing was changed."),
    "hours_of_week_wrong": _(
        "Paint at least one hour for each site you choose; hours of the week count from 0 to 167."
    ),
    "reservation_expired": _("The room kept for this quote was given back when its time ran out. Nothing was charged; ask for a new quote."),
    "site_name_taken": _("You already have a site called “{name}”."),
    "site_not_verified": _("This site is not verified yet. Its benchmark must pass before hours can be deposited or sold."),
}
