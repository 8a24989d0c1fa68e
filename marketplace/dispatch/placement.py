"""Where a run goes. Pure: values in, a choice out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.core.clock import hour_of

from .weights import hour_of_week

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Room:
    """What is free in one hour of one site. Card-milliseconds; the most one holder may take of it."""

    slot_id: int
    site_id: int
    hour: datetime
    free_cms: int
    weight_ppm: int
    own_limit_cms: int
    house: bool = False  # open around the clock without a deposit


@dataclass(frozen=True)
class Placement:
    """A site, the slots to reserve there (each with the same quantity) and the weight of the first."""

    site_id: int
    slot_ids: tuple[int, ...]
    quantity_cms: int
    weight_ppm: int
    starts_at: datetime


def hours_needed(start: datetime, latest_start: datetime, wall_s: int) -> list[datetime]:
    """Every hour that a run may touch which begins between the two and lasts at most wall_s.

    Each is reserved in full for the run, because nobody knows yet on which side of the hour it will
    fall; what is not used is given back when the run ends.
    """
    first, last = hour_of(start), hour_of(latest_start + timedelta(seconds=wall_s))
    hours = []
    while first <= last:
        hours.append(first)
        first += HOUR
    return hours


def is_open(week: Collection[int], hour: datetime) -> bool:
    """Whether an hour is among these hours of the week; none named: always."""
    return not week or hour_of_week(hour) in week


def opens_next(
    weeks: Sequence[Collection[int]], *, start: datetime, wait: timedelta, wall_s: int
) -> datetime | None:
    """When a run that waits so long to begin finds one of these weeks open for all it may touch.

    `start` itself if it is open now, else the beginning of an hour of the coming week; None: never.
    """
    for n in range(169):
        at = start if n == 0 else hour_of(start) + n * HOUR
        needed = hours_needed(at, at + wait, wall_s)
        if any(all(is_open(week, hour) for hour in needed) for week in weeks):
            return at
    return None


def quantity_per_hour(cores: int, wall_s: int) -> int:
    """What a run can take of one hour, at most: all its cores for the whole run, or for the whole hour."""
    return cores * min(wall_s, 3600) * 1000


def place(
    rooms: Sequence[Room],
    *,
    start: datetime,
    latest_start: datetime,
    cores: int,
    wall_s: int,
    prefer: Sequence[int] = (),
) -> Placement | None:
    """The site that has room in every hour the run may touch; None when there is none.

    Order: preferred sites as given, then deposited hours before those of a site that is always open
    (they vanish unused), then the lightest hour (it costs the pool least), then the one with most room,
    then the oldest site, so that the choice is the same for the same pool.
    """
    hours = hours_needed(start, latest_start, wall_s)
    quantity = quantity_per_hour(cores, wall_s)
    by_site: dict[int, dict[datetime, Room]] = {}
    for room in rooms:
        by_site.setdefault(room.site_id, {})[room.hour] = room
    fits: list[tuple[tuple[int, bool, int, int, int], Placement]] = []
    for site_id, known in by_site.items():
        chosen = [known.get(hour) for hour in hours]
        if any(r is None or min(r.free_cms, r.own_limit_cms) < quantity for r in chosen):
            continue
        slots = [r for r in chosen if r is not None]
        rank = prefer.index(site_id) if site_id in prefer else len(prefer)
        order = (rank, slots[0].house, slots[0].weight_ppm, -min(r.free_cms for r in slots), site_id)
        fits.append(
            (
                order,
                Placement(
                    site_id=site_id,
                    slot_ids=tuple(r.slot_id for r in slots),
                    quantity_cms=quantity,
                    weight_ppm=slots[0].weight_ppm,
                    starts_at=start,
                ),
            )
        )
    return min(fits, key=lambda pair: pair[0])[1] if fits else None
