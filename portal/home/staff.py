"""What the operator's staff read: what is to do, and what happened to a company's money."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from bank.ledger import words
from bank.ledger.chart import Kind
from bank.ledger.models import Account, Hold, Posting
from bank.lending.models import Proposal
from marketplace.billing import gifts, queries
from marketplace.billing.models import Booking, Charge, Correction, TopUp, Withdrawal
from marketplace.billing.queries import Booked, last_by
from marketplace.catalogue.models import Offering
from marketplace.dispatch.models import Site
from marketplace.gateway.models import Endpoint
from marketplace.orders import support
from marketplace.orders.models import Order
from marketplace.orders.queries import worded_lines
from marketplace.provisioning.refusals import REASONS
from portal.accounts.models import Membership, Organisation
from portal.core.money import FEN_UY, ceil_to
from portal.core.words import floor_fen, hours, joined

from .causes import causes_of

MOVEMENTS = 25
ORDERS = 10
LISTED = 50  # holds and top-ups beside the keyset lists


@dataclass(frozen=True)
class Queue:
    """Something that waits for staff: how many, since when the oldest, and where they are listed."""

    key: str
    name: str
    empty: str
    count: int
    oldest_at: datetime | None
    url: str
    permission: str
    own: int = 0  # asked for by the reader, so it waits for somebody else


def queues(*, now: datetime, user: Any = None) -> list[Queue]:
    """Everything that waits for the reader, in the order in which it is looked at. One query each."""
    companies = Organisation.objects.filter(state=Organisation.State.REGISTERED)
    offerings = Offering.objects.filter(state=Offering.State.SUBMITTED)
    raised = Offering.objects.filter(state=Offering.State.PUBLISHED, price_raised_at__isnull=False)
    sites = Site.objects.filter(state__in=[Site.State.REGISTERED, Site.State.FAILED])
    topups = TopUp.objects.filter(state=TopUp.State.WAITING)
    topups = topups.exclude(queries.ENTERED)
    bookings = Booking.objects.filter(state=Booking.State.WAITING)
    withdrawals = Withdrawal.objects.filter(state__in=Withdrawal.OPEN)
    corrections = Correction.objects.filter(state=Correction.State.WAITING)
    short = Correction.objects.filter(state=Correction.State.SHORT)
    proposals = Proposal.objects.filter(state=Proposal.State.WAITING)
    endpoints = Endpoint.objects.filter(state=Endpoint.State.SUBMITTED)
    late = support.stuck(Order.objects.all(), now=now)
    return [
        _queue(companies, "created_at", "state__exact=registered", _("Companies to approve"),
               _("Every company is decided.")),
        _queue(offerings, "submitted_at", "state__exact=submitted", _("Offerings to approve"),
               _("No provider waits.")),
        _queue(endpoints, "submitted_at", "state__exact=submitted", _("Model endpoints to approve"),
               _("No model waits.")),
        _queue(raised, "price_raised_at", "state__exact=published&price_raised_at__isempty=0",
               _("Prices raised since review"), _("No price was raised much.")),
        _queue(sites, "created_at", "state__in=registered,failed", _("Sites to verify, or failed"),
               _("No site waits.")),
        _queue(topups, "created_at", "state__exact=waiting", _("Payments to book"),
               _("No payment is announced.")),
        _queue(bookings, "asked_at", "state__exact=waiting", _("Payments to confirm"),
               _("No payment waits for a second person."), user),
        _queue(withdrawals, "created_at", "state__in=asked,paying", _("Withdrawals to pay"),
               _("Nobody waits for money.")),
        _queue(corrections, "asked_at", "state__exact=waiting", _("Corrections to confirm"),
               _("No correction waits for a second person."), user),
        _queue(short, "asked_at", "state__exact=short", _("Corrections that wait for money"),
               _("No correction waits for money.")),
        _queue(proposals, "asked_at", "state__exact=waiting", _("Limits and lenders' payments to confirm"),
               _("No limit waits for a second person."), user),
        _queue(late, "placed_at", "stuck=yes", _("Stuck orders"), _("Every order gets on.")),
    ]  # fmt: skip


def _queue(
    rows: QuerySet[Any], since: str, query: str, name: str, empty: str, second: Any = None
) -> Queue:
    """`second`: who may not decide what they have asked for themselves."""
    app, model = rows.model._meta.app_label, rows.model._meta.model_name
    own = Q(asked_by=second) if second is not None else Q(pk__in=[])
    told = rows.aggregate(count=Count("pk", filter=~own), oldest=Min(since, filter=~own), own=Count("pk", filter=own))
    url = f"{reverse(f'admin:{app}_{model}_changelist')}?{query}"
    return Queue(str(model), name, empty, told["count"], told["oldest"], url, f"{app}.view_{model}", told["own"])


@dataclass(frozen=True)
class Leg:
    """One side of a movement: whose account, and how much into (+) or out of (−) it."""

    account: str
    owner: str
    amount: str


@dataclass(frozen=True)
class Movement:
    """One posting of a company, in words, with both sides of its journal."""

    posting_id: int
    at: datetime
    what: str
    why: str
    cause: str
    cause_url: str
    account: str
    amount: str
    comes_in: bool
    balance: str
    number: str
    journal_url: str
    legs: tuple[Leg, ...]


@dataclass(frozen=True)
class OrderMoney:
    """What one order did to the money: reserved, charged, returned, and the sentence that says why."""

    order: Order
    package: str
    is_open: bool
    cap: str
    charged: str
    returned: str
    why: str
    paid_from: str
    lines: tuple[dict[str, str], ...]
    lines_most: str
    lines_real: str
    holds: tuple[Hold, ...]


@dataclass(frozen=True)
class HoldLine:
    """A reservation that is still open."""

    hold: Hold
    account: str
    amount: str
    cause: str
    cause_url: str


@dataclass
class Money:
    """One company's page. Amounts are words already; `older…` is the cursor of the next page or ""."""

    company: Organisation
    people: list[Membership]
    available_uy: int = 0
    held_uy: int = 0
    wallet_uy: int = 0
    own_uy: int = 0  # what of the available is the company's own: it may go to the bank
    credit_limit_uy: int = 0
    credit_drawn_uy: int = 0
    accounts: list[dict[str, str]] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    older: str = ""
    orders: list[OrderMoney] = field(default_factory=list)
    older_orders: str = ""
    holds: list[HoldLine] = field(default_factory=list)
    topups: list[tuple[Any, Booked | None, Correction | None]] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    short: list[tuple[Correction, int]] = field(default_factory=list)  # what waits for money, and what is missing

    @property
    def gift_shown_uy(self) -> int:
        """What of the available is a gift, so that both parts add up as they are shown."""
        return max(0, floor_fen(self.available_uy)) - self.own_uy

    @property
    def held_shown_uy(self) -> int:
        """So that the three figures add up as they are shown, each rounded down to the fen."""
        return floor_fen(self.wallet_uy) - floor_fen(self.available_uy)


def money_of(company: Organisation, *, before: int | None = None, orders_before: int | None = None) -> Money:
    """Everything that happened to a company's money. `before` is a posting, `orders_before` an order.

    The number of queries does not grow with what is shown.
    """
    page = Money(company, list(company.memberships.select_related("user").order_by("id")))
    accounts = {a.pk: a for a in Account.objects.filter(owner=company).order_by("kind", "asset", "ref")}
    _figures(page, accounts)
    holds = list(Hold.objects.filter(account__in=accounts, state=Hold.State.OPEN).order_by("-id")[:LISTED])
    postings = _postings(accounts, before)
    page.older = str(postings[MOVEMENTS - 1].pk) if len(postings) > MOVEMENTS else ""
    postings = postings[:MOVEMENTS]
    causes = causes_of({p.journal.cause for p in postings} | {h.cause for h in holds})
    page.movements = _movements(postings, accounts, causes)
    page.holds = [
        HoldLine(
            h,
            words.name_of(accounts[h.account_id]),
            words.short(h.left, accounts[h.account_id].asset),
            *causes.get(h.cause, (h.cause, "")),
        )
        for h in holds
    ]
    wallet = next((a for a in accounts.values() if a.kind == Kind.WALLET), None)
    page.orders, page.older_orders = _orders(company, orders_before, wallet)
    topups = list(
        TopUp.objects.filter(organisation=company).select_related("requested_by").annotate(entered=queries.ENTERED)
        .order_by("-id")[:LISTED]
    )
    short = Correction.objects.filter(topup__organisation=company, state=Correction.State.SHORT)
    page.short = [(c, _missing(c, page)) for c in short.select_related("topup").order_by("id")]
    steps = last_by(topups)
    corrected = queries.corrections_of(topups)
    page.topups = [(t, steps.get(t.pk), corrected.get(t.pk)) for t in topups]
    page.withdrawals = list(Withdrawal.objects.filter(organisation=company)[:LISTED])
    return page


def _missing(correction: Correction, page: Money) -> int:
    return ceil_to(max(0, correction.from_uy - correction.to_uy - max(0, page.available_uy)), FEN_UY)


def _figures(page: Money, accounts: dict[int, Account]) -> None:
    for account in accounts.values():
        if account.kind == Kind.WALLET:
            page.wallet_uy, page.held_uy = account.posted, account.held
            page.available_uy = account.posted - account.held - (account.floor or 0)
            page.own_uy = queries.withdrawable_of(account, max(0, page.available_uy)).most_uy
        elif account.kind == Kind.CREDIT_LINE:
            page.credit_limit_uy, page.credit_drawn_uy = -(account.floor or 0), -account.posted
        page.accounts.append(
            {
                "name": words.name_of(account),
                "ref": account.ref,
                "posted": words.short(account.posted, account.asset),
                "held": words.short(account.held, account.asset) if account.held else "",
                "url": reverse("admin:ledger_account_change", args=[account.pk]),
            }
        )


def _postings(accounts: dict[int, Account], before: int | None) -> list[Posting]:
    """One more than a page, newest first, each journal with all its legs."""
    rows = Posting.objects.filter(account__in=accounts).select_related("journal").order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.prefetch_related("journal__postings__account__owner")[: MOVEMENTS + 1])


def _movements(
    postings: list[Posting], accounts: dict[int, Account], causes: dict[str, tuple[str, str]]
) -> list[Movement]:
    running = {pk: a.posted for pk, a in accounts.items()}
    if postings:
        newer = Posting.objects.filter(account__in=accounts, pk__gt=postings[0].pk)
        for pk, total in newer.values_list("account").annotate(Sum("amount")):
            running[pk] -= total
    found = []
    for p in postings:
        account, journal = accounts[p.account_id], p.journal
        cause, url = causes.get(journal.cause, (journal.cause, ""))
        found.append(
            Movement(
                posting_id=p.pk,
                at=journal.at,
                what=words.reason(journal.reason),
                why=journal.memo.get("why", ""),
                cause=cause,
                cause_url=url,
                account=words.name_of(account),
                amount=words.short(p.amount, account.asset, signed=True),
                comes_in=p.amount > 0,
                balance=words.short(running[p.account_id], account.asset),
                number=journal.public_id[-6:].upper(),
                journal_url=reverse("admin:ledger_journal_change", args=[journal.pk]),
                legs=tuple(
                    Leg(
                        words.name_of(leg.account),
                        leg.account.owner.name if leg.account.owner else _("the platform"),
                        words.exact(leg.amount, leg.account.asset, signed=True),
                    )
                    for leg in sorted(journal.postings.all(), key=lambda x: x.amount)
                ),
            )
        )
        running[p.account_id] -= p.amount
    return found


def _orders(
    company: Organisation, before: int | None, wallet: Account | None
) -> tuple[list[OrderMoney], str]:
    rows = (
        Order.objects.filter(organisation=company)
        .select_related("organisation", "quote__offering__package", "allocation")
        .order_by("-id")
    )
    if before is not None:
        rows = rows.filter(pk__lt=before)
    orders = list(rows[: ORDERS + 1])
    shown = orders[:ORDERS]
    causes = [o.cause for o in shown]
    charges = {c.cause: c for c in Charge.objects.filter(cause__in=causes)}
    holds: dict[str, list[Hold]] = {}
    for hold in Hold.objects.filter(cause__in=causes).select_related("account").order_by("id"):
        holds.setdefault(hold.cause, []).append(hold)
    paid = gifts.paid(wallet, causes)
    found = [_order_money(o, charges.get(o.cause), tuple(holds.get(o.cause, [])), paid.get(o.cause)) for o in shown]
    return found, str(shown[-1].pk) if len(orders) > ORDERS else ""


def _order_money(
    order: Order, charge: Charge | None, holds: tuple[Hold, ...], paid: gifts.Paid | None
) -> OrderMoney:
    quote, asset = order.quote, order.quote.asset
    package = quote.offering.package
    total = charge.total if charge else 0
    return OrderMoney(
        order=order,
        package=package.name,
        is_open=order.is_open,
        cap=words.short(quote.cap, asset),
        charged="" if order.is_open else words.short(total, asset),
        returned="" if order.is_open else words.short(quote.cap - total, asset),
        why=why(order, charge),
        paid_from=gifts.told(paid, charge.credit_used if charge else 0),
        lines=_compared(order, charge, package.unit),
        lines_most=words.exact(quote.cap, asset),
        lines_real=words.exact(charge.total, asset) if charge else "",
        holds=holds,
    )


def why(order: Order, charge: Charge | None) -> str:
    """One sentence to read out on the telephone: what was reserved, charged, returned, and why."""
    asset, cap = order.quote.asset, order.quote.cap
    total = charge.total if charge else 0
    said = {
        "cap": words.short(cap, asset),
        "total": words.short(total, asset),
        "rest": words.short(cap - total, asset),
        "machine": hours(charge.computing if charge and asset != "CNY" else _used(charge)),
    }
    if order.is_open:
        return _("%(cap)s is reserved; nothing is charged until the run is over.") % said
    if order.state == Order.State.CANCELLED:
        return _("Cancelled before the machine had it: %(rest)s went back, nothing was charged.") % said
    if order.state == Order.State.FAILED:
        reason = REASONS.get(order.reason, _("The run failed."))
        return f"{reason} " + _("Nobody pays for a failure: %(rest)s went back.") % said
    if order.state == Order.State.STOPPED:
        return (
            _(
                "Stopped before the end: only the computing so far (%(machine)s core-hours) is paid, "
                "%(total)s; %(rest)s went back."
            )
            % said
        )
    above = next((-x["amount"] for x in charge.lines if x["code"] == "above_cap"), 0) if charge else 0
    if above:
        return _("It came to %(above)s more than the cap. The cap of %(cap)s is all that was charged.") % {
            **said,
            "above": words.short(above, asset),
        }
    return (
        _(
            "%(cap)s is the most it could cost. It came to %(total)s: %(parts)s. "
            "The unused %(rest)s went back. The machine counted %(machine)s core-hours."
        )
        % {**said, "parts": _parts(order, charge)}
    )


def _parts(order: Order, charge: Charge | None) -> str:
    """What the total is for: the computing always, and whatever else came to something."""
    asset, unit = order.quote.asset, order.quote.offering.package.unit
    said = [x for x in charge.lines if x["code"] != "to_fen"] if charge else []
    lines = [x for x in said if x["amount"] or x["code"] == "computing"]
    named = zip(worded_lines(lines, asset, unit, is_exact=True), lines, strict=True)
    return joined(f"{word['label']} {words.short(line['amount'], asset)}" for word, line in named)


def _used(charge: Charge | None) -> int:
    return sum(x["quantity"] for x in charge.lines if x["code"] == "computing") if charge else 0


def _compared(order: Order, charge: Charge | None, unit: str) -> tuple[dict[str, str], ...]:
    """Line by line: the most that was agreed, and what it came to."""
    asset = order.quote.asset
    most = {x["code"]: x for x in order.quote.lines}
    real = {x["code"]: x for x in charge.lines} if charge else {}
    rows = []
    for code in [*most, *(c for c in real if c not in most)]:
        line = real[code] if code in real else most[code]
        word = worded_lines([line], asset, unit, is_quote=code not in real, is_exact=True)[0]
        rows.append(
            {
                "label": word["label"],
                "note": word["note"],
                "most": words.exact(most[code]["amount"], asset) if code in most else "",
                "real": words.exact(real[code]["amount"], asset) if code in real else "",
            }
        )
    return tuple(rows)
