"""The close of an hour as arithmetic. Pure: integers in, integers out.

An hour of quantity q ends in five outcomes that sum to q:

    recalled         r   taken back by its owner
    delivered        d   metered and charged to a customer
    failed           f   metered in runs that the site did not deliver; nobody pays for them
    idle, verified   e   not used while the site answered
    idle, unverified     the rest

bank.md writes d = min(a, live). Here d is what billing has charged already, because there is one settler:
a run that was metered and charged proves that the machine was there, so heartbeats (n) are raised to it and
only decide how much of the idle time is verified. A run that ended by its own file's fault costs nobody
anything; its time counts as idle.

Quantities are card-milliseconds, money micro-yuan, weights and shares parts per million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.core.money import CARD_HOUR_CMS, FEN_UY, PPM, ceil_to, mul_div, price_of, share
from portal.core.words import floor_fen


@dataclass(frozen=True)
class Outcomes:
    delivered: int
    failed: int
    idle_verified: int
    idle_unverified: int
    recalled: int

    @property
    def total(self) -> int:
        return self.delivered + self.failed + self.idle_verified + self.idle_unverified + self.recalled


def outcomes(
    *, quantity: int, recalled: int, delivered: int, failed: int, seen_alive: int, live_minutes: int
) -> Outcomes:
    """The five outcomes. seen_alive: time in which runs were metered, charged or not, except failed ones.

    Raises ValueError when more was used and recalled than there was.
    """
    idle = quantity - recalled - delivered - failed
    if min(quantity, recalled, delivered, failed, idle, seen_alive) < 0 or not 0 <= live_minutes <= 60:
        raise ValueError("more was used than there is")
    live = min(max(quantity * live_minutes // 60, seen_alive), quantity - recalled)
    verified = min(idle, max(0, live - delivered))
    return Outcomes(
        delivered=delivered,
        failed=failed,
        idle_verified=verified,
        idle_unverified=idle - verified,
        recalled=recalled,
    )


def parts(amount: int, used: Sequence[int]) -> list[int]:
    """An order's computing laid over the hours it ran in: sums exactly, whichever hour is closed first."""
    total, so_far, given, found = sum(used), 0, 0, []
    for position, one in enumerate(used):
        so_far += one
        upto = amount if position == len(used) - 1 else amount * so_far // total if total else 0
        found.append(upto - given)
        given = upto
    return found


@dataclass(frozen=True)
class Cash:
    """What becomes of cash for delivered hours; sums to it."""

    due: int
    held: int
    fee: int


def cash(amount: int, *, fee_ppm: int, holdback_ppm: int) -> Cash:
    """Less the fee (rounded up), of the rest a part held back (rounded down)."""
    fee = share(amount, fee_ppm, "up")
    held = share(amount - fee, holdback_ppm)
    return Cash(due=amount - fee - held, held=held, fee=fee)


def earned(delivered: int, *, slot_weight: int, paid_weight: int, fee_ppm: int) -> int:
    """Banked hours for delivered ones, before they are limited by what stands behind them."""
    weighted = delivered * min(slot_weight, paid_weight) // PPM
    return share(weighted, PPM - fee_ppm)


def backed_by(cash_uy: int, index_uy: int) -> int:
    """How many banked hours a sum of money covers at the index."""
    return cash_uy * CARD_HOUR_CMS // index_uy if index_uy > 0 else 0


def worth(quantity: int, index_uy: int) -> int:
    """Banked hours in money at the index, rounded down."""
    return price_of(quantity, index_uy, "down")


def idle_due(verified: int, *, weight: int, phi_ppm: int) -> int:
    """φ · w · e, in banked hours."""
    return mul_div(verified * weight, phi_ppm, PPM * PPM, "down")


def cut(dues: Sequence[int], budget: int) -> list[int]:
    """All shares cut alike, so that together they stay within the budget."""
    total = sum(dues)
    if total <= budget:
        return list(dues)
    return [due * max(0, budget) // total for due in dues]


def hour_budget(*, day_budget: int, paid: int, hours_left: int) -> int:
    """What one hour may take of its day's budget: an equal part of what is left."""
    return max(0, day_budget - paid) // max(1, hours_left)


def compensation(failed: int, *, rate_uy_per_hour: int, share_ppm: int) -> int:
    """What a customer gets for time that a site failed to deliver: up to the next fen."""
    return ceil_to(share(price_of(failed, rate_uy_per_hour, "down"), share_ppm), FEN_UY)


def late_fee(quantity: int, *, weight: int, index_uy: int, fee_ppm: int) -> int:
    """What taking an hour back too late costs: a part of what the hour is worth, down to a whole fen."""
    return floor_fen(share(worth(quantity * weight // PPM, index_uy), fee_ppm))
