"""What a loan would mean, before hours are pledged for it: the most, an example of its cost, and a falling index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Min
from django.utils.timesince import timesince

from marketplace.catalogue.models import IndexPrice
from portal import policy
from portal.core.money import PPM
from portal.core.words import floor_fen

from . import collateral, queries, terms
from .models import Application

USUAL_MONTHS = 6
REMEMBERED = 100  # applications that say how long lenders take


@dataclass(frozen=True)
class Answers:
    """How long applications waited for their first offer: half of them not longer than `middle`."""

    count: int
    middle: timedelta
    longest: timedelta

    @property
    def middle_text(self) -> str:
        return _span(self.middle)

    @property
    def longest_text(self) -> str:
        return _span(self.longest)


def _span(waited: timedelta) -> str:
    """“3 hours”; a minute at least."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return timesince(began, began + max(waited, timedelta(minutes=1)), depth=1)


def answers() -> Answers | None:
    """Of the newest applications here that got an offer; None before the first one. One query."""
    rows = Application.objects.annotate(first=Min("offers__created_at")).filter(first__isnull=False)
    newest = rows.order_by("-id").values_list("created_at", "first")[:REMEMBERED]
    waited = sorted(first - asked for asked, first in newest)
    return Answers(len(waited), waited[(len(waited) - 1) // 2], waited[-1]) if waited else None


@dataclass(frozen=True)
class Outlook:
    """Micro-yuan, card-milliseconds, ppm. The example is at EXAMPLE_RATE_PPM; the lender sets the rate."""

    index: IndexPrice
    pledge_cms: int
    value_uy: int
    most_uy: int
    amount_uy: int
    months: int
    interest_uy: int
    first_uy: int
    last_uy: int
    open_until: datetime
    answers: Answers | None
    rate_ppm: int = terms.EXAMPLE_RATE_PPM
    counts_ppm: int = policy.COLLATERAL_HAIRCUT_PPM
    most_ppm: int = policy.LTV_ORIGINATION_PPM
    call_ppm: int = policy.LTV_CALL_PPM
    sale_ppm: int = policy.LTV_LIQUIDATION_PPM
    call_days: int = terms.MARGIN_DAYS

    @property
    def total_uy(self) -> int:
        return self.amount_uy + self.interest_uy

    @property
    def call_index_uy(self) -> int:
        return collateral.index_at(self.amount_uy, self.pledge_cms, self.counts_ppm, self.call_ppm)

    @property
    def sale_index_uy(self) -> int:
        return collateral.index_at(self.amount_uy, self.pledge_cms, self.counts_ppm, self.sale_ppm)

    @property
    def call_fall_ppm(self) -> int:
        return self._fall(self.call_index_uy)

    @property
    def sale_fall_ppm(self) -> int:
        return self._fall(self.sale_index_uy)

    def _fall(self, level_uy: int) -> int:
        return max(0, (self.index.price_uy - level_uy) * PPM // self.index.price_uy)


def of(
    row: queries.Pledgeable, *, cms: int | None, amount_uy: int | None, months: int | None, now: datetime
) -> Outlook | None:
    """For what is written of the form so far: all free hours, the most and six months where nothing is.

    An amount above the most is no loan; then the example is of the most. None without a price.
    """
    if row.index is None or not row.index.price_uy:
        return None
    pledge = min(cms or row.free_cms, row.free_cms)
    value = queries.worth(pledge, row.index)
    most = floor_fen(collateral.most_uy(value, policy.LTV_ORIGINATION_PPM))
    amount = min(amount_uy or most, most)
    plan = collateral.schedule(amount, terms.EXAMPLE_RATE_PPM, months or USUAL_MONTHS, queries.today(now))
    return Outlook(
        index=row.index,
        pledge_cms=pledge,
        value_uy=value,
        most_uy=most,
        amount_uy=amount,
        months=len(plan),
        interest_uy=sum(p.interest_uy for p in plan),
        first_uy=plan[0].total_uy,
        last_uy=plan[-1].total_uy,
        open_until=now + timedelta(seconds=terms.APPLICATION_VALID_S),
        answers=answers(),
    )
