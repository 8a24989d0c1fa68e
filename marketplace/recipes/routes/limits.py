"""What no plan can serve: refused before anything is charged, naming the stop and its line."""

from __future__ import annotations

from math import asin, ceil, cos, hypot, radians, sin, sqrt

from marketplace.recipes.base import InputRefused
from marketplace.recipes.routes.stops import Entry, Settings, Stops, clock

DETOUR = 1.3  # as in program.py, which may import nothing of ours; a test compares the two
EARTH_M = 6_371_008.8
FAR_KM = 800  # by straight line; beyond that a coordinate is wrong, or the round is not driven in a day


def fewest_vehicles(stops: Stops, settings: Settings) -> int:
    """The fewest vehicles that could carry it all. Refuses what is impossible:

    routes_stops_bought, routes_far, routes_too_heavy, routes_unreachable, routes_too_long, routes_over_fleet.
    """
    depot, *entries = stops.entries
    if settings.stops is not None and len(entries) > settings.stops:
        raise InputRefused("routes_stops_bought", found=len(entries), bought=settings.stops)
    for entry in entries:
        if settings.capacity is not None and entry.demand > settings.capacity:
            raise entry.refused(
                "routes_too_heavy", demand=f"{entry.demand:g}", capacity=f"{settings.capacity:g}"
            )
        if stops.unit != "1":
            _refuse_hours(depot, entry, settings, metres(depot, entry, stops.unit))
    if settings.capacity is None:
        return 1
    total = sum(entry.demand for entry in entries)
    least = max(1, ceil(round(total / settings.capacity, 9)))
    if settings.vehicles is not None and least > settings.vehicles:
        raise InputRefused(
            "routes_over_fleet",
            total=f"{total:g}",
            room=f"{settings.capacity * settings.vehicles:g}",
            vehicles=settings.vehicles,
            capacity=f"{settings.capacity:g}",
            least=least,
        )
    return least


def metres(a: Entry, b: Entry, unit: str) -> float:
    """Length of the way, as the program measures it."""
    if unit != "deg":
        return hypot(a.x - b.x, a.y - b.y)
    half = (
        sin(radians(b.y - a.y) / 2) ** 2
        + cos(radians(a.y)) * cos(radians(b.y)) * sin(radians(b.x - a.x) / 2) ** 2
    )
    return 2 * EARTH_M * asin(sqrt(half)) * DETOUR


def _refuse_hours(depot: Entry, entry: Entry, settings: Settings, way_m: float) -> None:
    if way_m > FAR_KM * 1000 * DETOUR:
        raise entry.refused("routes_far", km=f"{way_m / 1000:,.0f}", depot=depot.name)
    # rounded up a whole second, as the program does
    way_min = ceil(round(way_m) / (settings.speed_kmh / 3.6)) / 60
    arrives = depot.opens_min + way_min
    if arrives > entry.closes_min:
        raise entry.refused(
            "routes_unreachable",
            arrives=clock(ceil(arrives)),
            closes=clock(entry.closes_min),
            leaves=clock(depot.opens_min),
            km=f"{way_m / 1000:,.1f}",
        )
    back = max(arrives, entry.opens_min) + entry.service_min + way_min
    if back > depot.closes_min:
        raise entry.refused("routes_back_late", back=clock(ceil(back)), closes=clock(depot.closes_min))
    hours = (2 * way_min + entry.service_min) / 60
    if settings.shift_hours is not None and hours > settings.shift_hours:
        raise entry.refused("routes_too_long", hours=f"{hours:.1f}", shift=f"{settings.shift_hours:g}")
