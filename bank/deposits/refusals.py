"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

from portal.core.errors import Refusals

REFUSALS: Refusals = {
    "no_hours_painted": (
        _("No hours are painted. Paint the hours your machines do not need, or press “Every night”."),
        422,
    ),
    "more_cores_than_machine": (
        _("The machine has {cores} cores; {asked} cannot be given. Register at most {cores}. Nothing was registered."),
        422,
    ),
    "cores_registered": (
        _(
            "The machine has {cores} cores and {given} of them are registered already; a core is registered once. "
            "Register at most {left}. Nothing was registered."
        ),
        409,
    ),
    "machine_registered": (
        _(
            "All {cores} cores of this machine are registered already; a core is registered once. "
            "Nothing was registered."
        ),
        409,
    ),
    "machine_elsewhere": (
        _("This machine is registered already, in {region}; it cannot stand in two places. Nothing was registered."),
        409,
    ),
    "too_many_cards": (_("{site} has {cards} cores; you can deposit 1 to {cards}."), 422),
    "dates_wrong": (
        _("Choose a first day from today on and a last day after it, at most {days} days later."),
        422,
    ),
    "notice_wrong": (_("Choose a notice between 0 and {most} hours."), 422),
    "hours_taken": _(
        "{count} of these hours of {site} are deposited already, the first one {first}. An hour has one owner: end that "
        "deposit, or choose other hours. Nothing was deposited."
    ),
    "site_always_open": _(
        "{site} is in the pool around the clock already; its hours cannot be deposited a second time."
    ),
    "no_index": _(
        "There is no published market price for this class yet, so hours cannot be banked. Choose cash. Nothing was deposited."
    ),
    "deposit_ended": _("This deposit has ended already."),
    "nothing_to_recall": _(
        "None of these hours can be taken back: they have begun, are taken back already, or somebody's run is booked in them."
    ),
    "not_for_hours": _(
        "This package cannot be paid in banked hours: it is sold by another company, which charges for more than the computing. "
        "Nothing was reserved."
    ),
}
