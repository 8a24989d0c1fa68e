"""The last night of a company's machines: what was offered from 22:00 to 08:00, and what it brought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from portal.accounts.models import Organisation
from portal.core.words import local

from .models import SlotClose
from .queries import start_of_day

BANKED = F("earned_cms") + Coalesce(F("idle_paid_cms"), 0)
BEGINS_H, ENDS_H = 22, 8  # of the platform's zone
EVERY_NIGHT = [day * 24 + hour for day in range(7) for hour in range(24) if hour < ENDS_H or hour >= BEGINS_H]


@dataclass(frozen=True)
class Place:
    """A site that offered hours in it."""

    public_id: str
    name: str


@dataclass(frozen=True)
class Night:
    """Closed hours of one night. Card-milliseconds, micro-yuan; what was taken back is not offered.

    ready_cms: the part of what was earned that is for standing ready.
    """

    start: datetime
    start_date: date
    offered_cms: int
    delivered_cms: int
    earned_cms: int
    ready_cms: int
    cash_uy: int
    hours: int
    simulated: int
    sites: list[Place]

    @property
    def is_simulated(self) -> bool:
        """All of it was skipped by a demonstration's clock."""
        return self.simulated == self.hours


@dataclass(frozen=True)
class Tonight:
    """The coming night, or what is left of the one that runs: its hours of the week, and the days they lie on."""

    hours: list[int]
    from_date: date
    to_date: date


def tonight(now: datetime) -> Tonight:
    here = local(now)
    day = here.weekday() - (here.hour < ENDS_H)
    begins = here.date() - timedelta(days=here.hour < ENDS_H)
    this = here.weekday() * 24 + here.hour
    hours = [(day * 24 + hour) % 168 for hour in range(BEGINS_H, 24 + ENDS_H)]
    return Tonight(
        [h for h in hours if (h - this) % 168 < 24], max(begins, here.date()), begins + timedelta(days=1)
    )


def span(start_date: date) -> tuple[datetime, datetime]:
    """The night that begins on a business day: from, and up to."""
    return (
        start_of_day(start_date) + timedelta(hours=BEGINS_H),
        start_of_day(start_date + timedelta(days=1)) + timedelta(hours=ENDS_H),
    )


def last_start(now: datetime) -> date:
    """The day on which the last night began that is over."""
    here = local(now)
    return here.date() - timedelta(days=1 if here.hour >= ENDS_H else 2)


def last_night(organisation: Organisation, now: datetime) -> Night | None:
    """None when nothing of it was closed. One query."""
    start_date = last_start(now)
    first, end = span(start_date)
    rows = list(
        SlotClose.objects.filter(organisation=organisation, hour__gte=first, hour__lt=end)
        .exclude(quantity_cms=0)
        .values("slot__site__public_id", "slot__site__name")
        .annotate(
            offered=Sum(F("quantity_cms") - F("recalled_cms")),
            delivered=Sum("delivered_cms"),
            earned=Sum(BANKED),
            idle_cms=Sum("idle_paid_cms"),
            cash=Sum(F("due_uy") + F("held_uy")),
            idle_uy=Sum("idle_paid_uy", filter=~Q(idle_paid_cms__gt=0)),
            hours=Count("pk"),
            simulated=Count("pk", filter=Q(is_simulated=True)),
        )
        .order_by("slot__site_id")
    )
    if not rows:
        return None
    return Night(
        start=first,
        start_date=start_date,
        offered_cms=sum(r["offered"] for r in rows),
        delivered_cms=sum(r["delivered"] for r in rows),
        earned_cms=sum(r["earned"] for r in rows),
        ready_cms=sum(r["idle_cms"] or 0 for r in rows),
        cash_uy=sum(r["cash"] + (r["idle_uy"] or 0) for r in rows),
        hours=sum(r["hours"] for r in rows),
        simulated=sum(r["simulated"] for r in rows),
        sites=[Place(r["slot__site__public_id"], r["slot__site__name"]) for r in rows],
    )
