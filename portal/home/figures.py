"""The public figures: formula, date and drill-down. Read from the rows themselves, nothing typed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from bank.ledger.models import DayClose
from marketplace.billing.models import Charge
from marketplace.catalogue.models import IndexPrice, Offering
from marketplace.dispatch.models import ReservationLine, Site, Slot
from marketplace.orders.measures import WAITED, WINDOW, Median, started
from marketplace.orders.models import STAFF_STOPS, Order
from portal import policy
from portal.accounts.models import Industry, Organisation
from portal.core.money import CARD_HOUR_CMS
from portal.core.templatetags.suanli import time_text
from portal.core.words import hours, yuan


@dataclass(frozen=True)
class Figure:
    """One figure: key, name, value as text, how it is made, and the rows behind it."""

    key: str
    name: str
    value: str
    unit: str
    formula: str
    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    count: int = 0
    of: int = 0


FIFTEEN = [i for i in Industry if i != Industry.OTHER]


def _industries_offered() -> dict[str, int]:
    published = Offering.objects.filter(state=Offering.State.PUBLISHED, package__is_runnable=True)
    found: dict[str, int] = {}
    for key in published.values_list("package__industry", flat=True):
        found[key] = found.get(key, 0) + 1
    return found


def _industries_bought() -> dict[str, int]:
    found: dict[str, int] = {}
    for key in (
        Order.objects.filter(state=Order.State.DELIVERED)
        .exclude(organisation__role=Organisation.Role.PLATFORM)
        .values_list("organisation__industry", flat=True)
    ):
        found[key] = found.get(key, 0) + 1
    return found


def _by_industry(found: dict[str, int]) -> list[tuple[str, ...]]:
    return [(str(i.label), str(found.get(i.value, 0))) for i in FIFTEEN]


def industries_offered() -> Figure:
    found = _industries_offered()
    count = sum(found.get(i.value, 0) > 0 for i in FIFTEEN)
    return Figure(
        "offered",
        _("Trades with something that runs"),
        str(count),
        _("of 15"),
        _("industries of the 15 with at least one published offering"),
        (_("Trade"), _("Offerings")),
        _by_industry(found),
        count,
        15,
    )


def industries_bought() -> Figure:
    found = _industries_bought()
    count = sum(found.get(i.value, 0) > 0 for i in FIFTEEN)
    return Figure(
        "bought",
        _("Trades that bought"),
        str(count),
        _("of 15; the target is 10"),
        _("industries of the 15 with a company that has at least one delivered order"),
        (_("Trade"), _("Delivered orders")),
        _by_industry(found),
        count,
        15,
    )


def success_rate() -> Figure:
    """What our own staff stopped was not delivered either; only a customer's own stop counts on neither side."""
    ours = Q(state__in=[Order.State.STOPPED, Order.State.CANCELLED], reason__in=STAFF_STOPS)
    counted = Order.objects.aggregate(
        done=Count("pk", filter=Q(state=Order.State.DELIVERED)),
        failed=Count("pk", filter=Q(state=Order.State.FAILED)),
        stopped=Count("pk", filter=ours),
    )
    done, failed, stopped = counted["done"], counted["failed"], counted["stopped"]
    total = done + failed + stopped
    value = f"{done * 1000 // total / 10:.1f} %" if total else "–"
    return Figure(
        "success",
        _("Runs that brought their result"),
        value,
        "",
        _(
            "delivered ÷ (delivered + failed + stopped by our staff); "
            "only what a customer stopped himself is not counted"
        ),
        (_("Outcome"), _("Orders")),
        [
            (_("Delivered"), str(done)),
            (_("Failed, nothing charged"), str(failed)),
            (_("Stopped by our staff"), str(stopped)),
        ],
    )


WAITS_S = (5, 15, 60)


def start_time(*, now: datetime) -> Figure:
    """The same median as on the shelves, over all offerings, and how the waits are spread."""
    within = {
        f"within_{s}": Count("pk", filter=Q(wait__lte=timedelta(seconds=s))) for s in WAITS_S
    }
    found = (
        started(now=now).annotate(wait=WAITED).aggregate(median=Median("wait"), all=Count("pk"), **within)
    )
    value = f"{found['median'].total_seconds():.0f}" if found["median"] is not None else "–"
    counts = [found[f"within_{s}"] for s in WAITS_S]
    rows = [(_("at most {n} seconds").format(n=s), str(count)) for s, count in zip(WAITS_S, counts, strict=True)]
    rows.append((_("longer"), str(found["all"] - counts[-1])))
    return Figure(
        "start",
        _("From the button to the machine"),
        value,
        _("seconds"),
        _("median of (start of the run − order), over all orders of the last {n} days that started").format(
            n=WINDOW.days
        ),
        (_("Waited"), _("Orders")),
        rows if found["all"] else (),
    )


def idle_hours_used() -> Figure:
    used = (
        ReservationLine.objects.filter(slot__source__startswith="deposit:", is_failed=False).aggregate(
            total=Sum("used_cms")
        )["total"]
        or 0
    )
    offered = (
        Slot.objects.filter(source__startswith="deposit:").aggregate(total=Sum("quantity_cms"))["total"] or 0
    )
    return Figure(
        "idle",
        _("Idle hours put to use"),
        hours(used),
        _("core-hours"),
        _("machine time of customers' runs in deposited hours"),
        (_("Hours"), _("core-hours")),
        [(_("Deposited"), hours(offered)), (_("Used by customers"), hours(used))],
    )


def price_paid() -> Figure:
    """What customers really paid for a core-hour: the same delivered orders above and below the line."""
    charges = Charge.objects.filter(
        asset="CNY", outcome=Charge.Outcome.DELIVERED, cause__startswith="order:"
    )
    charged = charges.aggregate(money=Sum("computing"), count=Count("pk"))
    paid = charged["money"] or 0
    time_cms = (
        ReservationLine.objects.filter(
            reservation__cause__in=charges.order_by().values("cause"), is_failed=False
        ).aggregate(total=Sum("used_cms"))["total"]
        or 0
    )
    index = IndexPrice.objects.filter(resource_class__key="cpu").order_by("-date").first()
    value = yuan(paid * CARD_HOUR_CMS // time_cms, True) if time_cms else "–"
    rows = [
        (_("Delivered orders paid in yuan"), f"{charged['count']:,}"),
        (_("Charged for their computing, CNY"), yuan(paid, True)),
        (_("Machine time they used, core-hours"), hours(time_cms)),
        (_("Paid for a core-hour, CNY"), value),
    ]
    if index:
        rows.append((_("Market on {date}, CNY").format(date=index.date.isoformat()), yuan(index.price_uy, True)))
    return Figure(
        "price",
        _("Paid for a core-hour"),
        value,
        _("CNY"),
        _(
            "computing charged ÷ machine time used, both of the same delivered orders; "
            "beside the published market price"
        ),
        (_("What"), _("Figure")),
        rows,
    )


def providers() -> Figure:
    sites = Site.objects.filter(state=Site.State.VERIFIED).select_related("organisation", "region")
    rows = [(s.organisation.name, s.name, str(s.region), str(s.cards)) for s in sites]
    count = len({s.organisation_id for s in sites})
    return Figure(
        "providers",
        _("Active providers"),
        str(count),
        _("with a verified site"),
        _("organisations with at least one verified site"),
        (_("Provider"), _("Site"), _("Region"), _("Cores")),
        rows,
    )


CLOSES = 30


def books_closed() -> Figure:
    """Up to when the books are sealed: whoever keeps a hash can say later whether anything behind it was changed."""
    closes = DayClose.objects.order_by("-number").values_list("closed_at", "journals", "hash")[:CLOSES]
    rows = [(time_text(at, "long"), f"{journals:,}", seal) for at, journals, seal in closes]
    return Figure(
        "books",
        _("The books are sealed up to"),
        rows[0][0] if rows else "–",
        "",
        _("SHA-256 over every entry since the seal before, and its hash: whoever keeps one sees any later change"),
        (_("Sealed"), _("Entries"), _("Hash")),
        rows,
    )


def all_figures(*, now: datetime) -> list[Figure]:
    return [
        industries_offered(),
        industries_bought(),
        success_rate(),
        start_time(now=now),
        price_paid(),
        idle_hours_used(),
        providers(),
        books_closed(),
    ]


def meter(*, now: datetime) -> dict[str, Any]:
    """The four figures of the front page."""
    bought = industries_bought()
    offered = industries_offered()
    return {
        "idle": idle_hours_used(),
        "price": price_paid(),
        "bought": bought,
        "offered": offered,
        "success": success_rate(),
        "target": policy.INDUSTRY_TARGET,
    }


def last_receipt() -> Charge | None:
    """The newest delivered charge of a demonstration company, for the front page; real companies' are private."""
    return (
        Charge.objects.filter(outcome=Charge.Outcome.DELIVERED, asset="CNY", organisation__is_demo=True)
        .order_by("-settled_at")
        .first()
    )
