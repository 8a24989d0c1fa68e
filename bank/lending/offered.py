"""What an offer would mean for the borrower, before it is accepted: every payment, the sum, and a falling index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from portal import policy
from portal.core.money import PPM
from portal.core.templatetags.suanli import percent, time_text, yuan

from . import collateral, queries, terms
from .models import Offer


@dataclass(frozen=True)
class Level:
    """A share of the pledge at which something happens, and the index at which the loan reaches it.

    fall_ppm: how far the index has to fall for it from today's; None without a price.
    """

    share_ppm: int
    index_uy: int
    fall_ppm: int | None


@dataclass(frozen=True)
class Offered:
    """An offer with its plan, if it were accepted today and paid in time. Micro-yuan, ppm."""

    offer: Offer
    ltv_ppm: int | None
    payments: list[collateral.Instalment]
    call: Level
    sale: Level
    call_days: int = terms.MARGIN_DAYS

    @property
    def total_uy(self) -> int:
        return sum(p.total_uy for p in self.payments)

    @property
    def interest_uy(self) -> int:
        return sum(p.interest_uy for p in self.payments)


def of(offer: Offer, found: queries.Asked, now: datetime) -> Offered:
    return Offered(
        offer=offer,
        ltv_ppm=found.ltv_of(offer.amount_uy),
        payments=collateral.schedule(offer.amount_uy, offer.rate_ppm, offer.months, queries.today(now)),
        call=_level(offer.amount_uy, found, policy.LTV_CALL_PPM),
        sale=_level(offer.amount_uy, found, policy.LTV_LIQUIDATION_PPM),
    )


def _level(debt_uy: int, found: queries.Asked, share_ppm: int) -> Level:
    index = collateral.index_at(debt_uy, found.pledged_cms, found.counts_ppm, share_ppm) if found.pledged_cms else 0
    today = found.index.price_uy if found.index else 0
    return Level(share_ppm, index, max(0, (today - index) * PPM // today) if today and index else None)


def lines(found: Offered) -> list[dict[str, Any]]:
    """For the question before it is accepted."""
    rate, months = percent(found.offer.rate_ppm, "short"), found.offer.months
    return [
        {"label": _("Lender"), "text": found.offer.lender.name},
        {"label": _("Into your wallet"), "amount_uy": found.offer.amount_uy, "note": _("at once, when you take it")},
        {"label": _("Interest a year"), "text": f"{rate} %", "note": _("by the night, on what is still owed")},
        *(
            {
                "label": _("{n} of {months}: due on {date}").format(
                    n=n, months=months, date=time_text(p.due_date, "date")
                ),
                "note": _("{principal} principal, {interest} interest").format(
                    principal=yuan(p.principal_uy), interest=yuan(p.interest_uy)
                ),
                "amount_uy": p.total_uy,
            }
            for n, p in enumerate(found.payments, 1)
        ),
        {
            "label": _("To repay altogether"),
            "note": _("{interest} of it is interest").format(interest=yuan(found.interest_uy)),
            "amount_uy": found.total_uy,
            "total": True,
        },
    ]
