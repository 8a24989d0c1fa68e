"""Journals: posting, batches, reversal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from portal.core.errors import Refused
from portal.core.ids import public_id

from ..chart import CNY, ROUTES, Reason
from ..models import AMOUNT_MAX, LEGS_MAX, Account, Hold, Journal, Posting
from . import lots
from .accounts import locked


@dataclass(frozen=True)
class LotSpec:
    """When this part of a balance expires, and what it was earned or bought with (`type:public_id`)."""

    expires_at: datetime
    origin: str


@dataclass(frozen=True)
class Leg:
    """amount > 0 goes into the account, < 0 out of it. lot: only into accounts with lots; without it the
    lots that other legs take out of such accounts move over with their expiry and origin."""

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


def fingerprint(*parts: Any) -> str:
    """Tells a repetition (same) from another request with the same key (different)."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def post(*, key: str, reason: str, cause: str, legs: Sequence[Leg], now: datetime,
         memo: dict[str, Any] | None = None) -> Journal:
    """Write one journal: legs sum to zero in each asset and take listed routes.

    The same key with the same content returns the first journal. Refused: idempotency_conflict,
    insufficient_funds / insufficient_hours (needed, available, missing), above_ceiling,
    journal_empty, journal_unbalanced, route_not_listed, amount_too_large, lot_needed.
    """
    return write(key=key, reason=reason, cause=cause, legs=legs, now=now, memo=memo)


def transfer(*, key: str, reason: str, cause: str, source: Account, target: Account, amount: int, now: datetime,
             memo: dict[str, Any] | None = None) -> Journal:
    """Move an amount > 0 from source to target; refusals as in `post`, and amount_not_positive."""
    if amount <= 0:
        raise Refused("amount_not_positive")
    return post(key=key, reason=reason, cause=cause, legs=[Leg(source, -amount), Leg(target, amount)], now=now,
                memo=memo)


def post_many(entries: Iterable[Entry], *, now: datetime) -> list[Journal | Refused]:
    """Post each entry or say why not, in one transaction; a refused entry changes nothing."""
    batch = list(entries)
    results: list[Journal | Refused] = []
    with transaction.atomic():
        locked(leg.account.pk for entry in batch for leg in entry.legs)
        for entry in batch:
            try:
                results.append(post(key=entry.key, reason=entry.reason, cause=entry.cause, legs=entry.legs, now=now,
                                    memo=entry.memo))
            except Refused as refusal:
                results.append(refusal)
    return results


def reverse(*, key: str, journal: Journal, reason: str, actor: str, now: datetime) -> Journal:
    """Write the mirror of a journal, once. `reason` is a sentence kept in the memo; actor as in history.

    What was settled from a hold comes back as available, not as reserved. Lots are put back as they were.
    Refused: already_reversed, not_reversible, reason_needed, insufficient_funds, lot_spent.
    """
    if not reason.strip():
        raise Refused("reason_needed")
    mark = fingerprint("reverse", journal.public_id, reason, actor)
    known = replay(key, mark)
    if known:
        return known
    if journal.reverses_id:
        raise Refused("not_reversible", journal=journal.public_id)
    postings = list(Posting.objects.select_related("account").filter(journal=journal).order_by("id"))
    with transaction.atomic():
        accounts = locked(p.account_id for p in postings)
        known = replay(key, mark)
        if known:
            return known
        if Journal.objects.filter(reverses=journal).exists():
            raise Refused("already_reversed", journal=journal.public_id)
        fresh = insert(key=key, mark=mark, reason=Reason.REVERSAL, cause=journal.cause, now=now,
                       memo={"why": reason}, actor=actor, reverses=journal)
        if fresh is None:
            raced = replay(key, mark)
            if raced is None:  # the key was free: another key reversed it at the same moment
                raise Refused("already_reversed", journal=journal.public_id)
            return raced
        legs = [Leg(p.account, -p.amount) for p in postings]
        check_balances(legs, accounts)
        rows = insert_postings(fresh, legs)
        lots.mirror(postings, rows)
        return fresh


def write(*, key: str, reason: str, cause: str, legs: Sequence[Leg], now: datetime, memo: dict[str, Any] | None = None,
          hold: Hold | None = None, parts: tuple[Any, ...] = ()) -> Journal:
    """`post`, and `settle` where hold is given (its row is locked by then)."""
    check_legs(legs)
    mark = fingerprint(
        "post", reason, cause, memo or {}, hold.public_id if hold else "", *parts,
        [[leg.account.pk, leg.amount, [leg.lot.expires_at.timestamp(), leg.lot.origin] if leg.lot else 0]
         for leg in legs],
    )
    with transaction.atomic():
        # locks first, then the key, then the balance: a repetition is recognised before it can be refused
        accounts = locked(leg.account.pk for leg in legs)
        journal = insert(key=key, mark=mark, reason=reason, cause=cause, now=now, memo=memo or {}, hold=hold)
        if journal is None:
            known = replay(key, mark)
            assert known is not None
            return known
        check_routes(legs, reason)
        check_balances(legs, accounts, hold)
        rows = insert_postings(journal, legs)
        lots.book(rows, legs, now=now, hold=hold)
        return journal


def replay(key: str, mark: str) -> Journal | None:
    """The journal that was written with this key; Refused when the key was used for something else."""
    known = Journal.objects.filter(key=key).first()
    if known and known.fingerprint != mark:
        raise Refused("idempotency_conflict", key=key)
    return known


def check_legs(legs: Sequence[Leg]) -> None:
    if len(legs) < 2:
        raise Refused("journal_empty")
    if len(legs) > LEGS_MAX or any(abs(leg.amount) > AMOUNT_MAX for leg in legs):
        raise Refused("amount_too_large")
    if any(leg.amount == 0 for leg in legs):
        raise Refused("amount_not_positive")
    sums: dict[str, int] = {}
    for leg in legs:
        sums[leg.account.asset] = sums.get(leg.account.asset, 0) + leg.amount
    for asset, total in sums.items():
        if total:
            raise Refused("journal_unbalanced", asset=asset)


def check_routes(legs: Sequence[Leg], reason: str) -> None:
    """PostgreSQL asks the same at commit; asked here for the sentence."""
    for source in legs:
        for target in legs:
            if source.amount < 0 < target.amount and source.account.asset == target.account.asset and (
                source.account.kind, target.account.kind, str(reason)
            ) not in ROUTES:
                raise Refused("route_not_listed", source=source.account.kind, target=target.account.kind,
                              reason=str(reason))


def check_balances(legs: Sequence[Leg], accounts: dict[int, Account], hold: Hold | None = None) -> None:
    """PostgreSQL refuses the same; asked here, under the locks, to say what is missing."""
    change: dict[int, int] = {}
    for leg in legs:
        change[leg.account.pk] = change.get(leg.account.pk, 0) + leg.amount
    for pk, amount in change.items():
        account = accounts[pk]
        if amount < 0 and account.floor is not None and not (hold and hold.account_id == pk):
            refuse_if_short(account, -amount)
        if amount > 0 and account.ceiling is not None and account.posted + amount > account.ceiling:
            raise Refused("above_ceiling", account=account.public_id, **with_unit(account.asset, owed=-account.posted))


def refuse_if_short(account: Account, needed: int) -> None:
    """Raise insufficient_funds (or _hours) unless that much is available above the floor."""
    if account.floor is None:
        return
    available = max(0, account.posted - account.held - account.floor)
    if needed > available:
        short = {"needed": needed, "available": available, "missing": needed - available}
        code = "insufficient_funds" if account.asset == CNY else "insufficient_hours"
        raise Refused(code, account=account.public_id, asset=account.asset, **with_unit(account.asset, **short))


def with_unit(asset: str, **amounts: int) -> dict[str, int]:
    unit = "uy" if asset == CNY else "cms"
    return {f"{name}_{unit}": amount for name, amount in amounts.items()}


def insert(*, key: str, mark: str, reason: str, cause: str, now: datetime, memo: dict[str, Any],
           hold: Hold | None = None, reverses: Journal | None = None, actor: str = "") -> Journal | None:
    """The new journal row, or None where key (or reversal) is taken; waits for a rival's commit to know."""
    journal = Journal(
        public_id=public_id("jnl"), key=key, fingerprint=mark, reason=str(reason), cause=cause, at=now, actor=actor,
        memo=memo, hold=hold, reverses=reverses,
    )
    with connection.cursor() as c:
        c.execute(
            "INSERT INTO ledger_journal"
            " (public_id, key, fingerprint, reason, cause, at, actor, memo, hold_id, reverses_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id",
            [journal.public_id, key, mark, journal.reason, cause, now, actor, json.dumps(memo), journal.hold_id,
             journal.reverses_id],
        )
        row = c.fetchone()
    if row is None:
        return None
    journal.pk = row[0]
    journal._state.adding = False
    return journal


def insert_postings(journal: Journal, legs: Sequence[Leg]) -> list[Posting]:
    """All postings in one statement, so that the balances move once."""
    rows = [Posting(journal=journal, account=leg.account, amount=leg.amount) for leg in legs]
    return Posting.objects.bulk_create(rows)
