"""Where the words of a named point stand, so that they cover as little of the curve as possible. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from .scale import px

Point = tuple[float, float]
HEIGHT = 38.0  # a figure of 22 px over a line of 12 px
GAP = 9.0


@dataclass(frozen=True)
class Callout:
    """A named point: its place, the end of the stem that leads to its words, and the words."""

    x: str
    y: str
    stem_to: str
    label_x: str
    label_y: str
    word_y: str
    label: str
    date: date
    anchor: str


def place(
    point: Point,
    label: str,
    day: date,
    curve: Sequence[Point],
    split: float,
    frame: tuple[float, float, float, float],
) -> Callout:
    """The best of the places right and left of the stem. frame: left, top, right, base of the picture."""
    x, y = point
    left, top, right, base = frame
    wide = max(48.0, 12.0 * len(label) + 6)
    dense = _dense(curve)
    best: tuple[float, float, bool] | None = None
    for to_right in (True, False):
        x0 = x + GAP if to_right else x - GAP - wide
        if x0 < left or x0 + wide > right + 6:
            continue
        steps = max(0, int((base - HEIGHT - top - 2) // 6))
        for box_top in [*(top + 6 * i for i in range(steps + 1)), base - HEIGHT - 2]:
            covered = sum(
                1
                for px_, py in dense
                if x0 - 4 <= px_ <= x0 + wide + 4 and box_top - 4 <= py <= box_top + HEIGHT + 4
            )
            middle = box_top + HEIGHT / 2
            cost = covered * 4 + abs(middle - y) * 0.12 + (0 if to_right else 25)
            if x0 < split < x0 + wide:
                cost += 60
            if box_top < top + 4:
                cost += 10
            if box_top - 10 < y < box_top + HEIGHT + 6:  # beside the point itself the stem reads as a digit
                cost += 30
            if best is None or cost < best[0]:
                best = (cost, box_top, to_right)
    _, box_top, to_right = best or (0.0, top, x < (left + right) / 2)
    below = box_top + HEIGHT / 2 > y
    return Callout(
        x=px(x),
        y=px(y),
        stem_to=px(box_top + HEIGHT if below else box_top + 2),
        label_x=px(x + GAP if to_right else x - GAP),
        label_y=px(box_top + 20),
        word_y=px(box_top + HEIGHT - 2),
        label=label,
        date=day,
        anchor="start" if to_right else "end",
    )


def _dense(curve: Sequence[Point]) -> list[Point]:
    """The curve as points about four pixels apart."""
    found: list[Point] = []
    for (x1, y1), (x2, y2) in pairwise(curve):
        parts = max(1, int(max(abs(x2 - x1), abs(y2 - y1)) / 4))
        found += [(x1 + (x2 - x1) * i / parts, y1 + (y2 - y1) * i / parts) for i in range(parts)]
    return found + list(curve[-1:])
