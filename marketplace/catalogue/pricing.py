"""The most a run can cost, and what it is expected to cost. Pure: plain integers in and out.

    charge = base + units × price per unit + card-time used × rate,  card-time used ≤ core limit

The cap puts the core limit into that formula and goes up to the next whole yuan, so that a price has no
fen and a run that is stopped at its limit still fits below it.
"""

from __future__ import annotations

from typing import Protocol

from portal.core.money import CNY_UY, ceil_to, mul_div, price_of, to_fen


class Priced(Protocol):
    """What a price is made of: a Plan, or numbers that are not stored yet."""

    @property
    def base_uy(self) -> int: ...
    @property
    def per_unit_uy(self) -> int: ...
    @property
    def rate_uy_per_hour(self) -> int: ...
    @property
    def core_limit_cms(self) -> int: ...


def cap_uy(plan: Priced, units: int) -> int:
    """Micro-yuan that a run of so many units can never exceed; whole yuan. ValueError below one unit."""
    if units < 1:
        raise ValueError("a run has at least one unit")
    fixed = plan.base_uy + units * plan.per_unit_uy
    return ceil_to(fixed + price_of(plan.core_limit_cms, plan.rate_uy_per_hour, "up"), CNY_UY)


def expected_uy(plan: Priced, units: int, *, measured_cms: int, measured_units: int) -> int | None:
    """Micro-yuan that a run of so many units will likely cost; None when nothing was measured.

    To the nearest fen, as a quote says it. Scales the card-time measured on `measured_units` with the units, and
    stays below the cap. A price without a part for card-time needs no measurement.
    """
    if units < 1 or measured_units < 1:
        raise ValueError("a run has at least one unit")
    fixed = plan.base_uy + units * plan.per_unit_uy
    if plan.rate_uy_per_hour == 0:
        return to_fen(fixed)
    if measured_cms < 1:
        return None
    likely_cms = min(mul_div(measured_cms, units, measured_units), plan.core_limit_cms)
    return to_fen(fixed + price_of(likely_cms, plan.rate_uy_per_hour))

