"""What an hour of the week weighs: a night hour earns less and costs less. Pure.

w = clip(0.4 + 0.9·û, 0.4, 1.3), û the mean utilisation of that hour of the week over eight weeks; the
default table stands in until there is data. Frozen on the slot when it is made and on the reservation
at the quote.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.dates import WEEKDAYS

from portal.core.words import local

LOWEST_PPM, HIGHEST_PPM = 400_000, 1_300_000
DEFAULT_UTILISATION_PPM = {  # by hour of the day, weekday and weekend: an operator's first guess
    False: [170] * 7
    + [330]
    + [560, 720, 780, 780, 640, 720, 780, 780, 720, 640]
    + [500, 450, 400, 350]
    + [280, 220],
    True: [160] * 8 + [280, 330, 360, 360, 330, 330, 330, 330, 330, 330] + [330, 330, 300, 280] + [240, 200],
}


def weight_ppm(utilisation_ppm: int) -> int:
    return max(LOWEST_PPM, min(HIGHEST_PPM, LOWEST_PPM + utilisation_ppm * 9 // 10))


def hour_of_week(at: datetime) -> int:
    """0 = Monday 00:00–01:00 in the platform's zone, … 167."""
    here = local(at)
    return here.weekday() * 24 + here.hour


def hour_in_words(at: datetime | int) -> str:
    """“Monday 22:00”, of an instant or of an hour of the week."""
    how = at if isinstance(at, int) else hour_of_week(at)
    return f"{WEEKDAYS[how // 24]} {how % 24:02d}:00"


def default_weight_ppm(at: datetime) -> int:
    how = hour_of_week(at)
    day, hour = divmod(how, 24)
    return weight_ppm(DEFAULT_UTILISATION_PPM[day >= 5][hour] * 1000)


def week_of_weights() -> list[int]:
    """168 weights in ppm, Monday 00:00 first."""
    return [
        weight_ppm(DEFAULT_UTILISATION_PPM[day >= 5][hour] * 1000) for day in range(7) for hour in range(24)
    ]
