"""What a run costs, before and after. Pure: terms and counts in, lines and totals out.

A price has three parts: the package (fixed), its units (outlets, vehicles …: each one done) and the
computing (card-time really used, at a rate per hour). The cap is the most all three together can be,
rounded up to a whole yuan; nothing is ever charged above it. A charge is in whole fen, so that a wallet's
balance is: the nearest, but never less than the computing, which the site gets to the micro-yuan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from marketplace.catalogue.pricing import cap_uy
from portal.core.money import FEN_UY, PPM, ceil_to, mul_div, price_of, to_fen


@dataclass(frozen=True)
class Terms:
    """A plan's figures, frozen at the quote. Micro-yuan; card-milliseconds."""

    base_uy: int
    per_unit_uy: int
    rate_uy_per_hour: int
    core_limit_cms: int

    def __post_init__(self) -> None:
        if min(self.base_uy, self.per_unit_uy, self.rate_uy_per_hour, self.core_limit_cms) < 0:
            raise ValueError("a price is never negative")


@dataclass(frozen=True)
class Line:
    """One line of a quote or receipt. `amount` is in the asset of the whole; params are for the words."""

    code: str
    amount: int
    quantity: int = 1
    unit_price: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Rated:
    """Lines, their total, and the part of it that pays for machine time. cap >= total always."""

    lines: tuple[Line, ...]
    total: int
    computing: int
    cap: int
    expected: int = 0


def _lines(terms: Terms, units: int, used_cms: int) -> tuple[Line, ...]:
    computing = price_of(used_cms, terms.rate_uy_per_hour, "down")
    return (
        Line("package", terms.base_uy),
        Line("units", units * terms.per_unit_uy, units, terms.per_unit_uy),
        Line("computing", computing, used_cms, terms.rate_uy_per_hour),
    )


def quote(terms: Terms, *, units: int, expected_cms: int = 0) -> Rated:
    """The binding price before the run: every part at its most, the cap a whole yuan above."""
    lines = _lines(terms, units, terms.core_limit_cms)
    most = sum(x.amount for x in lines)
    cap = cap_uy(terms, units)
    if cap > most:
        lines += (Line("rounding", cap - most),)
    likely = delivered(terms, units_quoted=units, units_done=units, used_cms=expected_cms, cap=cap)
    return Rated(lines=lines, total=cap, computing=lines[2].amount, cap=cap, expected=likely.total)


def delivered(terms: Terms, *, units_quoted: int, units_done: int, used_cms: int, cap: int) -> Rated:
    """After a run that brought its result: only the units done, never more than were quoted, never above the cap."""
    units = max(0, min(units_quoted, units_done))
    return _in_fen(_capped(_lines(terms, units, min(used_cms, terms.core_limit_cms)), cap))


def stopped(terms: Terms, *, used_cms: int, cap: int) -> Rated:
    """After a run the customer stopped: the computing so far and nothing for a result that is not there."""
    lines = _lines(terms, 0, min(used_cms, terms.core_limit_cms))[2:]
    return _in_fen(_capped(lines, cap))


def failed(*, cap: int) -> Rated:
    """Nobody pays for a failure."""
    return Rated(lines=(), total=0, computing=0, cap=cap)


def _capped(lines: tuple[Line, ...], cap: int) -> Rated:
    total = sum(x.amount for x in lines)
    computing = sum(x.amount for x in lines if x.code == "computing")
    if total > cap:
        lines += (Line("above_cap", cap - total),)
        computing = max(0, computing - (total - cap))
        total = cap
    return Rated(lines=lines, total=total, computing=computing, cap=cap)


def _in_fen(rated: Rated) -> Rated:
    """The total in whole fen with the line that makes it so. The cap, whole yuan, stays above it."""
    total = max(to_fen(rated.total), ceil_to(rated.computing, FEN_UY))
    if total == rated.total:
        return rated
    return replace(rated, lines=(*rated.lines, Line("to_fen", total - rated.total)), total=total)


def quote_hours(*, cores: int, wall_s: int, weight_ppm: int) -> Rated:
    """A withdrawal's price in banked hours: all the time it may use, at the weight of its hour."""
    most = cores * wall_s * 1000
    weighted = mul_div(most, weight_ppm, PPM, "up")
    return Rated(
        lines=(Line("hours", weighted, most, weight_ppm),),
        total=weighted,
        computing=weighted,
        cap=weighted,
        expected=weighted,
    )


def used_hours(*, used_cms: int, weight_ppm: int, cap: int) -> Rated:
    """What a withdrawal really took, never above what was reserved."""
    return _capped((Line("hours", mul_div(used_cms, weight_ppm, PPM, "up"), used_cms, weight_ppm),), cap)
