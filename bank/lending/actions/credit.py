"""The credit limit: granted by staff, used after the wallet, repaid from it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Journal
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.history import actions as history

from .. import terms
from ..models import CreditLimit


@transaction.atomic
def set_limit(*, organisation: Organisation, limit_uy: int, reason: str, now: datetime, actor: str) -> CreditLimit:
    """From now on the company may owe that much for orders. Below what it owes already: only nothing more.

    Refused: limit_out_of_range, reason_needed, borrower_needed.
    """
    if organisation.role == Organisation.Role.LENDER:
        raise Refused("borrower_needed")
    if not 0 <= limit_uy <= terms.CREDIT_LIMIT_MOST_UY:
        raise Refused("limit_out_of_range", most_uy=terms.CREDIT_LIMIT_MOST_UY)
    if not reason.strip():
        raise Refused("reason_needed")
    account = ledger.open(owner=organisation, kind=Kind.CREDIT_LINE)
    ledger.lock(account)
    before = CreditLimit.objects.filter(organisation=organisation).first()
    ledger.set_floor(account=account, floor=-limit_uy, now=now)
    made = CreditLimit.objects.create(
        organisation=organisation,
        limit_uy=limit_uy,
        before_uy=before.limit_uy if before else 0,
        reason=reason.strip(),
        actor=actor,
        created_at=now,
    )
    history.record(
        organisation,
        before="",
        after="",
        now=now,
        actor=actor,
        reason="credit_limit",
        limit_uy=limit_uy,
        before_uy=made.before_uy,
        why=made.reason,
    )
    return made


@transaction.atomic
def repay_credit(*, organisation: Organisation, amount_uy: int | None, key: str, now: datetime, actor: str) -> Journal:
    """From the wallet to the credit line; None: all that is used. The same key returns the first repayment.

    Refused: nothing_drawn, more_than_owed (owed_uy), insufficient_funds, idempotency_conflict.
    """
    line = books.find(owner=organisation, kind=Kind.CREDIT_LINE)
    if line is None:
        raise Refused("nothing_drawn")
    wallet = ledger.open(owner=organisation, kind=Kind.WALLET)
    ledger.lock(line, wallet)
    key = f"credit-repayment:{organisation.public_id}:{key}"
    drawn = -books.balance(line).posted
    known = Journal.objects.filter(key=key).first()
    if known and amount_uy is None:
        return known
    if not known and drawn <= 0:
        raise Refused("nothing_drawn")
    amount = drawn if amount_uy is None else amount_uy
    if not known and amount > drawn:
        raise Refused("more_than_owed", owed_uy=drawn)
    return ledger.transfer(
        key=key,
        reason=Reason.CREDIT_REPAYMENT,
        cause=history.subject_of(organisation),
        source=wallet,
        target=line,
        amount=amount,
        now=now,
        memo={"actor": actor},
    )
