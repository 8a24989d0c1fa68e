"""What the check of a list of stops says, by code; shaped as marketplace/recipes/words.py."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = tuple[str | Promise, str | Promise]

_CORRECT_PLACE = _("Correct the place in that line and drop the file in again.")
_BETWEEN = _("Choose a number from %(least)s to %(most)s.")
_TSPLIB = _("Drop in a symmetric TSP with EUC_2D coordinates, or a CSV of stops.")

REFUSALS: dict[str, Words] = {
    # settings
    "routes_setting_vehicles": (_("“%(value)s” cannot be the number of vehicles or people."), _BETWEEN),
    "routes_setting_capacity": (_("“%(value)s” cannot be what one vehicle carries."), _BETWEEN),
    "routes_setting_shift_hours": (_("“%(value)s” cannot be the hours a round may last."), _BETWEEN),
    "routes_setting_speed_kmh": (_("“%(value)s” cannot be the average speed in km/h."), _BETWEEN),
    "routes_setting_service_min": (_("“%(value)s” cannot be the minutes at a stop."), _BETWEEN),
    "routes_setting_stops": (_("“%(value)s” cannot be the number of stops."), _BETWEEN),
    "routes_setting_clock": (
        _("“%(value)s” is not a time of day."),
        _("Write the time the first vehicle may leave like 07:30."),
    ),
    # the list as a whole
    "routes_no_places": (
        _("No column says where the stops are. Columns found: %(found)s."),
        _("Add columns “lat” and “lon” (any map's coordinate picker shows them), or “x” and “y” in metres."),
    ),
    "routes_too_few": (
        _("There are %(found)s lines; a round needs at least %(least)s: the depot and two stops."),
        _("Add the missing stops and drop the file in again."),
    ),
    "routes_too_many": (
        _("There are more than %(limit)s stops."),
        _("Split the list by district or by depot and plan each part."),
    ),
    "routes_stops_bought": (
        _("The file has %(found)s stops, the plan is sized for %(bought)s."),
        _("Raise the number of stops to %(found)s, or drop in a shorter list."),
    ),
    "routes_two_depots": (
        _("Line %(line)s marks a second depot; “%(first)s” in line %(first_line)s is the first."),
        _("Leave one depot marked and plan the other one's stops by themselves."),
    ),
    "routes_over_fleet": (
        _("All stops together need %(total)s; %(vehicles)s × %(capacity)s carry only %(room)s."),
        _("It takes at least %(least)s: raise that number or the capacity, or leave stops for another day."),
    ),
    # a stop
    "routes_too_heavy": (
        _("Line %(line)s: “%(name)s” needs %(demand)s, one vehicle carries only %(capacity)s."),
        _("Split that stop into two lines, or raise the capacity."),
    ),
    "routes_far": (
        _("Line %(line)s: “%(name)s” is %(km)s km from the depot “%(depot)s”."),
        _CORRECT_PLACE,
    ),
    "routes_unreachable": (
        _(
            "Line %(line)s: nobody can be at “%(name)s” by %(closes)s. "
            "Leaving at %(leaves)s, it is %(km)s km and %(arrives)s on arrival."
        ),
        _("Let the day start earlier, or widen the time window in that line."),
    ),
    "routes_back_late": (
        _("Line %(line)s: after “%(name)s” nobody is back before %(back)s; the depot closes at %(closes)s."),
        _("Let the depot close later, or move the time window in that line."),
    ),
    "routes_too_long": (
        _("Line %(line)s: “%(name)s” alone takes %(hours)s hours there and back; %(shift)s are allowed."),
        _("Allow longer rounds, or take that stop out."),
    ),
    "routes_swapped": (
        _("Line %(line)s: “%(value)s” cannot be a latitude. Latitude and longitude look swapped."),
        _("In China latitude is between 18 and 54, longitude between 73 and 136: swap the two headers."),
    ),
    "routes_no_such_place": (_("Line %(line)s: there is no place at %(value)s."), _CORRECT_PLACE),
    "routes_lonlat": (
        _("Line %(line)s: “%(value)s” in “%(column)s” is not a longitude and a latitude."),
        _("Write them with a comma between, like 120.1551,30.2741."),
    ),
    "routes_clock": (
        _("Line %(line)s: “%(value)s” in “%(column)s” is not a time of day."),
        _("Write times like 08:30, windows like 08:30-11:00; leave it empty if any time will do."),
    ),
    "routes_backwards": (
        _("Line %(line)s: the window ends (%(closes)s) before it begins (%(opens)s)."),
        _("Correct the times; a window cannot run past midnight."),
    ),
    # TSPLIB
    "routes_tsplib_kind": (
        _("Line %(line)s: “%(value)s” is a TSPLIB kind that is not planned here."),
        _TSPLIB,
    ),
    "routes_tsplib_line": (
        _("Line %(line)s: “%(value)s” is not a node number and two coordinates."),
        _TSPLIB,
    ),
    "routes_tsplib_count": (
        _("The file announces %(told)s nodes and lists %(found)s."),
        _("It was probably cut off: download it again."),
    ),
}

NOTES: dict[str, str | Promise] = {
    "routes_depot_first": _(
        "No line is marked as depot: every round starts and ends at the first, “%(name)s”."
    ),
    "routes_no_demand": _("The file says no quantities: every stop counts as one."),
    "routes_blank_demand": _("Stops without a quantity count as nothing to carry: %(count)s."),
    "routes_tsplib": _("Read as a TSPLIB file; its lengths have no unit, so times are not planned."),
}
