"""Reads of this room: the index, what became of every hour, banked hours, earnings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from bank.ledger import queries as books
from bank.ledger import words as ledger_words
from bank.ledger.chart import CARD_HOURS, Kind
from bank.ledger.models import Account, Lot
from marketplace.billing.models import Charge
from marketplace.catalogue.models import IndexPrice, ResourceClass
from marketplace.dispatch.models import ReservationLine, Site, Slot
from marketplace.orders.models import Order
from portal import policy
from portal.accounts.models import Organisation
from portal.core.clock import hour_of
from portal.core.money import CARD_HOUR_CMS, mul_div, share
from portal.core.templatetags.suanli import hours
from portal.core.words import joined, local, whole_places

from . import close
from .models import Deposit, HoldBack, IdleDay, Payout, SlotClose


def index_of(resource_class_id: int, now: datetime) -> IndexPrice | None:
    """The dated market price of a class that holds now; before the first one, the first."""
    prices = IndexPrice.objects.filter(resource_class_id=resource_class_id)
    return (
        prices.filter(date__lte=local(now).date()).order_by("-date").first()
        or prices.order_by("date").first()
    )


def start_of_day(day: date) -> datetime:
    """Midnight of a business day, in UTC."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(settings.PLATFORM_TZ)).astimezone(UTC)


def monday_of(now: datetime) -> date:
    today = local(now).date()
    return today - timedelta(days=today.weekday())


def outstanding_worth(now: datetime) -> int:
    """All hours banked, of every class, at the index of the day. Micro-yuan, rounded up."""
    total = 0
    classes = {c.asset: c.pk for c in ResourceClass.objects.all()}
    accounts = list(Account.objects.filter(kind=Kind.CLAIMS_BACKING, owner=None))
    for pk, balance in books.balances(accounts).items():
        asset = next(a.asset for a in accounts if a.pk == pk)
        index = index_of(classes[asset], now) if asset in classes else None
        if index is not None and balance.posted < 0:
            total += mul_div(-balance.posted, index.price_uy, CARD_HOUR_CMS, "up")
    return total


def free_reserve(now: datetime) -> int:
    """What the reserve has above its floor and above what stands behind all hours banked. May be negative."""
    account = books.find(owner=None, kind=Kind.RESERVE)
    available = books.balance(account).available if account else 0
    return (available or 0) - policy.RESERVE_FLOOR_UY - outstanding_worth(now)


def idle_budget(now: datetime) -> int:
    """What the reserve may pay everybody for standing ready on this day: fixed already, or as it would be now."""
    fixed = IdleDay.objects.filter(date=local(now).date()).first()
    return fixed.budget_uy if fixed else share(max(0, free_reserve(now)), policy.IDLE_BUDGET_PPM)


# ---- sites


def sites_of(organisation: Organisation) -> QuerySet[Site]:
    return (
        Site.objects.filter(organisation=organisation)
        .select_related("region", "resource_class")
        .order_by("id")
    )


def site_for(organisation: Organisation, public_id: str) -> Site | None:
    return sites_of(organisation).filter(public_id=public_id).first()


@dataclass(frozen=True)
class SiteRow:
    """A site with what stands in the pool and what is deposited."""

    site: Site
    slots: int
    deposits: int


def site_rows(organisation: Organisation) -> list[SiteRow]:
    rows = sites_of(organisation).annotate(
        ahead=Count("slots", filter=Q(slots__closed_at=None), distinct=True),
        given=Count("deposits", filter=Q(deposits__state=Deposit.State.OPEN), distinct=True),
    )
    return [SiteRow(s, s.ahead, s.given) for s in rows]  # type: ignore[attr-defined]


# ---- deposits and their hours


def taken_hours(site: Site, from_date: date, to_date: date) -> set[int]:
    """Hours of the week that open deposits of the site hold already somewhere between two days."""
    taken: set[int] = set()
    for other in Deposit.objects.filter(
        site=site, state=Deposit.State.OPEN, from_date__lte=to_date, to_date__gte=from_date
    ):
        first, last = max(from_date, other.from_date), min(to_date, other.to_date)
        days = {(first + timedelta(days=n)).weekday() for n in range(min(7, (last - first).days + 1))}
        taken |= {h for h in other.hours if h // 24 in days}
    return taken


@dataclass(frozen=True)
class Day:
    """The coming hours of a deposit on one day."""

    date: date
    hours: int
    free_cms: int
    reserved_cms: int
    recalled_cms: int
    ranges: str  # “00:00–08:00, 22:00–24:00”


@dataclass(frozen=True)
class DepositView:
    deposit: Deposit
    days: list[Day]
    ahead: int
    expected: Any = None  # estimates.Estimate of an open one, where a page asks for it

    @property
    def is_short(self) -> bool:
        """It ends before any hour of the week comes twice."""
        return (self.deposit.to_date - self.deposit.from_date).days < 7


def deposits_of(organisation: Organisation, now: datetime) -> list[DepositView]:
    """Open deposits first, each with its coming days in the pool."""
    rows = list(
        Deposit.objects.filter(organisation=organisation)
        .select_related("site__resource_class", "site__region")
        .order_by("-state", "-id")[:20]
    )
    slots = Slot.objects.filter(
        source__in=[d.source for d in rows], hour__gte=hour_of(now), closed_at=None
    ).order_by("hour")
    by_source: dict[str, dict[date, list[Slot]]] = {}
    for slot in slots:
        by_source.setdefault(slot.source, {}).setdefault(local(slot.hour).date(), []).append(slot)
    return [
        DepositView(
            d,
            [_day(on, group) for on, group in by_source.get(d.source, {}).items()],
            sum(len(g) for g in by_source.get(d.source, {}).values()),
        )
        for d in rows
    ]


def _day(on: date, slots: list[Slot]) -> Day:
    return Day(
        date=on,
        hours=len(slots),
        reserved_cms=sum(s.reserved_cms for s in slots),
        recalled_cms=sum(s.recalled_cms for s in slots),
        free_cms=sum(s.quantity_cms - s.recalled_cms - s.reserved_cms for s in slots),
        ranges=_ranges([local(slot.hour).hour for slot in slots]),
    )


def _ranges(hours: list[int]) -> str:
    """Hours of one day, ascending, as stretches of the clock."""
    found: list[list[int]] = []
    for hour in hours:
        if found and found[-1][1] == hour:
            found[-1][1] = hour + 1
        else:
            found.append([hour, hour + 1])
    return joined(f"{first:02d}:00–{last:02d}:00" for first, last in found)


def deposit_for(organisation: Organisation, public_id: str) -> Deposit | None:
    return (
        Deposit.objects.select_related("site__resource_class")
        .filter(organisation=organisation, public_id=public_id)
        .first()
    )


def slots_of_day(deposit: Deposit, on: date, now: datetime) -> list[Slot]:
    """The coming slots of a day that something can be taken back from."""
    start = start_of_day(on)
    return [s for s in slots_ahead(deposit, now) if start <= s.hour < start + timedelta(days=1)]


def slots_ahead(deposit: Deposit, now: datetime) -> list[Slot]:
    """All coming slots that something can be taken back from."""
    return [
        s
        for s in Slot.objects.filter(source=deposit.source, closed_at=None, hour__gt=now).order_by("hour")
        if s.quantity_cms > s.recalled_cms + s.reserved_cms
    ]


# ---- what became of every hour


OUTCOMES = ("delivered_cms", "idle_verified_cms", "idle_unverified_cms", "recalled_cms", "failed_cms")


@dataclass(frozen=True)
class Became:
    """Closed hours, day by day, as the bars want them, and their sums in card-milliseconds.

    Banked hours stand in the table in whole places that add up to their sum as it is shown.
    """

    rows: list[tuple[date, tuple[int, ...]]]
    sums: dict[str, int]
    quantity_cms: int
    closes: int
    simulated: int
    table: list[dict[str, Any]]
    first: date | None
    last: date | None

    @property
    def totals(self) -> list[str]:
        """The five sums as text; so little that it would read as nothing is said."""
        return [hours(self.sums[name], "least").removesuffix(".0") for name in OUTCOMES]


def became(organisation: Organisation, now: datetime, days: int = 14) -> Became:
    """What became of every hour of the last days on which there were any. Bars in tenths of hours."""
    rows = (
        SlotClose.objects.filter(organisation=organisation, hour__gte=now - timedelta(days=days + 1))
        .exclude(quantity_cms=0)
        .order_by("hour")
    )
    by_day: dict[date, dict[str, Any]] = {}
    closes = simulated = 0
    for row in rows:
        day = by_day.setdefault(
            local(row.hour).date(),
            dict.fromkeys((*OUTCOMES, "earned_cms", "cash_uy", "n", "simulated"), 0),
        )
        for name in OUTCOMES:
            day[name] += getattr(row, name)
        day["earned_cms"] += row.earned_cms + (row.idle_paid_cms or 0)
        ready_uy = 0 if row.idle_paid_cms else row.idle_paid_uy or 0
        day["cash_uy"] += row.due_uy + row.held_uy + ready_uy - row.late_fee_uy
        day["n"] += 1
        day["simulated"] += row.is_simulated
        closes += 1
        simulated += row.is_simulated
    sums = {name: sum(d[name] for d in by_day.values()) for name in (*OUTCOMES, "earned_cms", "cash_uy")}
    ordered = sorted(by_day)
    # what is shown of the days adds up to what is shown of all of them, and that to what is banked
    parts = ledger_words.parts([by_day[on]["earned_cms"] for on in ordered], CARD_HOURS)
    for on, part in zip(ordered, parts, strict=True):
        by_day[on]["earned_cms"] = part
    return Became(
        rows=[
            (on, tuple(mul_div(by_day[on][name], 1, CARD_HOUR_CMS) for name in OUTCOMES)) for on in ordered
        ],
        sums=sums,
        quantity_cms=sum(sums[name] for name in OUTCOMES),
        closes=closes,
        simulated=simulated,
        table=[{"date": on, **by_day[on]} for on in reversed(ordered)],
        first=ordered[0] if ordered else None,
        last=ordered[-1] if ordered else None,
    )


@dataclass(frozen=True)
class InAll:
    """What all closed hours of a company brought, ever. Cash less fees for taking back late; with what is held back."""

    hours: int
    first: date | None
    earned_cms: int
    cash_uy: int


def in_all(organisation: Organisation) -> InAll:
    """One query."""
    mine = SlotClose.objects.filter(organisation=organisation).exclude(quantity_cms=0)
    found = mine.aggregate(
        hours=Count("pk"),
        first=Min("hour"),
        earned=Sum(F("earned_cms") + Coalesce(F("idle_paid_cms"), 0)),
        cash=Sum(F("due_uy") + F("held_uy") - F("late_fee_uy")),
        ready=Sum("idle_paid_uy", filter=~Q(idle_paid_cms__gt=0)),
    )
    return InAll(
        hours=found["hours"],
        first=local(found["first"]).date() if found["first"] else None,
        earned_cms=found["earned"] or 0,
        cash_uy=(found["cash"] or 0) + (found["ready"] or 0),
    )


# ---- banked hours


@dataclass(frozen=True)
class Shown:
    """Banked hours as pages show them: whole places that add up, all = free + held + pledged."""

    all_cms: int
    posted_cms: int
    free_cms: int
    held_cms: int
    pledged_cms: int


@dataclass(frozen=True)
class Banked:
    """Banked hours of one class. free: neither reserved for a run nor pledged."""

    resource_class: ResourceClass
    account: Account
    posted_cms: int
    held_cms: int
    free_cms: int
    pledged_cms: int
    next_cms: int
    next_at: datetime | None
    index_uy: int
    index_date: date | None
    worth_uy: int

    @property
    def shown(self) -> Shown:
        posted, free, pledged = (whole_places(q) for q in (self.posted_cms, self.free_cms, self.pledged_cms))
        return Shown(posted + pledged, posted, free, posted - free, pledged)


def banked(organisation: Organisation, now: datetime) -> list[Banked]:
    """By class, with what expires next and the worth at the dated index."""
    classes = {c.asset: c for c in ResourceClass.objects.all()}
    accounts = [
        a
        for a in Account.objects.filter(owner=organisation, kind=Kind.CLAIMS).order_by("asset")
        if a.asset in classes
    ]
    pledged = dict(
        Account.objects.filter(owner=organisation, kind=Kind.PLEDGED)
        .values_list("asset")
        .annotate(Sum("posted"))
    )
    balances = books.balances(accounts)
    found = []
    for account in accounts:
        balance = balances[account.pk]
        lots = Lot.objects.filter(account=account, remaining__gt=0)
        next_at = lots.aggregate(at=Min("expires_at"))["at"]
        # all that expires on that date, as the statement's dates say it: days of the platform's zone
        day_end = start_of_day(local(next_at).date() + timedelta(days=1)) if next_at else None
        index = index_of(classes[account.asset].pk, now)
        # of the figures that stand beside it, so that it can be worked out by hand
        both = whole_places(balance.posted) + whole_places(pledged.get(account.asset) or 0)
        found.append(
            Banked(
                resource_class=classes[account.asset],
                account=account,
                posted_cms=balance.posted,
                held_cms=balance.held,
                free_cms=balance.available or 0,
                pledged_cms=pledged.get(account.asset) or 0,
                next_at=next_at,
                next_cms=lots.filter(expires_at__lt=day_end).aggregate(t=Sum("remaining"))["t"] or 0
                if day_end
                else 0,
                index_uy=index.price_uy if index else 0,
                index_date=index.date if index else None,
                worth_uy=close.worth(both, index.price_uy) if index else 0,
            )
        )
    return found


# ---- earnings


@dataclass(frozen=True)
class Earnings:
    """Micro-yuan. due: earned and not paid out; held: kept back for disputes until `held_until`."""

    due_uy: int
    held_uy: int
    held_until: datetime | None
    next_date: date
    next_uy: int
    paid_uy: int
    due_account: Account | None
    held_account: Account | None


def earnings(organisation: Organisation, now: datetime) -> Earnings:
    """What is earned in cash, what the next Monday pays, what was paid so far."""
    due = books.find(owner=organisation, kind=Kind.PROVIDER_DUE)
    due_uy = books.balance(due).posted if due else 0
    held = HoldBack.objects.filter(organisation=organisation, released_at=None)
    following = monday_of(now) + timedelta(days=7)
    soon = held.filter(due_at__lt=start_of_day(following)).aggregate(t=Sum("left_uy"))["t"] or 0
    sums = held.aggregate(total=Sum("left_uy"), until=Min("due_at", filter=Q(left_uy__gt=0)))
    paid = Payout.objects.filter(organisation=organisation).aggregate(
        total=Sum("amount_uy"), last=Max("paid_at")
    )
    return Earnings(
        due_uy=due_uy,
        held_uy=sums["total"] or 0,
        held_until=sums["until"],
        next_date=following,
        next_uy=due_uy + soon,
        paid_uy=paid["total"] or 0,
        due_account=due,
        held_account=books.find(owner=organisation, kind=Kind.HOLDBACK),
    )


@dataclass(frozen=True)
class Job:
    """A customer's run at one of my sites, in one hour: what it was for, not whose."""

    number: str
    package: Any
    industry: str
    site: str
    hour: datetime
    used_cms: int
    is_failed: bool
    is_own: bool
    close: SlotClose | None
    is_simulated: bool


def jobs_at(organisation: Organisation, limit: int = 50) -> list[Job]:
    """Orders that ran at the company's sites, newest first."""
    lines = list(
        ReservationLine.objects.filter(slot__site__organisation=organisation, used_cms__gt=0)
        .select_related("reservation__organisation", "slot__site", "slot__close")
        .order_by("-slot__hour", "-pk")[:limit]
    )
    causes = {x.reservation.cause for x in lines}
    charges = set(Charge.objects.filter(cause__in=causes).values_list("cause", flat=True))
    orders = {
        o.cause: o
        for o in Order.objects.filter(
            public_id__in=[c.removeprefix("order:") for c in causes]
        ).select_related("quote__offering__package")
    }
    return [
        Job(
            number=orders[x.reservation.cause].number,
            package=orders[x.reservation.cause].quote.offering.package,
            industry=x.reservation.organisation.industry_name,
            site=x.slot.site.name,
            hour=x.slot.hour,
            used_cms=x.used_cms or 0,
            is_failed=x.is_failed,
            is_own=x.reservation.organisation_id == organisation.pk,
            close=getattr(x.slot, "close", None),
            is_simulated=x.slot.is_simulated,
        )
        for x in lines
        if x.reservation.cause in orders and x.reservation.cause in charges
    ]


def payouts_of(organisation: Organisation) -> QuerySet[Payout]:
    return Payout.objects.filter(organisation=organisation)
