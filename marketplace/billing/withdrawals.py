"""Cash out: asked for by the company, paid by staff through the bank, booked when it was sent.

The money is reserved from the first moment. Nothing is sent before somebody has begun to pay it, and from
then on the company cannot take it back: a transfer and a take-back never cross. Every function may be
called twice; the second call finds what the first one did.
"""

from __future__ import annotations

import re
import secrets
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from bank.ledger import actions as ledger
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Journal
from portal import policy
from portal.accounts.impartial import refuse_own
from portal.accounts.models import Organisation, User
from portal.core.errors import Refused, Stale
from portal.core.ids import public_id
from portal.core.money import FEN_UY
from portal.core.words import local
from portal.history import actions as history

from . import hooks, queries
from .actions import REFERENCE_ALPHABET
from .models import Withdrawal
from .purses import wallet_of

State = Withdrawal.State
ACCOUNT_NUMBER = re.compile(r"[0-9]{8,30}")


def account_number_of(text: str) -> str:
    """The digits of an account number as people write it. Refused("bad_account_number")."""
    digits = re.sub(r"[\s\-]", "", text)
    if not ACCOUNT_NUMBER.fullmatch(digits):
        raise Refused("bad_account_number")
    return digits


def needs_two(amount_uy: int) -> bool:
    return amount_uy > policy.TWO_PERSONS_ABOVE_UY


def objection(organisation: Organisation, now: datetime) -> Refused | None:
    """Why this company may not take out anything now; None when it may."""
    state = Organisation.objects.values_list("state", flat=True).get(pk=organisation.pk)
    if state != Organisation.State.APPROVED:
        return Refused("withdrawal_not_approved")
    return next((said for ask in hooks.objections if (said := ask(organisation, now))), None)


def check_amount(amount_uy: int, figures: queries.Withdrawable) -> None:
    """Refused: bad_withdrawal, more_than_withdrawable."""
    if amount_uy < policy.WITHDRAWAL_LEAST_UY or amount_uy % FEN_UY:
        raise Refused("bad_withdrawal", least_uy=policy.WITHDRAWAL_LEAST_UY)
    if amount_uy > figures.most_uy:
        raise Refused("more_than_withdrawable", asked_uy=amount_uy, most_uy=figures.most_uy)


@transaction.atomic
def ask(
    *,
    organisation: Organisation,
    amount_uy: int,
    bank_name: str,
    account_number: str,
    key: str,
    user: User | None,
    now: datetime,
    actor: str,
) -> Withdrawal:
    """Reserve the amount for a transfer to the company's own account. The same key returns the first one.

    Refused: bad_withdrawal, bad_account_number, bank_name_needed, withdrawal_not_approved, more_than_withdrawable,
    idempotency_conflict, and what hooks.objections say.
    """
    number, bank_name = account_number_of(account_number), bank_name.strip()[:80]
    wallet = wallet_of(organisation)
    ledger.lock(wallet)  # one at a time: what may be taken out must not move meanwhile
    known = Withdrawal.objects.filter(organisation=organisation, key=key).first()
    if known:
        if (known.amount_uy, known.account_number, known.bank_name) != (amount_uy, number, bank_name):
            raise Refused("idempotency_conflict", key=key)
        return known
    if not bank_name:
        raise Refused("bank_name_needed")
    if said := objection(organisation, now):
        raise said
    check_amount(amount_uy, queries.withdrawable(organisation))
    made = Withdrawal(
        organisation=organisation, key=key, amount_uy=amount_uy, holder=organisation.name, bank_name=bank_name,
        account_number=number, requested_by=user, created_at=now, public_id=public_id("wdr"),
    )  # fmt: skip
    made.hold = ledger.hold(
        key=history.subject_of(made), account=wallet, amount=amount_uy, cause=history.subject_of(made), now=now
    )
    _save_with_code(made)
    history.record(made, before="", after=State.ASKED, now=now, actor=actor)
    return made


def _save_with_code(made: Withdrawal) -> None:
    while True:
        code = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(6))
        made.reference = f"WD-{code[:4]}-{code[4:]}"
        try:
            with transaction.atomic():
                made.save()
            return
        except IntegrityError:
            if not Withdrawal.objects.filter(reference=made.reference).exists():
                raise


@transaction.atomic
def take_back(*, withdrawal: Withdrawal, now: datetime, actor: str) -> Withdrawal:
    """The company changed its mind before anybody began to pay it. Refused("withdrawal_begun")."""
    Withdrawal.objects.select_for_update(no_key=True).get(pk=withdrawal.pk)
    withdrawal.refresh_from_db()
    if withdrawal.state == State.TAKEN_BACK:
        return withdrawal
    if withdrawal.state != State.ASKED:
        raise Refused("withdrawal_begun", reference=withdrawal.reference)
    history.move(withdrawal, State.TAKEN_BACK, now=now, actor=actor, changes={"ended_at": now})
    _release(withdrawal, now)
    return withdrawal


@transaction.atomic
def begin(*, withdrawal: Withdrawal, user: User, now: datetime) -> Withdrawal:
    """Staff approve it: from now on it is being paid.

    Refused: own_company, withdrawal_not_approved, bad_move. Stale.
    """
    refuse_own(withdrawal.organisation, user)
    if _is(withdrawal, State.PAYING, begun_by_id=user.pk):
        return withdrawal
    state = Organisation.objects.values_list("state", flat=True).get(pk=withdrawal.organisation_id)
    if withdrawal.state == State.ASKED and state != Organisation.State.APPROVED:
        raise Refused("withdrawal_not_approved")
    changes = {"begun_by": user, "begun_at": now}
    history.move(withdrawal, State.PAYING, now=now, actor=f"user:{user.pk}", changes=changes)
    return withdrawal


@transaction.atomic
def pay(*, withdrawal: Withdrawal, bank_reference: str, paid_on: date, user: User, now: datetime) -> Withdrawal:
    """The transfer was sent: the reserved money leaves the wallet for the bank.

    Refused: own_company, bank_reference_needed, paid_on_wrong, second_payer_needed, transfer_known, bad_move. Stale.
    """
    refuse_own(withdrawal.organisation, user)
    bank_reference = bank_reference.strip()[:60]
    if _is(withdrawal, State.PAID, bank_reference=bank_reference):
        return withdrawal
    if not bank_reference:
        raise Refused("bank_reference_needed")
    if not local(withdrawal.created_at).date() <= paid_on <= local(now).date():
        raise Refused("paid_on_wrong")
    if withdrawal.state == State.PAYING and needs_two(withdrawal.amount_uy) and withdrawal.begun_by_id == user.pk:
        raise Refused("second_payer_needed")
    try:
        with transaction.atomic():
            history.move(
                withdrawal,
                State.PAID,
                now=now,
                actor=f"user:{user.pk}",
                changes={"bank_reference": bank_reference, "paid_on": paid_on, "ended_at": now},
            )
    except IntegrityError:
        raise Refused("transfer_known", reference=bank_reference) from None
    ledger.settle(
        key=_payment_key(withdrawal),
        hold=withdrawal.hold,
        target=ledger.open(owner=None, kind=Kind.BANK),
        amount=withdrawal.amount_uy,
        reason=Reason.WITHDRAWAL,
        now=now,
        final=True,
    )
    return withdrawal


@transaction.atomic
def refuse(*, withdrawal: Withdrawal, reason: str, user: User, now: datetime) -> Withdrawal:
    """Nothing was sent and nothing will be; the company reads why.

    Refused: own_company, reason_needed, bad_move. Stale.
    """
    refuse_own(withdrawal.organisation, user)
    reason = _reason(reason)
    if _is(withdrawal, State.REFUSED, reason=reason):
        return withdrawal
    changes = {"reason": reason, "ended_at": now}
    history.move(withdrawal, State.REFUSED, now=now, actor=f"user:{user.pk}", changes=changes, text=reason)
    _release(withdrawal, now)
    return withdrawal


@transaction.atomic
def came_back(*, withdrawal: Withdrawal, reason: str, user: User, now: datetime) -> Withdrawal:
    """The bank returned the transfer: the money is in the wallet again, once.

    Refused: own_company, reason_needed, bad_move. Stale.
    """
    refuse_own(withdrawal.organisation, user)
    reason = _reason(reason)
    if _is(withdrawal, State.CAME_BACK, reason=reason):
        return withdrawal
    changes, actor = {"reason": reason, "ended_at": now}, f"user:{user.pk}"
    history.move(withdrawal, State.CAME_BACK, now=now, actor=actor, changes=changes, text=reason)
    ledger.reverse(
        key=f"{_payment_key(withdrawal)}:back",
        journal=Journal.objects.get(key=_payment_key(withdrawal)),
        reason=reason,
        actor=actor,
        now=now,
    )
    return withdrawal


def _is(withdrawal: Withdrawal, state: str, **alike: Any) -> bool:
    """Lock the row. True when the same was done already, and it is read anew; Stale when it moved otherwise."""
    current = Withdrawal.objects.select_for_update(no_key=True).get(pk=withdrawal.pk)
    if current.state == state and all(getattr(current, name) == value for name, value in alike.items()):
        withdrawal.refresh_from_db()
        return True
    if current.state != withdrawal.state:
        raise Stale(history.subject_of(withdrawal))
    return False


def _payment_key(withdrawal: Withdrawal) -> str:
    return f"{history.subject_of(withdrawal)}:paid"


def _reason(text: str) -> str:
    if not text.strip():
        raise Refused("reason_needed")
    return text.strip()[:300]


def _release(withdrawal: Withdrawal, now: datetime) -> None:
    ledger.release(key=f"{history.subject_of(withdrawal)}:back", hold=withdrawal.hold, now=now)
