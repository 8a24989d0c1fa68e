"""Reads for this room's pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from bank.ledger import queries as books
from bank.ledger.chart import Kind
from marketplace import recipes
from marketplace.billing import purses, rating
from marketplace.billing.models import Charge, Funding
from marketplace.catalogue.models import Offering, Package, Plan
from marketplace.catalogue.pricing import cap_uy
from marketplace.catalogue.sample import Sample
from marketplace.provisioning.models import Allocation
from portal.accounts.models import Organisation
from portal.core.errors import sentence
from portal.core.money import FEN_UY
from portal.core.words import banked, floor_fen, hours, joined, whole_places, yuan
from portal.history.models import Step as HistoryStep

from . import uploads
from .models import STAFF_STOPS, STOPPED_FOR_US, Order, Quote, Upload

PATIENCE = timedelta(minutes=5)  # of a customer whose order stands still


def in_words(pair: dict[str, str] | None) -> str:
    """{"en": …, "zh": …} in the language of the moment."""
    if not pair:
        return ""
    first = "zh" if (get_language() or "en").startswith("zh") else "en"
    return pair.get(first) or pair.get("en") or pair.get("zh") or ""


def count_of(package: Package, units: int) -> str:
    """“20 outlets”, “20 门店”."""
    return f"{units:,} {package.unit}"


def offerings_for(package: Package, now: datetime) -> list[tuple[Offering, Plan]]:
    """The published offerings of a package with their plans, the lowest price at its default size first."""
    from marketplace.catalogue.pricing import cap_uy

    plans = (
        Plan.objects.at(now)
        .filter(
            offering__package=package,
            offering__state=Offering.State.PUBLISHED,
            billing_mode=Plan.BillingMode.ON_DEMAND,
        )
        .select_related(
            "offering__provider", "offering__package", "offering__region", "offering__resource_class"
        )
    )
    ordered = sorted(plans, key=lambda p: (cap_uy(p, package.sizing_default), p.offering_id))
    return [(plan.offering, plan) for plan in ordered]


def offering_for(package: Package, now: datetime) -> tuple[Offering, Plan] | None:
    """The one that a page shows: the lowest."""
    return next(iter(offerings_for(package, now)), None)


LINE_WORDS = {
    "package": lambda x, unit: (_("The package"), _("the method, the check of your file, and support")),
    "units": lambda x, unit: (
        f"{x['quantity']:,} {unit}",
        _("CNY {price} each").format(price=yuan(x["unit_price"], True)),
    ),
    "computing": lambda x, unit: (
        _("Computing"),
        _("{hours} core-hours at CNY {rate}").format(
            hours=hours(x["quantity"]), rate=yuan(x["unit_price"], True)
        ),
    ),
    "rounding": lambda x, unit: (_("Up to the next whole yuan"), ""),
    "to_fen": lambda x, unit: (_("To a whole fen"), ""),
    "above_cap": lambda x, unit: (_("Above the cap: not charged"), ""),
    "hours": lambda x, unit: (
        _("{hours} core-hours").format(hours=banked(x["quantity"])),
        _("each counts {weight} in this hour").format(weight=f"{x['unit_price'] / 1_000_000:.2f}"),
    ),
}


def worded_lines(
    lines: list[dict[str, Any]], asset: str, unit: str, *, is_quote: bool = False, is_exact: bool = False
) -> list[dict[str, Any]]:
    """Lines of a quote or charge for components/lines.html.

    Where amounts are shown to the fen, rounding to the nearest one is in them already.
    """
    shown = []
    for line in lines:
        if line["code"] == "to_fen" and not is_exact and abs(line["amount"]) * 2 <= FEN_UY:
            continue
        label, note = LINE_WORDS[line["code"]](line, unit)
        if is_quote and line["code"] == "computing":
            label = _("Computing, at most")
        item: dict[str, Any] = {"label": label, "note": note}
        if asset == "CNY":
            item["amount_uy"] = line["amount"]
        else:
            item["text"] = _("{hours} h").format(hours=banked(line["amount"]))
        shown.append(item)
    return shown


@dataclass(frozen=True)
class Payer:
    """One account that would pay, in order: what it has and what it would give. Micro-yuan or cms."""

    label: str
    available: int
    part: int


def payers(organisation: Organisation, cap: int, asset: str) -> tuple[list[Payer], int]:
    """Who pays how much of the cap, and what is missing."""
    left, shown = cap, []
    for account in purses.payers_of(organisation, asset):
        available = max(0, books.balance(account).available or 0)
        if asset == "CNY":
            available = floor_fen(available)  # what stands here is what counts here
        part = min(left, available)
        left -= part
        label = {
            Kind.WALLET: _("Wallet, {available} available"),
            Kind.CREDIT_LINE: _("Credit limit, {available} left"),
            Kind.CLAIMS: _("Banked hours, {available} free"),
        }[Kind(account.kind)]
        text = yuan(available) if asset == "CNY" else banked(available)
        shown.append(Payer(label.format(available=text), available, part))
    return shown, left


def cash_cap(quote: Quote, now: datetime) -> int | None:
    """What the run of a quote in banked hours would cost in cash at most, by the price of now; None without one."""
    plan = quote.offering.plans.at(now).filter(billing_mode=Plan.BillingMode.ON_DEMAND).first()
    return cap_uy(plan, quote.units) if plan is not None and quote.asset != "CNY" else None


@dataclass(frozen=True)
class StepView:
    label: str
    state: str  # done, now, failed, todo
    note: str = ""
    at: datetime | None = None


@dataclass
class OrderView:
    """Everything the order page shows."""

    order: Order
    allocation: Allocation | None
    steps: list[StepView]
    headline: str
    lede: str
    used_uy: int = 0
    stop_uy: int = 0
    charge: Charge | None = None
    receipt: list[dict[str, Any]] = field(default_factory=list)
    money: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    why_failed: str = ""
    staff_said: str = ""
    is_late: bool = False  # under way for longer than anybody promised


def _file_note(upload: Upload) -> str:
    lines = upload.size.get("lines")
    parts = [ngettext("{n} line", "{n} lines", lines).format(n=f"{lines:,}")] if lines else []
    units = upload.size.get(upload.package.unit_key)
    if units:
        parts.append(count_of(upload.package, units))
    return joined(parts)


def steps_of(order: Order, allocation: Allocation | None) -> list[StepView]:
    """From the file to the receipt. The step that runs is the last that reported progress."""
    quote = order.quote
    reserved = (
        _("CNY {cap} set aside; nothing charged yet").format(cap=yuan(quote.cap))
        if quote.asset == "CNY"
        else _("{cap} banked hours set aside").format(cap=banked(quote.cap))
    )
    shown = [
        StepView(_("File checked"), "done", _file_note(quote.upload), quote.upload.created_at),
        StepView(
            _("Money reserved") if quote.asset == "CNY" else _("Hours reserved"),
            "done",
            reserved,
            order.placed_at,
        ),
    ]
    if order.state == Order.State.CANCELLED:
        return [*shown, StepView(_("Cancelled"), "failed", _("Everything went back."), order.ended_at)]
    site = quote.reservation.site
    started = allocation.started_at if allocation else None
    waiting = order.is_open and not started
    ready = StepView(
        _("Waiting for the machine") if waiting else _("Machine ready"),
        "done" if started else "now" if order.is_open else "failed",
        joined([site.name, ngettext("{n} core", "{n} cores", quote.cores).format(n=quote.cores)]),
        started,
    )
    return [*shown, ready, *_program_steps(order, allocation), _last_step(order)]


def _program_steps(order: Order, allocation: Allocation | None) -> list[StepView]:
    manifest = recipes.get(order.quote.offering.package.recipe).manifest
    reported: dict[str, dict[str, Any]] = {}
    for entry in allocation.progress if allocation else []:
        if isinstance(entry, dict) and entry.get("step"):
            reported[str(entry["step"])] = entry
    keys = [s.key for s in manifest.steps]
    reached = max((keys.index(k) for k in reported if k in keys), default=-1)
    finished = order.state == Order.State.DELIVERED or (
        allocation is not None and allocation.state == "succeeded"
    )
    begun = allocation is not None and allocation.started_at is not None
    shown = []
    for index, step in enumerate(manifest.steps):
        state = "todo"
        if finished or index < reached:
            state = "done"
        elif begun and index == max(reached, 0):
            state = "now" if order.is_open else "todo" if order.state == Order.State.STOPPED else "failed"
        entry = reported.get(step.key, {})
        note = in_words({"en": str(entry.get("text_en", "")), "zh": str(entry.get("text_zh", ""))})
        shown.append(StepView(str(step.label), state, note))
    return shown


def _last_step(order: Order) -> StepView:
    if order.state == Order.State.DELIVERED:
        return StepView(_("Result and receipt"), "done", "", order.ended_at)
    if order.state == Order.State.STOPPED:
        label = _("Stopped by our staff") if order.reason in STAFF_STOPS else _("Stopped by you")
        paid = (
            _("The cause was on our side, so nothing was charged.")
            if order.reason == STOPPED_FOR_US
            else _("Only the computing so far was charged.")
        )
        return StepView(label, "done", paid, order.ended_at)
    if order.state == Order.State.FAILED:
        return StepView(_("Failed"), "failed", sentence(order.reason or "exit"), order.ended_at)
    over = order.allocation is not None and order.allocation.state == "succeeded"  # the receipt is being written
    return StepView(_("Result and receipt"), "now" if over else "todo")


def is_late(order: Order, now: datetime) -> bool:
    """Does an order wait for its machine, or run, longer than it should?"""
    started = order.allocation.started_at if order.allocation else None
    if started:
        return order.is_open and now > started + timedelta(seconds=order.quote.wall_s) + PATIENCE
    return order.is_open and now > order.placed_at + PATIENCE


def order_view(order: Order, now: datetime) -> OrderView:
    """Put together from few queries; the order comes with quote, offering, package, site and allocation loaded."""
    allocation = order.allocation
    package = order.quote.offering.package
    view = OrderView(
        order=order, allocation=allocation, steps=steps_of(order, allocation), headline=package.name, lede=""
    )
    current = next((s for s in view.steps if s.state == "now"), None)
    if order.is_open:
        view.headline = current.label if current else str(_("Waiting for the machine"))
        view.lede = _("You may close this page; the result will be here.")
        view.used_uy, view.stop_uy = _meter(order, allocation)
        view.is_late = is_late(order, now)
        return view
    view.charge = Charge.objects.filter(cause=order.cause).first()
    if view.charge is not None:
        view.receipt = worded_lines(view.charge.lines, view.charge.asset, package.unit)
    view.money = _money_lines(order, view.charge)
    if order.state == Order.State.DELIVERED and allocation is not None:
        view.result = allocation.result
        view.files = _files(order, allocation)
    if order.state == Order.State.FAILED:
        view.why_failed = sentence(order.reason or "exit")
    if order.reason in STAFF_STOPS:
        view.staff_said = _staff_said(order)
    return view


def _staff_said(order: Order) -> str:
    """The reason that a member of staff gave for stopping it."""
    subject = f"order:{order.public_id}"
    step = HistoryStep.objects.filter(subject=subject, reason__in=STAFF_STOPS).order_by("id").first()
    return str(step.params.get("text", "")) if step else ""


def stop_costs(order: Order) -> int:
    """What stopping it now would cost its customer, micro-yuan; 0 before it runs, and in banked hours."""
    return _meter(order, order.allocation)[1] if order.state == Order.State.RUNNING else 0


def _meter(order: Order, allocation: Allocation | None) -> tuple[int, int]:
    """(what the work so far comes to, what stopping now would cost), micro-yuan, never above the cap."""
    if allocation is None or order.quote.asset != "CNY":
        return 0, 0
    terms, units, cap = rating.Terms(**order.quote.terms), order.quote.units, order.quote.cap
    done = max(
        (
            int(p.get("done", 0))
            for p in allocation.progress
            if isinstance(p, dict) and p.get("of") == order.quote.units
        ),
        default=0,
    )
    stopped = rating.stopped(terms, used_cms=allocation.core_ms, cap=cap)
    if not done:
        return stopped.computing, stopped.total
    sofar = rating.delivered(terms, units_quoted=units, units_done=done, used_cms=allocation.core_ms, cap=cap)
    return sofar.total, stopped.total


def _money_lines(order: Order, charge: Charge | None) -> list[dict[str, Any]]:
    total = charge.total if charge else 0
    asset = order.quote.asset

    def amount(value: int) -> dict[str, Any]:
        if asset == "CNY":
            return {"amount_uy": value}
        return {"text": _("{hours} h").format(hours=banked(value))}

    cap = order.quote.cap
    # of hours between what is shown, so that the column adds up
    back = cap - total if asset == "CNY" else whole_places(cap) - whole_places(total)
    return [
        {"label": _("Reserved when you ordered"), **amount(cap)},
        {
            "label": _("Given back to the wallet") if asset == "CNY" else _("Given back to your banked hours"),
            **amount(back),
        },
    ]


def _files(order: Order, allocation: Allocation) -> list[dict[str, Any]]:
    """The files to take home, in the order in which the program names them."""
    from django.urls import reverse

    names = [named.get("name") for named in (allocation.result or {}).get("files", []) if isinstance(named, dict)]
    rows = list(allocation.files.filter(deleted_at=None))
    rows.sort(key=lambda row: names.index(row.name) if row.name in names else len(names))
    return [
        {
            "url": reverse("orders:file", args=[order.organisation.slug, order.public_id, f.public_id]),
            "label": in_words({"en": f.label_en, "zh": f.label_zh}) or f.name,
            "size": f.size_bytes,
            "kind": f.name.rsplit(".", 1)[-1].upper(),
        }
        for f in rows
    ]


def worded_result(result: dict[str, Any] | None, package: Package, now: datetime) -> dict[str, Any] | None:
    """A result.json with its words chosen, for orders/_result.html; the day it is about is tomorrow only today."""
    if not result:
        return None
    head = result.get("headline") or {}
    table = result.get("table") or {}
    columns = [
        {"label": in_words(c.get("label")), "right": c.get("align") == "right"}
        for c in table.get("columns", [])
    ]

    def cells(row: list[Any]) -> list[tuple[Any, bool]]:
        return [
            (_figure(cell), columns[i]["right"] if i < len(columns) else False) for i, cell in enumerate(row)
        ]

    key = head.get("unit_key", "")
    unit = in_words(head.get("unit")) or {"value": package.value, "series": package.unit}.get(key, key)
    day = uploads.tomorrow(now)
    near = {day.isoformat(): _("Tomorrow"), (day - timedelta(days=1)).isoformat(): _("Today")}
    return {
        "when": near.get(head.get("on", ""), ""),
        "label": in_words(head.get("label")),
        "value": _figure(head.get("value")),
        "unit": unit,
        "low": _figure(head.get("low")) if head.get("low") is not None else "",
        "high": _figure(head.get("high")) if head.get("high") is not None else "",
        "stats": [
            {"value": _figure(s.get("value")), "label": in_words(s.get("label"))}
            for s in result.get("stats", [])
        ],
        "chart": result.get("chart"),
        "use": in_words(result.get("use")),
        "is_own": bool(head.get("unit")),
        "title": in_words(table.get("title")),
        "columns": columns,
        "rows": [cells(r) for r in table.get("rows", [])],
        "total": cells(table["total"]) if table.get("total") else None,
        "total_note": in_words(table.get("note")),
        "notes": [in_words(n) for n in result.get("notes", [])],
    }


def _figure(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"
    return str(value)


def quote_for(organisation: Organisation, public_id: str) -> Quote | None:
    return (
        Quote.objects.select_related(
            "offering__package",
            "offering__provider",
            "offering__region",
            "reservation__site__region",
            "upload__package",
            "organisation",
        )
        .filter(organisation=organisation, public_id=public_id)
        .first()
    )


def order_for(organisation: Organisation, public_id: str) -> Order | None:
    return (
        Order.objects.select_related(
            "quote__offering__package",
            "quote__offering__provider",
            "quote__upload__package",
            "quote__reservation__site__region",
            "allocation",
            "organisation",
            "placed_by",
        )
        .filter(organisation=organisation, public_id=public_id)
        .first()
    )


def holds_of(order: Order) -> list[Funding]:
    return list(Funding.objects.filter(cause=order.cause).select_related("hold__account"))


def latest_progress(allocation: Allocation | None) -> dict[str, Any]:
    """The newest line a program reported: words, and how far it is (done of of)."""
    for entry in reversed(allocation.progress if allocation else []):
        if isinstance(entry, dict):
            return {
                "text": in_words({"en": str(entry.get("text_en", "")), "zh": str(entry.get("text_zh", ""))}),
                "done": entry.get("done"),
                "of": entry.get("of"),
            }
    return {}


def columns_of(package: Package, sample: Sample | None) -> list[tuple[str, str]]:
    """What the columns of a package's file are called, each with what the sample has there."""
    examples = sample.rows[1] if sample is not None and len(sample.rows) > 1 else ()
    return [(name, examples[i] if i < len(examples) else "") for i, name in enumerate(package.columns)]


def bought_before(quote: Quote) -> Order | None:
    """The newest order of this company in which this very file was run for the same package."""
    return (
        Order.objects.filter(
            organisation=quote.organisation,
            state=Order.State.DELIVERED,
            quote__upload__sha256=quote.upload.sha256,
            quote__upload__package=quote.upload.package,
        )
        .only("public_id", "ended_at")
        .order_by("-id")
        .first()
    )


def with_charges(orders: list[Order]) -> list[dict[str, Any]]:
    """Orders with what each came to, in one more query."""
    charges = {c.cause: c for c in Charge.objects.filter(cause__in=[o.cause for o in orders])}
    return [{"order": o, "charge": charges.get(o.cause), "package": o.quote.offering.package} for o in orders]
