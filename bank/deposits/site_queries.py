"""Reads of a site's page: fourteen days of its hours on a grid, and one hour with what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from bank.ledger.models import Journal
from marketplace.billing.models import Charge
from marketplace.dispatch.models import Reservation, ReservationLine, Site, Slot
from marketplace.orders.models import Order
from marketplace.provisioning.drivers import engine_of, site_ref
from portal.accounts.models import Organisation
from portal.core.clock import hour_of
from portal.core.money import PPM, mul_div
from portal.core.templatetags.charts import OUTCOMES as FIVE
from portal.core.templatetags.suanli import SHORT_DAYS
from portal.core.words import local

from .actions import REMEMBERED_H
from .models import SlotClose
from .queries import OUTCOMES, start_of_day

DAYS = 7  # behind
AHEAD_DAYS = DAYS + 1  # with today: all hours that are opened, seven times twenty-four
HOUR = timedelta(hours=1)
WORDS = {
    **{key: label for key, (label, _css, _fill) in FIVE.items()},
    "free": _("Free"),
    "reserved": _("Reserved"),
    "used": _("Used"),
    "closing": _("Being closed"),
    "none": _("Not deposited"),
}


@dataclass(frozen=True)
class Cell:
    """One hour on the grid. `slot` None: it is not in the pool."""

    at: datetime
    slot: Slot | None = None
    close: SlotClose | None = None
    this: datetime | None = None  # the hour that runs now

    @property
    def used_cms(self) -> int:
        """What runs that are over took of an hour that is not closed yet."""
        return (getattr(self.slot, "used_cms", 0) or 0) if self.close is None else 0

    @property
    def earned_cms(self) -> int:
        """Banked hours it brought, for standing ready too."""
        return self.close.earned_cms + (self.close.idle_paid_cms or 0) if self.close else 0

    @property
    def cash_uy(self) -> int:
        """Cash it brought, with what is held back and for standing ready, less a fee for taking back late."""
        close = self.close
        if close is None:
            return 0
        ready = 0 if close.idle_paid_cms else close.idle_paid_uy or 0
        return close.due_uy + close.held_uy + ready - close.late_fee_uy

    @property
    def is_unsettled(self) -> bool:
        """What it gets for standing ready is worked out when its day is over."""
        return self.close is not None and bool(self.close.idle_due_uy) and self.close.idle_paid_uy is None

    @property
    def ref(self) -> str:
        """How an address names the hour."""
        return f"{self.at:%Y-%m-%dT%H}"

    @property
    def is_now(self) -> bool:
        return self.at == self.this

    @property
    def key(self) -> str:
        """What became of it, or what will: one of the five outcomes; free, reserved, used, recalled; closing; none."""
        if self.slot is None:
            return "none"
        if self.close is None:
            return self._open(self.slot)
        if self.close.failed_cms:
            return "failed"
        if self.close.delivered_cms:
            return "delivered"
        rest = {name: getattr(self.close, name) for name in OUTCOMES}
        return max(rest, key=lambda name: rest[name]).removesuffix("_cms")

    def _open(self, slot: Slot) -> str:
        if self.this is not None and self.at < self.this:
            return "closing"
        if slot.reserved_cms:
            return "reserved" if self.used_cms < slot.reserved_cms else "used"
        return "recalled" if slot.recalled_cms >= slot.quantity_cms else "free"

    @property
    def says(self) -> str:
        return str(WORDS[self.key])

    @property
    def fill(self) -> str:
        """How far it fills with ink, in quarters of all: what found work, or what is reserved. q0 is a trace."""
        if self.slot is None:
            return ""
        part = self.close.delivered_cms if self.close else self.slot.reserved_cms
        return f"q{(8 * part // self.slot.quantity_cms + 1) // 2}" if part else ""

    @property
    def css(self) -> str:
        """Classes of the cell: how far it is filled, with what, on which ground; see suanli.css."""
        if self.slot is None:
            return "o"
        names = [self.fill] if self.fill else []
        if self.close is None:
            names += ["v"] if self.fill and self.key == "reserved" else []
            names += ["r"] if self.key == "recalled" else ["w"] if self.key == "closing" else []
        elif self.close.failed_cms:
            names.append("x")
        else:
            rest = {
                "y": self.close.idle_verified_cms,
                "u": self.close.idle_unverified_cms,
                "r": self.close.recalled_cms,
            }
            most = max(rest, key=lambda name: rest[name])
            names += [most] if rest[most] else []
        names += ["s"] if self.slot.is_simulated else []
        names += ["n"] if self.is_now else []
        return " ".join(names)


@dataclass(frozen=True)
class Row:
    """One day of the grid: 24 hours of the platform's zone."""

    date: date
    is_today: bool
    cells: Sequence[Cell]

    @property
    def short(self) -> str:
        return str(SHORT_DAYS[self.date.weekday()])


@dataclass(frozen=True)
class Grid:
    """The last days and the coming ones, with the sums of what is closed."""

    behind: Sequence[Row]
    ahead: Sequence[Row]
    closed: Sequence[SlotClose]
    sums: dict[str, int]
    quantity_cms: int
    simulated: int
    free_cms: int
    reserved_cms: int
    slots: int

    @property
    def listed(self) -> list[Cell]:
        """Every hour in the pool, the newest first, for the table."""
        rows = [*self.behind, *self.ahead]
        return [c for row in reversed(rows) for c in reversed(row.cells) if c.slot is not None]


def grid(site: Site, now: datetime) -> Grid:
    """One query: seven days behind, and seven from today on."""
    today, this = local(now).date(), hour_of(now)
    first = start_of_day(today - timedelta(days=DAYS))
    found = list(
        _slots(site, hour__gte=first, hour__lt=start_of_day(today + timedelta(days=AHEAD_DAYS)))
        .select_related("close")
        .order_by("hour")
    )
    by_hour = {slot.hour: slot for slot in found}

    def row(on: date) -> Row:
        start = start_of_day(on)
        hours = [start + HOUR * n for n in range(24)]
        cells = [Cell(at, by_hour.get(at), _close_of(by_hour.get(at)), this) for at in hours]
        return Row(on, on == today, cells)

    closes = [c for c in map(_close_of, found) if c is not None]
    coming = [slot for slot in found if slot.hour >= this and slot.closed_at is None]
    cells = [Cell(slot.hour, slot) for slot in coming]
    return Grid(
        behind=[row(today + timedelta(days=n)) for n in range(-DAYS, 0)],
        ahead=[row(today + timedelta(days=n)) for n in range(AHEAD_DAYS)],
        closed=closes,
        sums={name: sum(getattr(c, name) for c in closes) for name in OUTCOMES},
        quantity_cms=sum(c.quantity_cms for c in closes),
        simulated=sum(slot.is_simulated for slot in found),
        free_cms=sum(slot.free_cms for slot in coming),
        reserved_cms=sum(max(0, c.slot.reserved_cms - c.used_cms) for c in cells if c.slot is not None),
        slots=len(found),
    )


def _slots(site: Site, **when: datetime) -> QuerySet[Slot]:
    """With used_cms: how much of what is reserved in each is of runs that are over."""
    over = Q(lines__reservation__state=Reservation.State.USED)
    return Slot.objects.filter(site=site, **when).annotate(used_cms=Sum("lines__used_cms", filter=over))


def _close_of(slot: Slot | None) -> SlotClose | None:
    return getattr(slot, "close", None) if slot is not None else None


# ---- one hour


@dataclass(frozen=True)
class Run:
    """What ran in the hour: what for, not whose; the order itself only where it is the company's own."""

    number: str
    package: Any
    industry: str
    used_cms: int
    is_failed: bool
    order: Order | None


@dataclass(frozen=True)
class HourDetail:
    """One hour of a site: its outcome, its runs, what it paid, and the entries in the books it came from."""

    cell: Cell
    runs: Sequence[Run]
    entries: Sequence[Journal]

    @property
    def reserved_cms(self) -> int:
        """For runs that are still to come or not over."""
        return max(0, self.cell.slot.reserved_cms - self.cell.used_cms) if self.cell.slot else 0

    @property
    def cash_uy(self) -> int:
        """Earned in cash, with what is held back of it."""
        return self.cell.close.due_uy + self.cell.close.held_uy if self.cell.close else 0


def hour_detail(site: Site, text: str, organisation: Organisation, now: datetime) -> HourDetail | None:
    """The hour written as 2026-11-23T14 (UTC); None when it is no hour of this site's in the pool."""
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=now.tzinfo)
    except ValueError:
        return None
    slot = _slots(site, hour=at).select_related("close").first()
    if slot is None:
        return None
    cell = Cell(at, slot, _close_of(slot), hour_of(now))
    lines = list(
        ReservationLine.objects.filter(slot=slot, used_cms__gt=0)
        .select_related("reservation__organisation")
        .order_by("pk")
    )
    causes = {line.reservation.cause for line in lines}
    charged = set(Charge.objects.filter(cause__in=causes).values_list("cause", flat=True)) if causes else set()
    orders = {
        o.cause: o
        for o in Order.objects.filter(public_id__in=[c.removeprefix("order:") for c in charged]).select_related(
            "quote__offering__package"
        )
    }
    runs = [
        Run(
            number=orders[line.reservation.cause].number,
            package=orders[line.reservation.cause].quote.offering.package,
            industry=line.reservation.organisation.industry_name,
            used_cms=line.used_cms or 0,
            is_failed=line.is_failed,
            order=orders[line.reservation.cause] if line.reservation.organisation_id == organisation.pk else None,
        )
        for line in lines
        if line.reservation.cause in orders
    ]
    return HourDetail(cell, runs, list(_entries(site, cell.close, lines, organisation)) if cell.close else [])


def _entries(
    site: Site, close: SlotClose, lines: Sequence[ReservationLine], organisation: Organisation
) -> QuerySet[Journal]:
    """The transfers that closed it, by the keys they were written with (closing.py, payouts.py); the company's own."""
    hour = f"{site.public_id}:{close.hour:%Y%m%d%H}"
    keys = [f"late:{hour}", f"idle:{close.public_id}", f"holdback:{close.public_id}"]
    for line in lines:
        keys += [f"{verb}:{hour}:{line.reservation.public_id}" for verb in ("close", "compensate")]
    return Journal.objects.filter(key__in=keys, postings__account__owner=organisation).distinct().order_by("id")


@dataclass(frozen=True)
class Measured:
    """The real hours behind a site's availability; minutes is how long it answered in them."""

    hours: int
    minutes: int

    @property
    def ppm(self) -> int:
        return mul_div(self.minutes, PPM, 60 * self.hours, "down") if self.hours else 0

    @property
    def missing(self) -> int:
        """Hours for which a share is assumed as long as they are not measured."""
        return REMEMBERED_H - self.hours


def measured(site: Site) -> Measured:
    """Of the hours that actions.refresh_availability counts; skipped hours of a demonstration are none of them."""
    seen = SlotClose.objects.filter(slot__site=site, is_simulated=False).order_by("-hour")[:REMEMBERED_H]
    minutes = list(seen.values_list("slot__live_minutes", flat=True))
    return Measured(len(minutes), sum(minutes))


def missing_protection(site: Site) -> Sequence[str]:
    """What the site's engine says that it does not enforce on its machine; codes of engines.base.Protection."""
    return engine_of(site).capabilities(site_ref(site)).missing
