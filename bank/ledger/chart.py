"""The chart of accounts: which accounts exist, why, on which side they stand, and who may pay whom.

Sign: a posting of +x is x into the account, −x is x out of it. An account that stands on the credit
side normally has a balance ≥ 0 (what the platform owes or has earned: a customer's wallet with money
has posted > 0); one that stands on the debit side normally has a balance ≤ 0 (what the platform owns
or has spent, and what a customer owes: cash at the bank, marketing, a drawn credit line, a loan).

A new kind or a new route is a line here: `sync_chart` brings it into the tables that PostgreSQL's
triggers read, after every `migrate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.utils.functional import Promise

CNY = "CNY"
CARD_HOURS = "CH:"  # CH:CPU, CH:A800 …: card-milliseconds of one class


class Kind(models.TextChoices):
    """What an account is. The label is the bookkeeper's word, shown on statements."""

    WALLET = "wallet", _("Wallet")
    CREDIT_LINE = "credit_line", _("Credit line")
    CLEARING_ORDER = "clearing_order", _("Payment for the order")
    CALLS = "calls", _("Paid ahead for model calls")
    PROVIDER_DUE = "provider_due", _("Earned, not yet paid out")
    HOLDBACK = "holdback", _("Held back for disputes")
    FEES = "fees", _("Platform fees")
    PACKAGE_INCOME = "package_income", _("Package income")
    GRANTS = "grants", _("Welcome credit given")
    BANK = "bank", _("Cash at the bank")
    RESERVE = "reserve", _("Reserve")
    COMPENSATION = "compensation", _("Compensation paid")
    ROUNDING = "rounding", _("Rounding")
    CLAIMS = "claims", _("Banked hours")
    CLAIMS_BACKING = "claims_backing", _("Banked hours issued")
    CAPACITY_RESERVE = "capacity_reserve", _("Capacity reserve")
    PLEDGED = "pledged", _("Pledged hours")
    LENDER_CASH = "lender_cash", _("Lender's cash")
    LENT = "lent", _("Lent out")
    LOAN = "loan", _("Loan")
    LOAN_INTEREST = "loan_interest", _("Loan interest")
    INTEREST_DUE = "interest_due", _("Interest to receive")


class Side(models.TextChoices):
    CREDIT = "credit", _("credit")
    DEBIT = "debit", _("debit")


class Floor(models.TextChoices):
    """How far down an account may go: to zero, to minus a limit of its own, or without end."""

    ZERO = "zero", _("zero")
    LIMIT = "limit", _("minus its limit")
    NONE = "none", _("none")


@dataclass(frozen=True)
class KindSpec:
    """owned: belongs to an organisation. counted: every posting updates the balance row (needed for a
    floor or a hold); the others only collect postings, so that a hot account makes nobody wait.
    lots: the balance consists of parts with their own expiry; lots_expire: an overdue part is booked out
    (pledged hours are kept for the lender and expire when they come back). ceiling: the highest balance.
    """

    purpose: Promise
    side: Side
    owned: bool
    floor: Floor
    assets: str  # "CNY", "CH:" (any class) or "" (any asset)
    counted: bool = True
    lots: bool = False
    lots_expire: bool = True
    ceiling: int | None = None


def _system(purpose: Promise, side: Side, assets: str = CNY) -> KindSpec:
    return KindSpec(purpose, side, owned=False, floor=Floor.NONE, assets=assets, counted=False)


C, D = Side.CREDIT, Side.DEBIT
CHART: dict[Kind, KindSpec] = {
    Kind.WALLET: KindSpec(_("a company's money on the platform"), C, True, Floor.ZERO, CNY),
    Kind.CREDIT_LINE: KindSpec(
        _("what a company owes for orders paid later; down to minus its limit"), D, True, Floor.LIMIT, CNY,
        ceiling=0),
    Kind.CLEARING_ORDER: KindSpec(
        _("charged to the customer, not yet distributed; one per order"), C, False, Floor.ZERO, ""),
    Kind.CALLS: KindSpec(
        _("less than a fen that a company paid ahead: wallets move in whole fen, calls cost parts of one"), C, True,
        Floor.ZERO, CNY),
    Kind.PROVIDER_DUE: KindSpec(_("earned by a provider, not yet paid out"), C, True, Floor.ZERO, CNY),
    Kind.HOLDBACK: KindSpec(_("earned, kept back until disputes are over"), C, True, Floor.ZERO, CNY),
    Kind.FEES: _system(_("what the platform keeps of a provider's sale"), C),
    Kind.PACKAGE_INCOME: _system(_("what customers paid for packages, beyond the computing"), C),
    Kind.GRANTS: _system(_("the platform's marketing expense: welcome credit"), D),
    Kind.BANK: _system(_("cash at the platform's bank: money came in below zero, went out above"), D),
    Kind.RESERVE: KindSpec(
        _("pays for failures and firm idle hours; never below zero"), C, False, Floor.ZERO, CNY),
    Kind.COMPENSATION: _system(_("the platform's expense for failures of its own"), D),
    Kind.ROUNDING: _system(_("residues of shares that do not divide"), C, ""),
    Kind.CLAIMS: KindSpec(
        _("hours of one class that a company may withdraw"), C, True, Floor.ZERO, CARD_HOURS, lots=True),
    Kind.CLAIMS_BACKING: _system(_("contra of all banked hours: minus what is outstanding"), D, CARD_HOURS),
    Kind.CAPACITY_RESERVE: KindSpec(
        _("hours the platform itself may give out"), C, False, Floor.ZERO, CARD_HOURS),
    Kind.PLEDGED: KindSpec(
        _("banked hours pledged for a loan; cannot be spent"), C, True, Floor.ZERO, CARD_HOURS, lots=True,
        lots_expire=False),
    Kind.LENDER_CASH: KindSpec(_("a lender's money on the platform"), C, True, Floor.ZERO, CNY),
    Kind.LENT: KindSpec(_("a lender's principal outstanding, per loan"), C, True, Floor.ZERO, CNY),
    Kind.LOAN: KindSpec(
        _("a borrower's principal owed, per loan; down to minus the amount agreed"), D, True, Floor.LIMIT,
        CNY, ceiling=0),
    Kind.LOAN_INTEREST: KindSpec(
        _("a borrower's interest owed, per loan"), D, True, Floor.NONE, CNY, ceiling=0),
    Kind.INTEREST_DUE: KindSpec(_("a lender's interest to receive, per loan"), C, True, Floor.ZERO, CNY),
}


class Reason(models.TextChoices):
    """Why something moved. The label is the line on the statement."""

    TOP_UP = "top_up", _("Top-up by bank transfer")
    WELCOME_CREDIT = "welcome_credit", _("Welcome credit")
    WITHDRAWAL = "withdrawal", _("Paid out to the company's bank account")
    ORDER_CHARGE = "order_charge", _("Order charged")
    ORDER_REFUND = "order_refund", _("Refund of an order")
    CALLS_PAID = "calls_paid", _("Model calls")
    CALLS_SHARED = "calls_shared", _("Model calls, to their providers")
    PROVIDER_SHARE = "provider_share", _("Provider's share")
    PLATFORM_FEE = "platform_fee", _("Platform fee")
    PACKAGE_SHARE = "package_share", _("Package income")
    DISTRIBUTION = "distribution", _("Order distributed")
    HOLDBACK_RELEASE = "holdback_release", _("Hold-back released")
    PAYOUT = "payout", _("Payout")
    TO_RESERVE = "to_reserve", _("To the reserve")
    FROM_RESERVE = "from_reserve", _("Reserve funded by the platform")
    IDLE_PAY = "idle_pay", _("Paid for verified idle hours")
    LATE_RECALL = "late_recall", _("Fee for a late recall")
    COMPENSATION = "compensation", _("Compensation for a failure")
    ROUNDING = "rounding", _("Rounding")
    CLAIM_EARNED = "claim_earned", _("Hours banked")
    CLAIM_BOUGHT = "claim_bought", _("Banked hours bought")
    CLAIM_SPENT = "claim_spent", _("Banked hours used")
    LOT_EXPIRED = "lot_expired", _("Banked hours expired")
    PLEDGE = "pledge", _("Hours pledged")
    PLEDGE_RELEASED = "pledge_released", _("Pledge released")
    CREDIT_REPAYMENT = "credit_repayment", _("Credit line repaid")
    LENDER_FUNDING = "lender_funding", _("Lender's money received")
    LOAN_DISBURSED = "loan_disbursed", _("Loan paid out")
    LOAN_REPAYMENT = "loan_repayment", _("Loan repaid")
    INTEREST_ACCRUED = "interest_accrued", _("Interest accrued")
    INTEREST_PAID = "interest_paid", _("Interest paid")
    REVERSAL = "reversal", _("Reversal")


K, R = Kind, Reason
# (reason, from kinds, to kinds): every pair of a line is allowed, nothing else. A journal with several
# legs needs each of its (out, in) pairs of the same asset listed under its reason.
_LINES: list[tuple[Reason, list[Kind], list[Kind]]] = [
    (R.TOP_UP, [K.BANK], [K.WALLET]),
    (R.WELCOME_CREDIT, [K.GRANTS], [K.WALLET]),
    (R.WITHDRAWAL, [K.WALLET, K.LENDER_CASH], [K.BANK]),
    (R.ORDER_CHARGE, [K.WALLET, K.CREDIT_LINE], [K.CLEARING_ORDER]),
    (R.ORDER_REFUND, [K.CLEARING_ORDER], [K.WALLET, K.CREDIT_LINE, K.CLAIMS]),
    (R.ORDER_REFUND, [K.FEES, K.PACKAGE_INCOME, K.RESERVE, K.COMPENSATION], [K.WALLET, K.CREDIT_LINE]),
    (R.DISTRIBUTION, [K.CLEARING_ORDER],
     [K.PROVIDER_DUE, K.HOLDBACK, K.FEES, K.PACKAGE_INCOME, K.RESERVE, K.ROUNDING, K.CLAIMS, K.CLAIMS_BACKING,
      K.CAPACITY_RESERVE]),
    # a run paid in banked hours: the cash that stood behind them pays the site that ran it
    (R.DISTRIBUTION, [K.RESERVE], [K.PROVIDER_DUE, K.HOLDBACK, K.FEES]),
    (R.CALLS_PAID, [K.WALLET, K.CREDIT_LINE], [K.CALLS]),
    (R.CALLS_SHARED, [K.CALLS, K.COMPENSATION], [K.PROVIDER_DUE, K.FEES, K.PACKAGE_INCOME]),
    (R.PROVIDER_SHARE, [K.CLEARING_ORDER], [K.PROVIDER_DUE, K.HOLDBACK]),
    (R.PLATFORM_FEE, [K.CLEARING_ORDER, K.PROVIDER_DUE], [K.FEES]),
    (R.PACKAGE_SHARE, [K.CLEARING_ORDER], [K.PACKAGE_INCOME]),
    (R.HOLDBACK_RELEASE, [K.HOLDBACK], [K.PROVIDER_DUE, K.WALLET]),
    (R.PAYOUT, [K.PROVIDER_DUE], [K.BANK, K.WALLET]),
    (R.TO_RESERVE, [K.CLEARING_ORDER, K.HOLDBACK, K.PROVIDER_DUE, K.FEES, K.PACKAGE_INCOME], [K.RESERVE]),
    (R.TO_RESERVE, [K.CLEARING_ORDER], [K.CAPACITY_RESERVE]),
    (R.FROM_RESERVE, [K.BANK], [K.RESERVE]),
    (R.IDLE_PAY, [K.RESERVE], [K.PROVIDER_DUE]),
    (R.IDLE_PAY, [K.CLAIMS_BACKING, K.CAPACITY_RESERVE], [K.CLAIMS]),
    (R.LATE_RECALL, [K.HOLDBACK, K.PROVIDER_DUE, K.WALLET], [K.RESERVE]),
    (R.COMPENSATION, [K.HOLDBACK, K.PROVIDER_DUE, K.RESERVE, K.COMPENSATION], [K.WALLET]),
    (R.ROUNDING, [K.CLEARING_ORDER], [K.ROUNDING]),
    (R.ROUNDING, [K.ROUNDING], [K.CLEARING_ORDER]),
    # banked hours enter only against backing: the cash leg stands in the same journal
    (R.CLAIM_EARNED, [K.CLEARING_ORDER], [K.RESERVE, K.FEES, K.ROUNDING, K.CLAIMS]),
    (R.CLAIM_EARNED, [K.CLAIMS_BACKING, K.CAPACITY_RESERVE], [K.CLAIMS]),
    (R.CLAIM_BOUGHT, [K.WALLET, K.CREDIT_LINE], [K.RESERVE]),
    (R.CLAIM_BOUGHT, [K.CLAIMS_BACKING, K.CAPACITY_RESERVE], [K.CLAIMS]),
    (R.CLAIM_SPENT, [K.CLAIMS], [K.CLEARING_ORDER, K.CLAIMS_BACKING, K.CAPACITY_RESERVE]),
    (R.CLAIM_SPENT, [K.CLEARING_ORDER], [K.CLAIMS_BACKING, K.CAPACITY_RESERVE]),
    (R.LOT_EXPIRED, [K.CLAIMS], [K.CLAIMS_BACKING]),
    (R.PLEDGE, [K.CLAIMS], [K.PLEDGED]),
    (R.PLEDGE_RELEASED, [K.PLEDGED], [K.CLAIMS]),
    (R.CREDIT_REPAYMENT, [K.WALLET, K.BANK], [K.CREDIT_LINE]),
    (R.LENDER_FUNDING, [K.BANK], [K.LENDER_CASH]),
    (R.LOAN_DISBURSED, [K.LENDER_CASH, K.LOAN], [K.WALLET, K.LENT]),
    (R.LOAN_REPAYMENT, [K.WALLET, K.LENT], [K.LENDER_CASH, K.LOAN]),
    (R.INTEREST_ACCRUED, [K.LOAN_INTEREST], [K.INTEREST_DUE]),
    (R.INTEREST_PAID, [K.WALLET, K.INTEREST_DUE], [K.LENDER_CASH, K.LOAN_INTEREST]),
]
ROUTES: frozenset[tuple[str, str, str]] = frozenset(
    (source.value, target.value, reason.value)
    for reason, sources, targets in _LINES for source in sources for target in targets
)


def expiry_target(kind: str) -> Kind:
    """Where an expired part of an account of this kind goes."""
    return next(
        Kind(target) for source, target, reason in ROUTES if (source, reason) == (kind, R.LOT_EXPIRED))


def kind_rows() -> list[tuple[str, bool, str, bool, bool, str, int | None]]:
    """The rows of ledger_kind: code, owned, floor_rule, counted, lots, assets, ceiling."""
    return [
        (kind.value, spec.owned, spec.floor.value, spec.counted, spec.lots, spec.assets, spec.ceiling)
        for kind, spec in CHART.items()
    ]


def sync_chart(connection: BaseDatabaseWrapper) -> None:
    """Make the database's chart equal to this file. Runs after every migrate, as the tables' owner."""
    with connection.cursor() as c:
        c.executemany(
            "INSERT INTO ledger_kind (code, owned, floor_rule, counted, lots, assets, ceiling)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (code) DO UPDATE SET owned = excluded.owned, floor_rule = excluded.floor_rule,"
            " counted = excluded.counted, lots = excluded.lots, assets = excluded.assets,"
            " ceiling = excluded.ceiling",
            kind_rows(),
        )
        c.executemany(
            "INSERT INTO ledger_route (source, target, reason) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            sorted(ROUTES),
        )
        c.execute("SELECT source, target, reason FROM ledger_route")
        gone = [row for row in c.fetchall() if tuple(row) not in ROUTES]
        c.executemany("DELETE FROM ledger_route WHERE source = %s AND target = %s AND reason = %s", gone)
