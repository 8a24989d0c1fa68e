"""What painted hours bring, about: from nothing sold to what is expected, and how much has found work so far."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Sum

from marketplace.dispatch import weights
from marketplace.dispatch.models import Site
from portal import policy
from portal.core.money import CARD_HOUR_CMS, PPM, mul_div, share

from . import close
from .models import Deposit, SlotClose
from .queries import index_of

LEAST_CLOSES = 168  # fewer closed hours than a week's say nothing about what finds work
LOOK_BACK = timedelta(weeks=8)


@dataclass(frozen=True)
class Record:
    """How much of all that was ever deposited here has found work. Card-milliseconds."""

    deposited_cms: int
    delivered_cms: int


def record() -> Record | None:
    """None before the first deposited hour was closed."""
    seen = SlotClose.objects.filter(deposit__isnull=False).aggregate(q=Sum("quantity_cms"), d=Sum("delivered_cms"))
    return Record(seen["q"], seen["d"]) if seen["q"] else None


@dataclass(frozen=True)
class Estimate:
    """What a week of painted hours brings, about. Quantities in card-milliseconds, money in micro-yuan."""

    hours: int
    painted_cms: int
    work_ppm: int
    is_measured: bool
    found_cms: int
    weight_ppm: int
    index_uy: int
    index_date: date | None
    gross_uy: int
    idle_uy: int
    fee_uy: int
    net_uy: int
    banked_cms: int
    ready_uy: int  # if nothing is sold: firm hours are paid for standing ready, others nothing
    ready_cms: int
    record: Record | None  # beside a guess, as soon as there is one

    @property
    def weight_text(self) -> str:
        """“0.61”."""
        return f"{self.weight_ppm // 10_000 / 100:.2f}"


def work_share(site: Site, hours: Collection[int], now: datetime) -> tuple[int, bool]:
    """Which part of deposited hours finds work, ppm: measured over eight weeks, or the operator's estimate (False)."""
    seen = SlotClose.objects.filter(
        deposit__isnull=False,
        slot__site__resource_class_id=site.resource_class_id,
        hour__gte=now - LOOK_BACK,
        is_simulated=False,
    ).aggregate(
        n=Count("pk"),
        delivered=Sum("delivered_cms"),
        quantity=Sum("quantity_cms"),
        recalled=Sum("recalled_cms"),
    )
    there = (seen["quantity"] or 0) - (seen["recalled"] or 0)
    if seen["n"] >= LEAST_CLOSES and there:
        return mul_div(seen["delivered"], PPM, there, "down"), True
    if not hours:
        return 0, False
    guess = [weights.DEFAULT_UTILISATION_PPM[h // 24 >= 5][h % 24] * 1000 for h in hours]
    return sum(guess) // len(guess), False


def estimate(*, site: Site, hours: Collection[int], cards: int, mode: str, now: datetime) -> Estimate:
    """Painted × share that finds work × weight × index − fee; firm: and φ of the rest, or of all if nothing is sold."""
    painted = sorted({h for h in hours if 0 <= h <= 167})
    table = weights.week_of_weights()
    weight = sum(table[h] for h in painted) // len(painted) if painted else 0
    quantity = len(painted) * cards * CARD_HOUR_CMS
    work, is_measured = work_share(site, painted, now)
    found = share(quantity, work)
    index = index_of(site.resource_class_id, now)
    price = index.price_uy if index else 0
    gross = close.worth(share(found, weight), price)
    idle_cms = ready_cms = 0
    if mode == Deposit.Mode.FIRM:
        live = share(quantity, site.availability_ppm)
        idle_cms = close.idle_due(max(0, live - found), weight=weight, phi_ppm=policy.FIRM_IDLE_SHARE_PPM)
        ready_cms = close.idle_due(live, weight=weight, phi_ppm=policy.FIRM_IDLE_SHARE_PPM)
    idle = close.worth(idle_cms, price)
    fee = share(gross, policy.PLATFORM_FEE_PPM, "up")
    banked = share(share(found, weight), PPM - policy.PLATFORM_FEE_PPM) + idle_cms
    return Estimate(
        hours=len(painted),
        painted_cms=quantity,
        work_ppm=work,
        is_measured=is_measured,
        found_cms=found,
        weight_ppm=weight,
        index_uy=price,
        index_date=index.date if index else None,
        gross_uy=gross,
        idle_uy=idle,
        fee_uy=fee,
        net_uy=gross + idle - fee,
        banked_cms=banked,
        ready_uy=close.worth(ready_cms, price),
        ready_cms=ready_cms,
        record=None if is_measured else record(),
    )
