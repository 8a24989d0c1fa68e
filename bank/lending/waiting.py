"""What waits for somebody's answer in lending, as their dashboard says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Prefetch, Q

from portal.accounts.models import Organisation

from . import queries
from .models import Application, Offer

SHOWN = 3


@dataclass(frozen=True)
class ToAnswer:
    """Applications that this lender has neither offered on nor refused; the oldest of them."""

    count: int
    oldest: list[Application]


def to_answer(lender: Organisation, now: datetime) -> ToAnswer:
    """Two queries; one when nothing waits."""
    offered = Offer.objects.filter(lender=lender, state=Offer.State.OPEN, expires_at__gt=now)
    rows = queries.open_for(lender, now).exclude(pk__in=offered.values("application"))
    count = rows.count()
    return ToAnswer(count, list(rows[:SHOWN]) if count else [])


def asked_by(organisation: Organisation, now: datetime) -> list[Application]:
    """Its applications that are open, each with `open_offers`, those with an offer first. Two queries, one for none."""
    open_now = Q(state=Offer.State.OPEN, expires_at__gt=now)
    offers = Offer.objects.filter(open_now).select_related("lender").order_by("expires_at")
    return list(
        Application.objects.filter(organisation=organisation, state=Application.State.OPEN, expires_at__gt=now)
        .annotate(answers=Count("offers", filter=Q(offers__state=Offer.State.OPEN, offers__expires_at__gt=now)))
        .prefetch_related(Prefetch("offers", offers, to_attr="open_offers"))
        .order_by("-answers", "id")[:SHOWN]
    )
