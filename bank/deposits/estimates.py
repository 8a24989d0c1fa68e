"""What hours bring, about: as this platform's own record goes, as is assumed, and if nothing is sold.

Made to be checked by hand: the weight is rounded to two decimals, shares to two decimals of a per cent and every sum
to the fen, before the next line is worked out from it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum

from marketplace.catalogue.models import IndexPrice
from marketplace.dispatch import weights
from marketplace.dispatch.models import Site
from portal import policy
from portal.core.money import CARD_HOUR_CMS, FEN_UY, PPM, mul_div, share
from portal.core.words import floor_fen, local

from . import close, queries
from .models import Deposit, SlotClose

WINDOWS = (30, 90)  # days back that are asked for a record, the nearest first
DAYS = 7
HUNDREDTH_PPM = 10_000  # 0.01
BASIS_PPM = 100  # 0.01 %


@dataclass(frozen=True)
class Record:
    """What became of the hours deposited here in the last days. hours: closed ones; taken back is not offered."""

    days: int
    since: date
    hours: int
    simulated: int
    offered_cms: int
    delivered_cms: int

    @property
    def work_ppm(self) -> int:
        """The part that found work, down to 0.01 %."""
        return mul_div(self.delivered_cms, PPM // BASIS_PPM, self.offered_cms, "down") * BASIS_PPM


def record(resource_class_id: int, now: datetime) -> Record | None:
    """Of the last 30 days, else of 90; None without an hour that was offered and closed. One query."""
    sums: dict[str, Any] = {}
    for days in WINDOWS:
        inside = Q(hour__gte=now - timedelta(days=days))
        sums |= {
            f"n{days}": Count("pk", filter=inside),
            f"since{days}": Min("hour", filter=inside),
            f"simulated{days}": Count("pk", filter=inside & Q(is_simulated=True)),
            f"quantity{days}": Sum("quantity_cms", filter=inside),
            f"recalled{days}": Sum("recalled_cms", filter=inside),
            f"delivered{days}": Sum("delivered_cms", filter=inside),
        }
    mine = SlotClose.objects.filter(deposit__isnull=False, slot__site__resource_class_id=resource_class_id)
    seen = mine.filter(hour__gte=now - timedelta(days=WINDOWS[-1])).aggregate(**sums)
    for days in WINDOWS:
        offered = (seen[f"quantity{days}"] or 0) - (seen[f"recalled{days}"] or 0)
        if offered > 0:
            return Record(
                days=days,
                since=local(seen[f"since{days}"]).date(),
                hours=seen[f"n{days}"],
                simulated=seen[f"simulated{days}"],
                offered_cms=offered,
                delivered_cms=seen[f"delivered{days}"],
            )
    return None


def _fen(amount_uy: int) -> int:
    """To the nearest fen."""
    return mul_div(amount_uy, 1, FEN_UY) * FEN_UY


def assumed_ppm(hours: Collection[int]) -> int:
    """Which part of such hours finds work by the operator's first guess, down to 0.01 %."""
    guess = [weights.DEFAULT_UTILISATION_PPM[h // 24 >= 5][h % 24] * 1000 for h in hours]
    return sum(guess) // len(guess) // BASIS_PPM * BASIS_PPM if guess else 0


@dataclass(frozen=True)
class Case:
    """A week in which so much finds work. work = gross − fee; most = work + ready.

    idle: what the rule gives for standing ready; ready: of it, what the reserve's budget of seven days would pay if
    nobody else stood ready. Neither is promised.
    """

    work_ppm: int
    found_cms: int
    gross_uy: int
    fee_uy: int
    work_cms: int  # banked hours for what finds work
    idle_uy: int
    ready_cms: int
    ready_uy: int

    @property
    def work_uy(self) -> int:
        return self.gross_uy - self.fee_uy

    @property
    def most_uy(self) -> int:
        return self.work_uy + self.ready_uy

    @property
    def is_cut(self) -> bool:
        """The reserve could not pay all that the rule gives."""
        return self.ready_uy < self.idle_uy

    @property
    def work_text(self) -> str:
        """The share in per cent: “24” or “0.06”."""
        basis = self.work_ppm // BASIS_PPM
        return f"{basis // 100}.{basis % 100:02d}".removesuffix(".00")


@dataclass(frozen=True)
class Estimate:
    """What a week of hours brings, about. Quantities in card-milliseconds, money in micro-yuan.

    full_uy: all of it at the price, before the fee; none: nothing is sold; by_record: as it went here so far.
    """

    hours: int
    cores: int
    painted_cms: int
    weight_ppm: int
    index_uy: int
    index_date: date | None
    full_uy: int
    availability_ppm: int
    budget_uy: int  # what the reserve pays everybody for standing ready, this day
    record: Record | None
    by_record: Case | None
    assumed: Case
    none: Case

    @property
    def lead(self) -> Case:
        """The figure to go by: the record where there is one."""
        return self.by_record or self.assumed

    @property
    def weight_text(self) -> str:
        """“0.61”."""
        return f"{self.weight_ppm // HUNDREDTH_PPM / 100:.2f}"


@dataclass(frozen=True)
class Facts:
    """What an estimate of a class goes by today, whichever its hours are. Micro-yuan."""

    index: IndexPrice | None
    record: Record | None
    budget_uy: int


def facts(resource_class_id: int, now: datetime) -> Facts:
    return Facts(queries.index_of(resource_class_id, now), record(resource_class_id, now), queries.idle_budget(now))


class Known:
    """The facts of classes at one instant, each asked for once."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._facts: dict[int, Facts] = {}

    def of(self, resource_class_id: int) -> Facts:
        if resource_class_id not in self._facts:
            self._facts[resource_class_id] = facts(resource_class_id, self.now)
        return self._facts[resource_class_id]


def estimate(
    *, site: Site, hours: Collection[int], cards: int, mode: str, now: datetime, known: Facts | None = None
) -> Estimate:
    """For painted hours of a site; `known`: its facts, where more than one is worked out."""
    return reckon(
        known=known,
        resource_class_id=site.resource_class_id,
        hours=hours,
        cards=cards,
        is_firm=mode == Deposit.Mode.FIRM,
        availability_ppm=site.availability_ppm,
        now=now,
    )


def reckon(
    *,
    resource_class_id: int,
    hours: Collection[int],
    cards: int,
    is_firm: bool,
    availability_ppm: int,
    now: datetime,
    known: Facts | None = None,
) -> Estimate:
    """Core-hours × weight × price = full; × share that finds work − fee; firm: + φ of the rest that is there."""
    painted = sorted({h for h in hours if 0 <= h <= 167})
    table = weights.week_of_weights()
    weight = sum(table[h] for h in painted) // len(painted) // HUNDREDTH_PPM * HUNDREDTH_PPM if painted else 0
    quantity = len(painted) * cards * CARD_HOUR_CMS
    known = known or facts(resource_class_id, now)
    index, seen, budget = known.index, known.record, known.budget_uy
    price = index.price_uy if index else 0
    full = _fen(close.worth(share(quantity, weight), price))

    def case(work_ppm: int) -> Case:
        found = share(quantity, work_ppm)
        gross = _fen(share(full, work_ppm))
        idle_cms = 0
        if is_firm:
            there = max(0, share(quantity, availability_ppm) - found)
            idle_cms = close.idle_due(there, weight=weight, phi_ppm=policy.FIRM_IDLE_SHARE_PPM)
        idle = _fen(close.worth(idle_cms, price))
        ready = min(idle, DAYS * floor_fen(budget))
        return Case(
            work_ppm=work_ppm,
            found_cms=found,
            gross_uy=gross,
            fee_uy=_fen(share(gross, policy.PLATFORM_FEE_PPM)),
            work_cms=share(share(found, weight), PPM - policy.PLATFORM_FEE_PPM),
            idle_uy=idle,
            ready_cms=mul_div(idle_cms, ready, idle, "down") if idle else 0,
            ready_uy=ready,
        )

    return Estimate(
        hours=len(painted),
        cores=cards,
        painted_cms=quantity,
        weight_ppm=weight,
        index_uy=price,
        index_date=index.date if index else None,
        full_uy=full,
        availability_ppm=availability_ppm,
        budget_uy=budget,
        record=seen,
        by_record=case(seen.work_ppm) if seen else None,
        assumed=case(assumed_ppm(painted)),
        none=case(0),
    )
