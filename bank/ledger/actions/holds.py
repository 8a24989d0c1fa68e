"""Holds: reserve, charge (in steps or whole), release, expire. A hold resolves once."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from portal.core.errors import Refused
from portal.core.ids import public_id

from ..chart import CHART, Kind
from ..models import AMOUNT_MAX, Account, Hold, Journal
from . import lots
from .accounts import locked
from .posting import Entry, Leg, fingerprint, short, write

HOLD_SQL = "SELECT * FROM ledger_hold(%s, %s, %s, %s, %s, %s, %s, %s)"


def hold(*, key: str, account: Account, amount: int, cause: str, now: datetime,
         expires_at: datetime | None = None) -> Hold:
    """Reserve an amount > 0 of what is available. The same key and content returns the first hold.

    Refused: insufficient_funds / insufficient_hours (needed, available, missing), idempotency_conflict,
    not_holdable, amount_not_positive, amount_too_large, hold_expired.
    """
    if amount <= 0:
        raise Refused("amount_not_positive")
    if amount > AMOUNT_MAX:
        raise Refused("amount_too_large")
    if not CHART[Kind(account.kind)].counted:
        raise Refused("not_holdable", account=account.public_id)
    row = Hold(
        public_id=public_id("hld"), key=key, fingerprint=fingerprint("hold", account.pk, amount, cause),
        account=account, amount=amount, cause=cause, created_at=now, expires_at=expires_at)
    if not account.lots:
        return _insert(row)[0]
    with transaction.atomic():
        made, known = _insert(row)
        if not known:
            lots.pin(made, now)
        return made


def settle(*, key: str, hold: Hold, target: Account, amount: int, reason: str, now: datetime,
           final: bool = False) -> Journal:
    """Charge a part of a hold, or all of it, to target; `final` releases the rest in the same transaction.

    The journal's cause is the hold's. Refused: hold_exceeded, hold_resolved, hold_expired,
    amount_not_positive (release instead), idempotency_conflict, route_not_listed.
    """
    if amount <= 0:
        raise Refused("amount_not_positive")
    with transaction.atomic():
        row = _locked(hold)
        known = Journal.objects.filter(key=key).exists()
        if not known:
            _refuse_unless_open(row, now)
            if amount > row.left:
                raise Refused("hold_exceeded", hold=row.public_id)
        legs = [Leg(row.account, -amount), Leg(target, amount)]
        journal = write(Entry(key, reason, row.cause, legs), now=now, hold=row, final=final)
        if final and amount < row.left:
            _resolve(row, Hold.State.SETTLED, now, key)
        hold.refresh_from_db()
        return journal


def release(*, key: str, hold: Hold, now: datetime) -> Hold:
    """Give back what is still reserved. The same key again returns the hold.

    Refused: hold_resolved, hold_expired, idempotency_conflict (the key released another hold).
    """
    with transaction.atomic():
        row = _locked(hold)
        if row.state == Hold.State.RELEASED and row.resolve_key == key:
            return row
        if Hold.objects.filter(resolve_key=key).exists():
            raise Refused("idempotency_conflict", key=key)
        if row.state != Hold.State.OPEN:
            raise _resolved(row)
        _resolve(row, Hold.State.RELEASED, now, key)
        hold.refresh_from_db()
        return hold


def extend(*, hold: Hold, expires_at: datetime | None, now: datetime) -> Hold:
    """Keep an open hold until then (None: until it is resolved). Refused: hold_resolved, hold_expired."""
    with transaction.atomic():
        row = _locked(hold)
        _refuse_unless_open(row, now)
        if expires_at and expires_at <= now:
            raise Refused("hold_expired", hold=row.public_id)
        Hold.objects.filter(pk=row.pk).update(expires_at=expires_at)
        hold.refresh_from_db()
        return hold


def expire_holds(*, now: datetime, limit: int = 500) -> int:
    """Release what is past its time, oldest first; returns how many. Safe beside every other action."""
    due = Hold.objects.filter(state=Hold.State.OPEN, expires_at__lte=now).order_by("expires_at", "id")
    count = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            rows = Hold.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            row = rows.select_related("account").filter(
                pk=pk, state=Hold.State.OPEN, expires_at__lte=now).first()
            if row:
                _resolve(row, Hold.State.EXPIRED, now, "")
                count += 1
    return count


def _locked(hold: Hold) -> Hold:
    rows = Hold.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("account").get(pk=hold.pk)


def _resolved(row: Hold) -> Refused:
    code = "hold_expired" if row.state == Hold.State.EXPIRED else "hold_resolved"
    return Refused(code, hold=row.public_id)


def _refuse_unless_open(row: Hold, now: datetime) -> None:
    if row.state != Hold.State.OPEN:
        raise _resolved(row)
    if row.expires_at and row.expires_at <= now:
        raise Refused("hold_expired", hold=row.public_id)


def _resolve(row: Hold, state: str, now: datetime, key: str) -> None:
    """Release the rest of a locked, open hold; an overdue lot that it kept alive expires at once."""
    row.refresh_from_db(fields=["settled", "released"])
    rest, freed = row.left, []
    if row.account.lots:
        locked([row.account_id])  # before its lots: whoever spends them takes the account first
        freed = lots.unpin(row, rest)
    Hold.objects.filter(pk=row.pk).update(
        released=row.released + rest, state=state, resolved_at=now, resolve_key=key)
    for lot, _part in freed:
        lots.expire_lot(lot.pk, now)


def _insert(row: Hold) -> tuple[Hold, bool]:
    """The hold, and whether it was there already (the same key)."""
    account = row.account
    with connection.cursor() as c:
        c.execute(HOLD_SQL, [row.public_id, row.key, row.fingerprint, account.pk, row.amount, row.cause,
                             row.created_at, row.expires_at])
        pk, known, refusal, available = c.fetchone()
    if refusal == "insufficient":
        raise short(account, row.amount, available)
    if refusal:  # idempotency_conflict, or hold_expired where the hold would have begun too late
        raise Refused(refusal, key=row.key)
    if known:
        return Hold.objects.select_related("account").get(pk=pk), True
    row.pk, row._state.adding = pk, False
    return row, False
