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
from .posting import Leg, fingerprint, refuse_if_short, write


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
    if expires_at and expires_at <= now:
        raise Refused("hold_expired")
    mark = fingerprint("hold", account.pk, amount, cause)
    with transaction.atomic():
        fresh_account = locked([account.pk])[account.pk]
        row = Hold(public_id=public_id("hld"), key=key, fingerprint=mark, account=fresh_account, amount=amount,
                   cause=cause, created_at=now, expires_at=expires_at)
        known = Hold.objects.filter(key=key).first()
        if known is None:
            refuse_if_short(fresh_account, amount)
            known = _insert(row)
        if known is not None:
            if known.fingerprint != mark:
                raise Refused("idempotency_conflict", key=key)
            return known
        if fresh_account.lots:
            lots.pin(row, now)
        return row


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
        legs = [Leg(row.account, -amount), Leg(target, amount)]
        known = Journal.objects.filter(key=key).first()
        if known is None:
            _refuse_unless_open(row, now)
            if amount > row.left:
                raise Refused("hold_exceeded", hold=row.public_id)
        journal = write(key=key, reason=reason, cause=row.cause, legs=legs, now=now, hold=row, parts=(final,))
        if known is None and final:
            row.refresh_from_db(fields=["settled", "state"])
            if row.left:
                _resolve(row, Hold.State.SETTLED, now, key)
        hold.refresh_from_db()
        return journal


def release(*, key: str, hold: Hold, now: datetime) -> Hold:
    """Give back what is still reserved. The same key again returns the hold. Refused: hold_resolved,
    idempotency_conflict (the key released another hold)."""
    with transaction.atomic():
        row = _locked(hold)
        if row.state == Hold.State.RELEASED and row.resolve_key == key:
            return row
        if Hold.objects.filter(resolve_key=key).exists():
            raise Refused("idempotency_conflict", key=key)
        if row.state != Hold.State.OPEN:
            raise Refused("hold_resolved", hold=row.public_id)
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
    """Release what is past its time, oldest first; returns how many. Safe beside itself and every other action."""
    due = Hold.objects.filter(state=Hold.State.OPEN, expires_at__lte=now).order_by("expires_at", "id")
    count = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            row = (Hold.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
                   .select_related("account")
                   .filter(pk=pk, state=Hold.State.OPEN, expires_at__lte=now).first())
            if row:
                _resolve(row, Hold.State.EXPIRED, now, "")
                count += 1
    return count


def _locked(hold: Hold) -> Hold:
    return Hold.objects.select_for_update(no_key=True, of=("self",)).select_related("account").get(pk=hold.pk)


def _refuse_unless_open(row: Hold, now: datetime) -> None:
    if row.state != Hold.State.OPEN:
        raise Refused("hold_expired" if row.state == Hold.State.EXPIRED else "hold_resolved", hold=row.public_id)
    if row.expires_at and row.expires_at <= now:
        raise Refused("hold_expired", hold=row.public_id)


def _resolve(row: Hold, state: str, now: datetime, key: str) -> None:
    """Release the rest of a locked, open hold; an overdue lot that it kept alive expires at once."""
    locked([row.account_id])
    rest = row.left
    freed = lots.unpin(row, rest) if row.account.lots else []
    Hold.objects.filter(pk=row.pk).update(released=row.released + rest, state=state, resolved_at=now, resolve_key=key)
    for lot, _part in freed:
        if lot.expires_at <= now and row.account.kind in lots.EXPIRING:
            lots.expire_lot(lot.pk, now)


def _insert(row: Hold) -> Hold | None:
    """None when the row is in; the other's hold when a rival with the same key was faster."""
    with connection.cursor() as c:
        c.execute(
            "INSERT INTO ledger_hold (public_id, key, fingerprint, account_id, amount, settled, released, state, cause,"
            " created_at, expires_at, resolve_key) VALUES (%s, %s, %s, %s, %s, 0, 0, 'open', %s, %s, %s, '')"
            " ON CONFLICT (key) DO NOTHING RETURNING id",
            [row.public_id, row.key, row.fingerprint, row.account_id, row.amount, row.cause, row.created_at,
             row.expires_at],
        )
        made = c.fetchone()
    if made is None:
        return Hold.objects.get(key=row.key)
    row.pk = made[0]
    row._state.adding = False
    return None

