"""Reads of this room: what can be pledged, what a pledge is worth today, where every loan stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from bank.ledger import queries as books
from bank.ledger.chart import CARD_HOURS, CNY, Kind, Reason
from bank.ledger.models import Account, Posting
from marketplace.billing.models import Charge
from marketplace.catalogue.models import IndexPrice, ResourceClass
from portal import policy
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.core.money import CARD_HOUR_CMS, CNY_UY, FEN_UY, PPM, ceil_to
from portal.core.words import local

from . import collateral
from .models import Application, CreditLimit, Loan, Offer

EVIDENCE = timedelta(days=180)


def today(now: datetime) -> date:
    """The business day."""
    return local(now).date()


def indexes(now: datetime) -> dict[int, IndexPrice]:
    """The dated price of every class that has one by now, by the class's pk. One query."""
    rows = IndexPrice.objects.filter(date__lte=today(now)).order_by("resource_class_id", "-date")
    return {row.resource_class_id: row for row in rows.distinct("resource_class_id")}


def worth(cms: int, index: IndexPrice | None) -> int:
    """What hours count for as a pledge, in micro-yuan; nothing without a price."""
    return collateral.value_uy(cms, index.price_uy, policy.COLLATERAL_HAIRCUT_PPM) if index else 0


# ---- credit limit


@dataclass(frozen=True)
class Credit:
    """Micro-yuan. limit = used + reserved + left, unless a limit was lowered below what is used."""

    account: Account | None
    limit_uy: int
    used_uy: int
    held_uy: int
    left_uy: int
    history: Sequence[CreditLimit]


def credit(organisation: Organisation) -> Credit:
    account = books.find(owner=organisation, kind=Kind.CREDIT_LINE)
    history = list(CreditLimit.objects.filter(organisation=organisation)[:10])
    if account is None:
        return Credit(None, 0, 0, 0, 0, history)
    now = books.balance(account)
    return Credit(account, -(now.floor or 0), -now.posted, now.held, now.available or 0, history)


# ---- what can be pledged


@dataclass(frozen=True)
class Pledgeable:
    """Free banked hours of one class and what they count for."""

    resource_class: ResourceClass
    free_cms: int
    index: IndexPrice | None
    value_uy: int
    most_uy: int

    @property
    def for_one_yuan_cms(self) -> int:
        """About how many free hours let one borrow CNY 1 at the index; 0 without one."""
        if self.index is None or not self.index.price_uy:
            return 0
        price, counts = self.index.price_uy, policy.COLLATERAL_HAIRCUT_PPM
        return collateral.hours_to_cure(CNY_UY, 0, price, counts, policy.LTV_ORIGINATION_PPM)


def pledgeable(organisation: Organisation, now: datetime) -> list[Pledgeable]:
    """One row for every class of which hours are banked."""
    accounts = list(
        Account.objects.filter(owner=organisation, kind=Kind.CLAIMS, ref="", asset__startswith=CARD_HOURS, posted__gt=0)
    )
    classes = {c.asset: c for c in ResourceClass.objects.filter(asset__in=[a.asset for a in accounts])}
    prices = indexes(now)
    rows = []
    for account in accounts:
        kind = classes.get(account.asset)
        free = account.posted - account.held
        if kind is None or free <= 0:
            continue
        index = prices.get(kind.pk)
        value = worth(free, index)
        most = collateral.most_uy(value, policy.LTV_ORIGINATION_PPM)
        rows.append(Pledgeable(kind, free, index, value, most))
    return rows


def free_to_pledge(loan: Loan) -> int:
    """Free banked hours of the class of a loan."""
    asset = loan.application.resource_class.asset
    account = Account.objects.filter(owner=loan.borrower, kind=Kind.CLAIMS, asset=asset, ref="").first()
    return account.posted - account.held if account else 0


# ---- applications and offers


@dataclass(frozen=True)
class Asked:
    """An application with what its pledge is worth today. Shares in ppm; None for a debt against nothing.

    now_ppm, with_it_ppm: all debts of the company here against everything it has pledged, without and with
    the amount asked. after_ppm: this loan alone against this pledge.
    """

    application: Application
    index: IndexPrice | None
    pledged_cms: int
    value_uy: int
    most_uy: int
    after_ppm: int | None
    now_ppm: int | None
    with_it_ppm: int | None
    offers: Sequence[Offer] = ()
    counts_ppm: int = policy.COLLATERAL_HAIRCUT_PPM
    most_ppm: int = policy.LTV_ORIGINATION_PPM

    def ltv_of(self, amount_uy: int) -> int | None:
        return collateral.ltv_ppm(amount_uy, self.value_uy)


def applications() -> QuerySet[Application]:
    return Application.objects.select_related("organisation", "resource_class")


def asked(rows: Iterable[Application], now: datetime) -> list[Asked]:
    """Three queries, however many applications; offers only where they were prefetched."""
    found = list(rows)
    prices = indexes(now)
    owned = list(
        Account.objects.filter(
            owner__in={a.organisation_id for a in found}, kind__in=[Kind.PLEDGED, Kind.LOAN, Kind.LOAN_INTEREST]
        )
    )
    classes = dict(ResourceClass.objects.values_list("asset", "pk"))
    debts: dict[int | None, int] = {}
    values: dict[int | None, int] = {}
    pledged: dict[str, int] = {}
    for account in owned:
        if account.kind == Kind.PLEDGED:
            pledged[account.ref] = account.posted
            index = prices.get(classes.get(account.asset, 0))
            values[account.owner_id] = values.get(account.owner_id, 0) + worth(account.posted, index)
        else:
            debts[account.owner_id] = debts.get(account.owner_id, 0) - account.posted
    result = []
    for a in found:
        cms, index = pledged.get(a.public_id, 0), prices.get(a.resource_class_id)
        debt, value, whole = debts.get(a.organisation_id, 0), worth(cms, index), values.get(a.organisation_id, 0)
        offers = list(a.offers.all()) if "offers" in getattr(a, "_prefetched_objects_cache", {}) else []
        result.append(
            Asked(
                application=a,
                index=index,
                pledged_cms=cms,
                value_uy=value,
                most_uy=collateral.most_uy(value, policy.LTV_ORIGINATION_PPM),
                after_ppm=collateral.ltv_ppm(a.amount_uy, value),
                now_ppm=collateral.ltv_ppm(debt, whole),
                with_it_ppm=collateral.ltv_ppm(debt + a.amount_uy, whole),
                offers=offers,
            )
        )
    return result


def open_for(lender: Organisation, now: datetime) -> QuerySet[Application]:
    """Applications a lender may still answer, oldest first."""
    rows = applications().filter(state=Application.State.OPEN, expires_at__gt=now)
    return rows.exclude(rejections__lender=lender).exclude(organisation=lender).order_by("id")


def visible_to(organisation: Organisation) -> QuerySet[Application]:
    """A borrower's own; for a lender the open ones and those it made an offer on."""
    rows = applications()
    if organisation.role != Organisation.Role.LENDER:
        return rows.filter(organisation=organisation)
    return (
        rows.filter(Q(state=Application.State.OPEN) | Q(offers__lender=organisation))
        .exclude(organisation=organisation)
        .distinct()
    )


def offers_of(lender: Organisation) -> QuerySet[Offer]:
    return Offer.objects.filter(lender=lender).select_related(
        "application__organisation", "application__resource_class"
    )


@dataclass(frozen=True)
class Evidence:
    """What a lender sees of a company, from the last 180 days of the books. Money in micro-yuan."""

    runs: int
    failed: int
    paid_uy: int
    banked_times: int
    banked_cms: int
    credit_limit_uy: int
    credit_used_uy: int
    other_debt_uy: int
    repaid_loans: int
    since: datetime


def evidence(organisation: Organisation, asset: str, now: datetime) -> Evidence:
    charges = Charge.objects.filter(organisation=organisation, settled_at__gt=now - EVIDENCE).aggregate(
        runs=Count("pk", filter=Q(outcome=Charge.Outcome.DELIVERED)),
        failed=Count("pk", filter=Q(outcome=Charge.Outcome.FAILED)),
        paid=Sum("total", filter=Q(asset=CNY)),
    )
    banked = Posting.objects.filter(
        account__owner=organisation,
        account__kind=Kind.CLAIMS,
        account__asset=asset,
        amount__gt=0,
        journal__at__gt=now - EVIDENCE,
        journal__reason__in=[Reason.CLAIM_EARNED, Reason.DISTRIBUTION, Reason.IDLE_PAY],
    ).aggregate(times=Count("pk"), cms=Sum("amount"))
    line = books.find(owner=organisation, kind=Kind.CREDIT_LINE)
    owed = Account.objects.filter(owner=organisation, kind__in=[Kind.LOAN, Kind.LOAN_INTEREST]).aggregate(
        total=Sum("posted")
    )
    return Evidence(
        runs=charges["runs"],
        failed=charges["failed"],
        paid_uy=charges["paid"] or 0,
        banked_times=banked["times"],
        banked_cms=banked["cms"] or 0,
        credit_limit_uy=-(line.floor or 0) if line else 0,
        credit_used_uy=-line.posted if line else 0,
        other_debt_uy=-(owed["total"] or 0),
        repaid_loans=Loan.objects.filter(borrower=organisation, state=Loan.State.REPAID).count(),
        since=organisation.created_at,
    )


# ---- loans


@dataclass(frozen=True)
class Position:
    """A loan today. ltv_ppm None: a debt against nothing. Index levels in micro-yuan per card-hour."""

    loan: Loan
    index: IndexPrice | None
    pledged_cms: int
    value_uy: int
    principal_uy: int
    interest_uy: int
    unbooked_uy: int
    rest: int
    ltv_ppm: int | None
    today: date
    borrow_ppm: int = policy.LTV_ORIGINATION_PPM
    call_ppm: int = policy.LTV_CALL_PPM
    sale_ppm: int = policy.LTV_LIQUIDATION_PPM

    @property
    def debt_uy(self) -> int:
        return self.principal_uy + self.interest_uy

    @property
    def next_due_uy(self) -> int:
        """What is to be paid next; all of it past the last instalment."""
        due = self.next_due
        return due.total_uy if due else self.debt_uy

    @property
    def is_called(self) -> bool:
        return collateral.is_reached(self.debt_uy, self.value_uy, policy.LTV_CALL_PPM)

    @property
    def is_past_sale(self) -> bool:
        return collateral.is_reached(self.debt_uy, self.value_uy, policy.LTV_LIQUIDATION_PPM)

    @property
    def cure_uy(self) -> int:
        """X: cash that ends the margin call."""
        return collateral.cash_to_cure(self.debt_uy, self.value_uy, policy.LTV_CALL_PPM)

    @property
    def cure_cms(self) -> int | None:
        """Y: further hours that end it; None without a price."""
        if self.index is None:
            return None
        return collateral.hours_to_cure(
            self.debt_uy,
            self.pledged_cms,
            self.index.price_uy,
            policy.COLLATERAL_HAIRCUT_PPM,
            policy.LTV_CALL_PPM,
        )

    @property
    def cure_shown_cms(self) -> int | None:
        """Y as people are asked for it: up to the next tenth of an hour, which is what the form takes."""
        return None if self.cure_cms is None else ceil_to(self.cure_cms, CARD_HOUR_CMS // 10)

    @property
    def call_index_uy(self) -> int:
        return self._index_at(policy.LTV_CALL_PPM)

    @property
    def sale_index_uy(self) -> int:
        return self._index_at(policy.LTV_LIQUIDATION_PPM)

    def _index_at(self, level_ppm: int) -> int:
        return collateral.index_at(self.debt_uy, self.pledged_cms, policy.COLLATERAL_HAIRCUT_PPM, level_ppm)

    @property
    def behind_uy(self) -> int:
        """Principal that should have been repaid by now and was not; clears itself when it is paid."""
        planned = collateral.planned_left(self.loan.principal_uy, self.loan.months, self.loan.start_date, self.today)
        return max(0, self.principal_uy - planned)

    @property
    def to_pay(self) -> list[collateral.Instalment]:
        """What is really still to be paid from today on."""
        return collateral.still_to_pay(
            self.schedule,
            principal_uy=self.principal_uy,
            interest_uy=self.interest_uy,
            rest=self.rest,
            rate_ppm=self.loan.rate_ppm,
            today=self.today,
        )

    @property
    def next_due(self) -> collateral.Instalment | None:
        """The next instalment with what is behind the plan, and the interest to its day; None past the last one."""
        if not any(p.due_date >= self.today for p in self.schedule):
            return None
        return next(iter(self.to_pay), None)

    def falls_to(self, level_index_uy: int) -> int | None:
        """How far the index has to fall from today's to reach that level, ppm; None without a price, 0 when it has."""
        if self.index is None or not self.index.price_uy:
            return None
        return max(0, (self.index.price_uy - level_index_uy) * PPM // self.index.price_uy)

    @property
    def schedule(self) -> list[collateral.Instalment]:
        return collateral.schedule(self.loan.principal_uy, self.loan.rate_ppm, self.loan.months, self.loan.start_date)


def loans() -> QuerySet[Loan]:
    return Loan.objects.select_related("application__resource_class", "borrower", "lender")


def loans_of(organisation: Organisation) -> QuerySet[Loan]:
    """Those it owes, or for a lender those it gave."""
    if organisation.role == Organisation.Role.LENDER:
        return loans().filter(lender=organisation)
    return loans().filter(borrower=organisation)


def positions(rows: Iterable[Loan], now: datetime) -> list[Position]:
    """Where loans stand today. Two queries, however many."""
    found = list(rows)
    refs = [loan.public_id for loan in found] + [loan.application.public_id for loan in found]
    kinds = [Kind.PLEDGED, Kind.LOAN, Kind.LOAN_INTEREST]
    posted = {(a.kind, a.ref): a.posted for a in Account.objects.filter(kind__in=kinds, ref__in=refs)}
    prices, day = indexes(now), today(now)
    return [_position(loan, posted, prices, day) for loan in found]


def position(loan: Loan, now: datetime) -> Position:
    return positions([loan], now)[0]


def _position(loan: Loan, posted: dict[tuple[str, str], int], prices: dict[int, IndexPrice], day: date) -> Position:
    principal = -posted.get((Kind.LOAN, loan.public_id), 0)
    nights = max(0, (day - loan.accrued_to_date).days)
    unbooked, rest = collateral.accrue(principal, loan.rate_ppm, nights, loan.interest_rest)
    interest = -posted.get((Kind.LOAN_INTEREST, loan.public_id), 0) + unbooked
    cms = posted.get((Kind.PLEDGED, loan.application.public_id), 0)
    index = prices.get(loan.application.resource_class_id)
    value = worth(cms, index)
    return Position(
        loan=loan,
        index=index,
        pledged_cms=cms,
        value_uy=value,
        principal_uy=principal,
        interest_uy=interest,
        unbooked_uy=unbooked,
        rest=rest,
        ltv_ppm=collateral.ltv_ppm(principal + interest, value),
        today=day,
    )


def against_withdrawal(organisation: Organisation, now: datetime) -> Refused | None:
    """Why a borrower may not take cash out now: a margin call, or a loan behind its plan. At most three queries.

    What is missing is named up to the next fen, so that paying just that is enough.
    """
    for found in positions(loans().filter(borrower=organisation, state__in=Loan.OPEN), now):
        if found.loan.state == Loan.State.MARGIN_CALLED:
            return Refused("withdrawal_margin_call", due_uy=ceil_to(found.cure_uy, FEN_UY))
        due = found.behind_uy if found.next_due else found.principal_uy
        if due or not found.next_due:  # a payment counts for the interest first
            due += found.interest_uy
        if due:
            return Refused("withdrawal_loan_overdue", due_uy=ceil_to(due, FEN_UY))
    return None


@dataclass(frozen=True)
class LenderCash:
    """Micro-yuan: free to lend, reserved for offers, lent out, interest to receive."""

    account: Account | None
    free_uy: int
    offered_uy: int
    lent_uy: int
    interest_due_uy: int


def lender_cash(lender: Organisation) -> LenderCash:
    rows = list(
        Account.objects.filter(owner=lender, kind__in=[Kind.LENDER_CASH, Kind.LENT, Kind.INTEREST_DUE], asset=CNY)
    )
    cash = next((a for a in rows if a.kind == Kind.LENDER_CASH), None)
    return LenderCash(
        account=cash,
        free_uy=cash.posted - cash.held if cash else 0,
        offered_uy=cash.held if cash else 0,
        lent_uy=sum(a.posted for a in rows if a.kind == Kind.LENT),
        interest_due_uy=sum(a.posted for a in rows if a.kind == Kind.INTEREST_DUE),
    )
