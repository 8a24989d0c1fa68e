"""What idle machines bring, for somebody who has not signed up: a worked example from the platform's own figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bank.deposits import close
from bank.deposits.estimates import Record, record
from bank.deposits.queries import index_of
from marketplace.catalogue.models import ResourceClass
from marketplace.dispatch import weights
from portal import policy
from portal.core.money import CARD_HOUR_CMS, share

CORES = 8
NIGHTS = [day * 24 + hour for day in range(7) for hour in (22, 23, 0, 1, 2, 3, 4, 5, 6, 7)]


@dataclass(frozen=True)
class Example:
    """A week of eight cores from 22:00 to 08:00. Card-milliseconds, micro-yuan, parts per million.

    all_uy: every hour is sold; ready_uy: none is, and all stand ready (firm).
    """

    cores: int
    quantity_cms: int
    index_uy: int
    index_date: date
    weight_ppm: int
    fee_ppm: int
    all_uy: int
    ready_uy: int
    record: Record | None


def example(*, now: datetime) -> Example | None:
    """None while no class that is sold has a price index."""
    sellable = ResourceClass.objects.filter(is_sellable=True).order_by("pk").first()
    index = index_of(sellable.pk, now) if sellable else None
    if index is None:
        return None
    table = weights.week_of_weights()
    weight = sum(table[h] for h in NIGHTS) // len(NIGHTS)
    quantity = len(NIGHTS) * CORES * CARD_HOUR_CMS
    gross = close.worth(share(quantity, weight), index.price_uy)
    ready = close.idle_due(quantity, weight=weight, phi_ppm=policy.FIRM_IDLE_SHARE_PPM)
    return Example(
        cores=CORES,
        quantity_cms=quantity,
        index_uy=index.price_uy,
        index_date=index.date,
        weight_ppm=weight,
        fee_ppm=policy.PLATFORM_FEE_PPM,
        all_uy=gross - share(gross, policy.PLATFORM_FEE_PPM, "up"),
        ready_uy=close.worth(ready, index.price_uy),
        record=record(),
    )
