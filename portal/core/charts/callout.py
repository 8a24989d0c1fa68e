"""A named point of a curve and its words: in a lane of their own above the curve, led to by a line. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .scale import px

Point = tuple[float, float]
LANE = 32.0  # top of the lane of the words; nothing is drawn in it but they
HEIGHT = 24.0  # a figure of 22 px with its date of 12 px beside it
BELOW = LANE + HEIGHT + 4  # where a curve may begin
DATE_WIDE = 62.0


@dataclass(frozen=True)
class Callout:
    """A named point: its place, the top of the line that leads up from it, and the words."""

    x: str
    y: str
    stem_from: str
    label_x: str
    label_y: str
    label: str
    date: date
    box: tuple[float, float, float, float]  # left, top, right, base of the words


def place(point: Point, label: str, day: date, split: float, left: float, right: float) -> Callout:
    """The words above the point: in the middle of it, but inside the picture and, if it can be, after the split."""
    x, y = point
    wide = 12.0 * len(label) + 8 + DATE_WIDE
    x0 = max(left, min(max(x - wide / 2, min(split + 6, x - 2)), right - wide))
    return Callout(
        x=px(x),
        y=px(y),
        stem_from=px(LANE + HEIGHT),
        label_x=px(x0),
        label_y=px(LANE + 20),
        label=label,
        date=day,
        box=(x0, LANE, x0 + wide, LANE + HEIGHT),
    )
