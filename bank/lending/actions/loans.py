"""Lenders' money, loans from the acceptance to the last repayment, and margin calls."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from bank.ledger import actions as ledger
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Hold
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.core.failpoints import failpoint
from portal.history import actions as history

from .. import collateral, queries, terms
from ..models import Application, LenderPayment, Loan, Offer, Repayment
from .applications import (
    accounts_of,
    check_lender,
    check_ltv,
    close_offer,
    hold_key,
    lock_money,
    release_pledge,
)
from .applications import lock as lock_application


@transaction.atomic
def book_lender_payment(
    *, lender: Organisation, amount_uy: int, bank_reference: str, now: datetime, actor: str
) -> LenderPayment:
    """A lender's bank transfer has arrived. Refused: lender_needed, amount_not_positive, reason_needed,
    payment_known."""
    check_lender(lender)
    if amount_uy <= 0:
        raise Refused("amount_not_positive")
    if not bank_reference.strip():
        raise Refused("reason_needed")
    try:
        with transaction.atomic():
            made = LenderPayment.objects.create(
                lender=lender,
                amount_uy=amount_uy,
                bank_reference=bank_reference.strip(),
                actor=actor,
                created_at=now,
            )
    except IntegrityError:
        raise Refused("payment_known", reference=bank_reference.strip()) from None
    ledger.transfer(
        key=f"lender-payment:{made.public_id}",
        reason=Reason.LENDER_FUNDING,
        cause=history.subject_of(made),
        source=ledger.open(owner=None, kind=Kind.BANK),
        target=ledger.open(owner=lender, kind=Kind.LENDER_CASH),
        amount=amount_uy,
        now=now,
    )
    return made


@transaction.atomic
def accept(*, offer: Offer, now: datetime, actor: str) -> Loan:
    """The lender's money goes to the wallet and the loan begins; the other offers are declined.

    A second acceptance returns the same loan. Refused: offer_over, application_over, above_ltv (the index
    has fallen since the offer).
    """
    row = lock_application(offer.application)
    offer = Offer.objects.select_related("lender").get(pk=offer.pk)
    if offer.state == Offer.State.ACCEPTED:
        return queries.loans().get(offer=offer)
    if row.state != Application.State.OPEN:
        raise Refused("application_over")
    if offer.state != Offer.State.OPEN or offer.expires_at <= now:
        raise Refused("offer_over")
    check_ltv(row, offer.amount_uy, now)
    day = queries.today(now)
    loan = Loan.objects.create(
        application=row,
        offer=offer,
        borrower=row.organisation,
        lender=offer.lender,
        principal_uy=offer.amount_uy,
        rate_ppm=offer.rate_ppm,
        months=offer.months,
        started_at=now,
        start_date=day,
        accrued_to_date=day,
    )
    wallet, _cash, owed, lent, _interest, _due = _accounts(loan)
    lock_money(row, wallet)
    for other in row.offers.filter(state=Offer.State.OPEN).exclude(pk=offer.pk).order_by("pk"):
        close_offer(other, Offer.State.DECLINED, now, "system:lending")
    ledger.set_floor(account=owed, floor=-loan.principal_uy, now=now)
    ledger.settle(
        key=f"disburse:{loan.public_id}",
        hold=Hold.objects.get(key=hold_key(offer)),
        target=wallet,
        amount=loan.principal_uy,
        reason=Reason.LOAN_DISBURSED,
        now=now,
        final=True,
    )
    failpoint("loan-disbursed")
    ledger.transfer(
        key=f"owe:{loan.public_id}",
        reason=Reason.LOAN_DISBURSED,
        cause=history.subject_of(loan),
        source=owed,
        target=lent,
        amount=loan.principal_uy,
        now=now,
    )
    history.move(offer, Offer.State.ACCEPTED, now=now, actor=actor)
    history.move(row, Application.State.LENT, now=now, actor=actor)
    history.record(loan, before="", after=loan.state, now=now, actor=actor)
    return loan


@transaction.atomic
def repay(*, loan: Loan, amount_uy: int | None, key: str, now: datetime, actor: str) -> Repayment:
    """From the wallet: interest first, then principal; None repays everything and releases the pledge.

    The same key again returns the first repayment. Refused: more_than_owed (owed_uy), loan_over,
    insufficient_funds, amount_not_positive, idempotency_conflict.
    """
    row = _lock(loan)
    key = f"{row.public_id}:{key}"
    known = Repayment.objects.filter(key=key).first()
    if known:
        if known.asked_uy != amount_uy:
            raise Refused("idempotency_conflict", key=key)
        return known
    if not row.is_open:
        raise Refused("loan_over")
    found = _book_interest(row, now)
    amount = found.debt_uy if amount_uy is None else amount_uy
    if amount <= 0:
        raise Refused("amount_not_positive")
    if amount > found.debt_uy:
        raise Refused("more_than_owed", owed_uy=found.debt_uy)
    interest, principal = collateral.split(amount, found.interest_uy)
    made = Repayment.objects.create(
        loan=row, key=key, asked_uy=amount_uy, interest_uy=interest, principal_uy=principal, created_at=now
    )
    wallet, cash, owed, lent, interest_owed, due = _accounts(row)
    ledger.lock(wallet, cash, owed, lent, interest_owed, due, *accounts_of(row.application))
    for reason, part, borrower_side, lender_side in (
        (Reason.INTEREST_PAID, interest, interest_owed, due),
        (Reason.LOAN_REPAYMENT, principal, owed, lent),
    ):
        if part:
            ledger.post(
                key=f"{reason}:{made.public_id}",
                reason=reason,
                cause=history.subject_of(row),
                now=now,
                legs=[
                    ledger.Leg(wallet, -part),
                    ledger.Leg(cash, part),
                    ledger.Leg(lender_side, -part),
                    ledger.Leg(borrower_side, part),
                ],
            )
    if amount == found.debt_uy:
        release_pledge(row.application, now)
        history.move(
            row,
            Loan.State.REPAID,
            now=now,
            actor=actor,
            changes={"repaid_at": now, "called_at": None, "call_due_date": None},
        )
    else:
        _judge(row, now, actor)
    return made


@transaction.atomic
def add_pledge(*, loan: Loan, cms: int, key: str, now: datetime, actor: str) -> Loan:
    """More hours behind a loan. Refused: amount_not_positive, insufficient_hours, loan_over."""
    row = _lock(loan)
    if not row.is_open:
        raise Refused("loan_over")
    claims, pledged = accounts_of(row.application)
    ledger.transfer(
        key=f"pledge:{row.public_id}:{key}",
        reason=Reason.PLEDGE,
        cause=history.subject_of(row),
        source=claims,
        target=pledged,
        amount=cms,
        now=now,
        memo={"actor": actor},
    )
    _judge(row, now, actor)
    return row


def check_margins(*, now: datetime) -> int:
    """Book the night's interest of every loan; open margin calls and end those that are answered.

    Returns how many loans changed their state. Nothing is sold.
    """
    changed = 0
    for pk in Loan.objects.filter(state__in=Loan.OPEN).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = _lock(Loan(pk=pk))
            if row.is_open:
                _book_interest(row, now)
                changed += _judge(row, now, "system:lending")
    return changed


def _lock(loan: Loan) -> Loan:
    return queries.loans().select_for_update(no_key=True, of=("self",)).get(pk=loan.pk)


def _accounts(loan: Loan) -> tuple[Account, Account, Account, Account, Account, Account]:
    """wallet, lender's cash, owed, lent, interest owed, interest to receive."""
    borrower, lender, ref = loan.borrower, loan.lender, loan.public_id
    return (
        ledger.open(owner=borrower, kind=Kind.WALLET),
        ledger.open(owner=lender, kind=Kind.LENDER_CASH),
        ledger.open(owner=borrower, kind=Kind.LOAN, ref=ref),
        ledger.open(owner=lender, kind=Kind.LENT, ref=ref),
        ledger.open(owner=borrower, kind=Kind.LOAN_INTEREST, ref=ref),
        ledger.open(owner=lender, kind=Kind.INTEREST_DUE, ref=ref),
    )


def _book_interest(row: Loan, now: datetime) -> queries.Position:
    """Bring the interest of a locked loan into the books up to today."""
    found = queries.position(row, now)
    if found.today <= row.accrued_to_date:
        return found
    if found.unbooked_uy:
        owed, due = _accounts(row)[4:]
        ledger.transfer(
            key=f"interest:{row.public_id}:{found.today}",
            reason=Reason.INTEREST_ACCRUED,
            cause=history.subject_of(row),
            source=owed,
            target=due,
            amount=found.unbooked_uy,
            now=now,
        )
    row.accrued_to_date, row.interest_rest = found.today, found.rest
    row.save(update_fields=["accrued_to_date", "interest_rest"])
    return found


def _judge(row: Loan, now: datetime, actor: str) -> bool:
    """Open or end the margin call of a locked loan, as its debt and the dated index say."""
    found = queries.position(row, now)
    if found.index is None:  # no price, no judgement
        return False
    if found.is_called and row.state == Loan.State.ACTIVE:
        due = collateral.business_days_later(found.today, terms.MARGIN_DAYS)
        history.move(
            row,
            Loan.State.MARGIN_CALLED,
            now=now,
            actor=actor,
            reason="margin_call",
            changes={"called_at": now, "call_due_date": due},
            ltv_ppm=found.ltv_ppm,
            index_uy=found.index.price_uy,
            cash_uy=found.cure_uy,
            more_cms=found.cure_cms,
        )
        return True
    if not found.is_called and row.state == Loan.State.MARGIN_CALLED:
        history.move(
            row,
            Loan.State.ACTIVE,
            now=now,
            actor=actor,
            reason="margin_call_answered",
            changes={"called_at": None, "call_due_date": None},
            ltv_ppm=found.ltv_ppm,
        )
        return True
    return False
