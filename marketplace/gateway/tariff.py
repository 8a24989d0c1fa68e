"""The whole price table of one endpoint: lines as a provider writes them, rows as they are kept, lines as told. Pure.

A row (`Rate`) is one direction, from an input length on, in a window of the platform's day. Which row holds for a call
is said in `price_at`: of those whose window holds the minute, the one with the highest `from_tokens` not above its
input. Prices are micro-yuan for a million tokens; minutes count from midnight in the platform's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

DAY_MIN = 24 * 60
DIRECTIONS = ("input", "cached", "cache_write", "output", "reasoning")
INSTEAD = {"cached": "input", "cache_write": "input", "reasoning": "output"}  # where a direction has no row of its own
Window = tuple[int, int]  # from, to; from > to goes over midnight


@dataclass(frozen=True, order=True)
class Rate:
    """What one direction costs from an input length on, between two minutes of the day."""

    direction: str
    from_tokens: int
    window_from: int
    window_to: int
    uy_per_m: int


@dataclass(frozen=True)
class Line:
    """Prices as somebody writes them: for an input length, all day (window None) or in some hours, by direction."""

    from_tokens: int = 0
    window: Window | None = None
    prices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """One line of the table that buyers read: every direction's price, exactly in these hours.

    `windows` empty: at any hour; `is_rest`: at all hours that no other line of this input length names.
    """

    from_tokens: int
    to_tokens: int | None
    windows: tuple[Window, ...]
    is_rest: bool
    prices: Mapping[str, int | None]


def price_at(rates: Iterable[Rate], direction: str, *, input_tokens: int, minute: int) -> int | None:
    """What a million tokens cost in a call of so much input received in that minute; None: not for sale then."""
    fits = [r for r in rates if r.window_from <= minute < r.window_to and r.from_tokens <= input_tokens]
    for name in (direction, INSTEAD.get(direction, "")):
        own = [r for r in fits if r.direction == name]
        if own:
            return max(own, key=lambda r: r.from_tokens).uy_per_m
    return None


def rates_of(lines: Iterable[Line]) -> list[Rate]:
    """The rows that say what the lines say, as few as can be, sorted.

    For an input length the line that begins nearest below it counts, and in its hours before all day.
    """
    lines = list(lines)
    found: list[Rate] = []
    for direction in DIRECTIONS:
        own = [line for line in lines if direction in line.prices]
        before: dict[int, int | None] | None = None
        cuts = sorted({0, *(m % DAY_MIN for line in own if line.window for m in line.window)})
        for tier in sorted({line.from_tokens for line in own}):
            prices = {minute: _written(own, direction, tier, minute) for minute in cuts}
            if prices != before:
                found += _rows(direction, tier, prices)
            before = prices
    return sorted(found)


def lines_of(rates: Iterable[Rate]) -> list[Line]:
    """The other way round: for every input length the price of most hours as a line for all day, the rest beside."""
    lines: dict[tuple[int, Window | None], dict[str, int]] = {}
    rates = list(rates)
    for direction, tier in sorted({(r.direction, r.from_tokens) for r in rates}):
        day = {r.window_from: r.uy_per_m for r in rates if (r.direction, r.from_tokens) == (direction, tier)}
        usual, others = _usual(day)
        lines.setdefault((tier, None), {})[direction] = usual
        for window, price in others:
            lines.setdefault((tier, window), {})[direction] = price
    ordered = sorted(lines.items(), key=lambda pair: (pair[0][0], pair[0][1] or ()))
    return [Line(*key, prices) for key, prices in ordered]


def told(rates: Sequence[Rate]) -> list[Told]:
    """The table as buyers read it: for every input length and every hour, exactly one line."""
    rows = []
    tiers = sorted({r.from_tokens for r in rates})
    for tier, above in zip(tiers, [*tiers[1:], None], strict=True):
        day = {minute: tuple(price_at(rates, d, input_tokens=tier, minute=minute) for d in DIRECTIONS)
               for minute in sorted({0, *(r.window_from for r in rates)})}
        usual, others = _usual(day)
        by_price: dict[tuple[int | None, ...], list[Window]] = {}
        for window, prices in others:
            by_price.setdefault(prices, []).append(window)
        rows.append(Told(tier, above, (), bool(others), dict(zip(DIRECTIONS, usual, strict=True))))
        rows += [Told(tier, above, tuple(windows), False, dict(zip(DIRECTIONS, prices, strict=True)))
                 for prices, windows in by_price.items()]
    return rows


def open_hours(rates: Sequence[Rate]) -> list[str]:
    """Directions that have a price, but not for every hour of every input length that has one."""
    found = []
    for direction in DIRECTIONS:
        own = [r for r in rates if r.direction == direction]
        tiers = {r.from_tokens for r in own}
        minutes = {t: sum(r.window_to - r.window_from for r in own if r.from_tokens == t) for t in tiers}
        if own and (0 not in tiers or any(n != DAY_MIN for n in minutes.values())):
            found.append(direction)
    return found


def overlap(rates: Sequence[Rate]) -> bool:
    """Whether two rows of one direction and input length hold in the same minute."""
    ordered = sorted(rates)
    return any(
        (a.direction, a.from_tokens) == (b.direction, b.from_tokens) and b.window_from < a.window_to
        for a, b in pairwise(ordered)
    )


def is_raise(before: Sequence[Rate], after: Sequence[Rate]) -> bool:
    """Whether any call could cost more by `after` than by `before`."""
    both = [*before, *after]
    for direction in DIRECTIONS:
        for tier in {0, *(r.from_tokens for r in both)}:
            for minute in {0, *(r.window_from for r in both)}:
                old = price_at(before, direction, input_tokens=tier, minute=minute)
                new = price_at(after, direction, input_tokens=tier, minute=minute)
                if old is not None and new is not None and new > old:
                    return True
    return False


def holds(window: Window | None, minute: int) -> bool:
    if window is None:
        return True
    start, end = window
    return start <= minute < end if start < end else minute >= start or minute < end


def _written(lines: list[Line], direction: str, tier: int, minute: int) -> int | None:
    fits = [line for line in lines if line.from_tokens <= tier and holds(line.window, minute)]
    best = max(fits, key=lambda line: (line.from_tokens, line.window is not None), default=None)
    return best.prices[direction] if best else None


def _rows(direction: str, tier: int, prices: Mapping[int, int | None]) -> list[Rate]:
    """One row for each stretch of the day at one price; the keys are the minutes at which one may begin."""
    rows: list[Rate] = []
    starts = sorted(prices)
    for start, end in zip(starts, [*starts[1:], DAY_MIN], strict=True):
        price = prices[start]
        if price is None:
            continue
        if rows and rows[-1].window_to == start and rows[-1].uy_per_m == price:
            start = rows.pop().window_from
        rows.append(Rate(direction, tier, start, end, price))
    return rows


def _usual(day: Mapping[int, object]) -> tuple:
    """What holds for most minutes, and [(window, what)] for the others, over midnight where it is the same."""
    starts = sorted(day)
    stretches: list[list] = []
    for start, end in zip(starts, [*starts[1:], DAY_MIN], strict=True):
        if stretches and stretches[-1][2] == day[start]:
            stretches[-1][1] = end
        else:
            stretches.append([start, end, day[start]])
    minutes: dict[object, int] = {}
    for start, end, what in stretches:
        minutes[what] = minutes.get(what, 0) + end - start
    usual = max(minutes, key=lambda what: minutes[what])
    if len(stretches) > 1 and stretches[0][2] == stretches[-1][2] and stretches[0][0] == 0:
        stretches[-1][1] = stretches.pop(0)[1]
    return usual, [((start, end), what) for start, end, what in sorted(stretches, key=lambda s: s[0]) if what != usual]
