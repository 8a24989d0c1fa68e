"""Journals: posting, batches, reversal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from portal.core.errors import Refused
from portal.core.ids import public_id

from ..chart import CNY, ROUTES, Reason
from ..models import AMOUNT_MAX, LEGS_MAX, Account, Hold, Journal, Posting
from . import lots

_canonical = json.JSONEncoder(sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":")).encode
POST_SQL = "SELECT * FROM ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
POST_MANY_SQL = "SELECT * FROM ledger_post_many(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"


WRITTEN = ("id", "public_id", "key", "fingerprint", "reason", "cause", "at", "actor", "memo", "hold_id", "reverses_id")


@dataclass(frozen=True)
class LotSpec:
    """When this part of a balance expires, and what it was earned or bought with (`type:public_id`)."""

    expires_at: datetime
    origin: str


@dataclass(frozen=True)
class Leg:
    """amount > 0 goes into the account, < 0 out of it.

    lot: only into accounts with lots; without it the lots that other legs take out of such accounts
    move over with their expiry and origin.
    """

    account: Account
    amount: int
    lot: LotSpec | None = None


@dataclass(frozen=True)
class Entry:
    """One journal of a batch; the same fields as `post`."""

    key: str
    reason: str
    cause: str
    legs: Sequence[Leg]
    memo: dict[str, Any] | None = None


def array(numbers: Iterable[int]) -> str:
    """Integers as PostgreSQL reads an array; a tenth of what adapting a list costs."""
    return f"{{{','.join(map(str, numbers))}}}"


def fingerprint(*parts: Any) -> str:
    """Tells a repetition (same) from another request with the same key (different)."""
    return hashlib.sha256(_canonical(parts).encode()).hexdigest()[:32]


def post(*, key: str, reason: str, cause: str, legs: Sequence[Leg], now: datetime,
         memo: dict[str, Any] | None = None) -> Journal:
    """Write one journal: legs sum to zero in each asset and take listed routes.

    The same key with the same content returns the first journal. Refused: idempotency_conflict,
    insufficient_funds / insufficient_hours (needed, available, missing), above_ceiling,
    journal_empty, journal_unbalanced, route_not_listed, amount_too_large, lot_needed.
    """
    return write(Entry(key, reason, cause, legs, memo), now=now)


def transfer(*, key: str, reason: str, cause: str, source: Account, target: Account, amount: int,
             now: datetime, memo: dict[str, Any] | None = None) -> Journal:
    """Move an amount > 0 from source to target; refusals as in `post`, and amount_not_positive."""
    if amount <= 0:
        raise Refused("amount_not_positive")
    return write(Entry(key, reason, cause, [Leg(source, -amount), Leg(target, amount)], memo), now=now)


def post_many(entries: Iterable[Entry], *, now: datetime) -> list[Journal | Refused]:
    """Post each entry or say why not, in one transaction; a refused entry changes nothing.

    The result is that of posting one after the other. Where all are new and none is short they are
    written in two statements.
    """
    batch = list(entries)
    if not batch:
        return []
    with transaction.atomic():
        whole = _write_whole(batch, now) if _may_be_whole(batch) else None
        if whole is not None:
            return [*whole]
        results: list[Journal | Refused] = []
        for entry in batch:
            try:
                results.append(write(entry, now=now))
            except Refused as refusal:
                results.append(refusal)
        return results


def reverse(*, key: str, journal: Journal, reason: str, actor: str, now: datetime) -> Journal:
    """Write the mirror of a journal, once. `reason` is a sentence kept in the memo; actor as in history.

    What was settled from a hold comes back as available, not as reserved. Lots are put back as they
    were. Refused: already_reversed, not_reversible, reason_needed, insufficient_funds, lot_spent.
    """
    if not reason.strip():
        raise Refused("reason_needed")
    if journal.reverses_id:
        raise Refused("not_reversible", journal=journal.public_id)
    postings = list(Posting.objects.select_related("account").filter(journal=journal).order_by("id"))
    legs = [Leg(p.account, -p.amount) for p in postings]
    mark = fingerprint("reverse", journal.public_id, reason, actor)
    with transaction.atomic():
        fresh, known = insert(
            key=key, mark=mark, reason=Reason.REVERSAL, cause=journal.cause, legs=legs, now=now,
            memo={"why": reason}, actor=actor, reverses=journal)
        if not known:
            lots.mirror(postings, fresh)
        return fresh


def write(entry: Entry, *, now: datetime, hold: Hold | None = None, final: bool = False) -> Journal:
    """`post`; and `settle` where hold is given (its row is locked by then)."""
    check(entry)
    with_lots = any(leg.account.lots for leg in entry.legs)
    # without lots it is one statement, which is its own transaction and writes nothing when it refuses
    with transaction.atomic() if with_lots else nullcontext():
        journal, known = insert(
            key=entry.key, mark=mark_of(entry, hold, final), reason=entry.reason, cause=entry.cause,
            legs=entry.legs, now=now, memo=entry.memo or {}, hold=hold)
        if with_lots and not known:
            lots.book(journal, entry.legs, now=now, hold=hold)
        return journal


def insert(*, key: str, mark: str, reason: str, cause: str, legs: Sequence[Leg], now: datetime,
           memo: dict[str, Any], actor: str = "", hold: Hold | None = None,
           reverses: Journal | None = None) -> tuple[Journal, bool]:
    """Journal and postings, and whether they were there already (the same key)."""
    journal = Journal(
        public_id=public_id("jnl"), key=key, fingerprint=mark, reason=str(reason), cause=cause, at=now,
        actor=actor, memo=memo, hold=hold, reverses=reverses)
    with connection.cursor() as c:
        c.execute(POST_SQL, [
            journal.public_id, key, mark, journal.reason, cause, now, actor, json.dumps(memo),
            journal.hold_id, journal.reverses_id, any(leg.account.lots for leg in legs),
            array(leg.account.pk for leg in legs), array(leg.amount for leg in legs)])
        pk, known, refusal, account_id, available = c.fetchone()
    if refusal:
        raise refused(refusal, key, legs, account_id, available)
    if known:
        return Journal.objects.get(pk=pk), True
    journal.pk, journal._state.adding = pk, False
    return journal, False


def mark_of(entry: Entry, hold: Hold | None = None, final: bool = False) -> str:
    return fingerprint(
        "post", str(entry.reason), entry.cause, entry.memo or {}, hold.public_id if hold else "", final,
        [[leg.account.pk, leg.amount, [leg.lot.expires_at.timestamp(), leg.lot.origin] if leg.lot else 0]
         for leg in entry.legs])


def check(entry: Entry) -> None:
    """What can be seen without the database, which asks most of it again: here for the sentence."""
    legs, reason = entry.legs, str(entry.reason)
    if len(legs) < 2:
        raise Refused("journal_empty")
    if len(legs) > LEGS_MAX or any(abs(leg.amount) > AMOUNT_MAX for leg in legs):
        raise Refused("amount_too_large")
    sums: dict[str, int] = {}
    for leg in legs:
        if leg.amount == 0:
            raise Refused("amount_not_positive")
        sums[leg.account.asset] = sums.get(leg.account.asset, 0) + leg.amount
    for asset, total in sums.items():
        if total:
            raise Refused("journal_unbalanced", asset=asset)
    for source in legs:
        if source.amount > 0:
            continue
        for target in legs:
            if target.amount > 0 and source.account.asset == target.account.asset and (
                    source.account.kind, target.account.kind, reason) not in ROUTES:
                raise Refused("route_not_listed", source=source.account.kind, target=target.account.kind,
                              reason=reason)


def refused(code: str, key: str, legs: Sequence[Leg], account_id: int, available: int) -> Refused:
    """The refusal of ledger_post with its amounts."""
    if code == "idempotency_conflict":
        return Refused(code, key=key)
    account = next((leg.account for leg in legs if leg.account.pk == account_id), None)
    if account is None:
        return Refused(code)
    change = sum(leg.amount for leg in legs if leg.account.pk == account_id)
    if code == "insufficient":
        return short(account, -change, available)
    return Refused(code, account=account.public_id, **with_unit(account, asked=change, possible=available))


def short(account: Account, needed: int, available: int) -> Refused:
    """insufficient_funds with …_uy, or insufficient_hours with …_cms: needed, available, missing."""
    amounts = with_unit(account, needed=needed, available=available, missing=needed - available)
    code = "insufficient_funds" if account.asset == CNY else "insufficient_hours"
    return Refused(code, account=account.public_id, asset=account.asset, **amounts)


def with_unit(account: Account, **amounts: int) -> dict[str, int]:
    unit = "uy" if account.asset == CNY else "cms"
    return {f"{name}_{unit}": amount for name, amount in amounts.items()}


def _may_be_whole(batch: list[Entry]) -> bool:
    if len({entry.key for entry in batch}) < len(batch):
        return False
    if any(leg.account.lots for entry in batch for leg in entry.legs):
        return False
    try:
        for entry in batch:
            check(entry)
    except Refused:
        return False
    return True


def _write_whole(batch: list[Entry], now: datetime) -> list[Journal] | None:
    """All of the batch at once; None, and nothing written, where it must go one by one."""
    rows = [(public_id("jnl"), e.key, mark_of(e), str(e.reason), e.cause, e.memo or {}) for e in batch]
    names, keys, marks, reasons, causes, memos = (list(column) for column in zip(*rows, strict=True))
    legs = [(n, leg.account.pk, leg.amount) for n, e in enumerate(batch, 1) for leg in e.legs]
    values: list[Any] = [
        names, keys, marks, reasons, causes, [json.dumps(memo) for memo in memos], now,
        *(array(part[i] for part in legs) for i in range(3))]
    try:
        with transaction.atomic(), connection.cursor() as c:
            c.execute(POST_MANY_SQL, values)
            done, ids = c.fetchone()
    except IntegrityError:  # a rival took one of the keys after the look
        return None
    if not done:
        return None
    # as if they were read: a constructor that looks for defaults would take longer than the rest
    return [
        Journal.from_db(connection.alias, WRITTEN, (pk, name, key, mark, reason, cause, now, "", memo, None, None))
        for pk, (name, key, mark, reason, cause, memo) in zip(ids, rows, strict=True)]
