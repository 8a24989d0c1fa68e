"""What a pledge is worth, what may be borrowed against it, and what a loan costs. Pure, integers only.

Quantities in card-milliseconds (cms), money in micro-yuan (uy), the index in micro-yuan per card-hour,
shares and yearly rates in parts per million (ppm). Formulas: value V = hours × index × haircut, rounded
down once; loan to value = debt ÷ V, rounded up; interest is simple, by the night, on the principal that is
left, booked in whole fen; what is not a fen yet is kept as an exact numerator over YEAR, so that how often it is
booked changes nothing.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from portal.core.money import CARD_HOUR_CMS, FEN_UY, PPM, mul_div
from portal.core.words import floor_fen

YEAR = 365 * PPM  # principal × rate (ppm) × nights ÷ YEAR = micro-yuan
WORTH = CARD_HOUR_CMS * PPM  # cms × index × haircut (ppm) ÷ WORTH = micro-yuan


def value_uy(cms: int, index_uy: int, haircut_ppm: int) -> int:
    """What pledged hours count for."""
    return cms * index_uy * haircut_ppm // WORTH


def ltv_ppm(debt_uy: int, value: int) -> int | None:
    """Loan to value; 0 without a debt, None where a debt stands against nothing."""
    if debt_uy <= 0:
        return 0
    return mul_div(debt_uy, PPM, value, "up") if value > 0 else None


def most_uy(value: int, limit_ppm: int) -> int:
    """The largest debt that stays within a limit."""
    return value * limit_ppm // PPM


def is_reached(debt_uy: int, value: int, level_ppm: int) -> bool:
    """Does the debt stand at that level or above it?"""
    return debt_uy > 0 and debt_uy * PPM >= level_ppm * value


def cash_to_cure(debt_uy: int, value: int, level_ppm: int) -> int:
    """X = B − τV: the least repayment after which the level is no longer reached; 0 where it is not."""
    if not is_reached(debt_uy, value, level_ppm):
        return 0
    return debt_uy - max(0, (level_ppm * value - 1) // PPM)


def hours_to_cure(debt_uy: int, cms: int, index_uy: int, haircut_ppm: int, level_ppm: int) -> int:
    """Y = B/τ − V in card-milliseconds: the least further pledge after which the level is not reached."""
    if not is_reached(debt_uy, value_uy(cms, index_uy, haircut_ppm), level_ppm):
        return 0
    wanted = debt_uy * PPM // level_ppm + 1
    return max(0, mul_div(wanted, WORTH, index_uy * haircut_ppm, "up") - cms)


def index_at(debt_uy: int, cms: int, haircut_ppm: int, level_ppm: int) -> int:
    """The highest index price at which the level is reached; 0 without a debt or a pledge."""
    if debt_uy <= 0 or cms <= 0:
        return 0
    highest = debt_uy * PPM // level_ppm  # the largest value at which it is
    return ((highest + 1) * WORTH - 1) // (cms * haircut_ppm)


def accrue(principal_uy: int, rate_ppm: int, nights: int, rest: int) -> tuple[int, int]:
    """(micro-yuan in whole fen, new rest): `rest` is the part of a fen left over before, in 1/YEAR micro-yuan."""
    fen, rest = divmod(principal_uy * rate_ppm * nights + rest, YEAR * FEN_UY)
    return fen * FEN_UY, rest


def split(amount_uy: int, interest_uy: int) -> tuple[int, int]:
    """(to interest, to principal): interest first."""
    interest = min(amount_uy, interest_uy)
    return interest, amount_uy - interest


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def business_days_later(day: date, days: int) -> date:
    """Monday to Friday; public holidays are not known here."""
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


@dataclass(frozen=True)
class Instalment:
    """What falls due on a day, if everything before was paid in time."""

    due_date: date
    principal_uy: int
    interest_uy: int
    left_uy: int

    @property
    def total_uy(self) -> int:
        return self.principal_uy + self.interest_uy


def _repaid_after(principal_uy: int, months: int, passed: int) -> int:
    """Principal of the first instalments together, in whole fen; the last one takes what is left."""
    return principal_uy if passed >= months else floor_fen(principal_uy * passed // months)


def schedule(principal_uy: int, rate_ppm: int, months: int, start: date) -> list[Instalment]:
    """Equal parts of the principal every month, each with the interest of the nights since."""
    plan, left, before, rest = [], principal_uy, start, 0
    for n in range(1, months + 1):
        day = months_later(start, n)
        interest, rest = accrue(left, rate_ppm, (day - before).days, rest)
        part = _repaid_after(principal_uy, months, n) - _repaid_after(principal_uy, months, n - 1)
        left, before = left - part, day
        plan.append(Instalment(day, part, interest, left))
    return plan


def planned_left(principal_uy: int, months: int, start: date, today: date) -> int:
    """How much principal may still be owed on that day, going by the plan."""
    passed = sum(1 for n in range(1, months + 1) if months_later(start, n) < today)
    return principal_uy - _repaid_after(principal_uy, months, passed)


def still_to_pay(
    plan: Sequence[Instalment], *, principal_uy: int, interest_uy: int, rest: int, rate_ppm: int, today: date
) -> list[Instalment]:
    """What is really left of a plan: what was paid early is taken off the nearest instalments, what is behind joins
    the next one, and interest is on what is owed. After the last day all of it is due at once."""
    if principal_uy + interest_uy <= 0:
        return []
    coming = [p for p in plan if p.due_date >= today] or [Instalment(today, 0, 0, 0)]
    rows, left, owed, before = [], principal_uy, interest_uy, today
    for planned in coming:
        more, rest = accrue(left, rate_ppm, (planned.due_date - before).days, rest)
        part = max(0, left - planned.left_uy)
        left, before = left - part, planned.due_date
        if part or owed + more:
            rows.append(Instalment(planned.due_date, part, owed + more, left))
        owed = 0
    return rows
