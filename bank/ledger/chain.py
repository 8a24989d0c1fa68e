"""What a close seals, as bytes: the same rows give the same hash on every machine and in every session.

sha256 over: the hash before it and one line of JSON with what the close says of itself · one line with the sha256 of
each of four parts: its journals, postings, lot entries with their lots, and the accounts that moved with their balance.
A part is what PostgreSQL's COPY writes as text, in order of id. Instants are microseconds since 1970, so that no
setting changes them. Parts, so that the whole chain is proved by reading each table once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection
from psycopg import pq
from psycopg.errors import error_from_result

from .models import DayClose

BEGINNING = -(2**63)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Part(NamedTuple):
    """Rows of a table that a close seals: those with `key` up to the close's `mark`."""

    table: str
    key: str
    mark: str
    query: str


PARTS = (
    Part("ledger_journal", "id", "last_journal_id", """
        SELECT id, public_id, key, fingerprint, reason, cause, (extract(epoch FROM at) * 1000000)::bigint, actor, memo,
               hold_id, reverses_id
          FROM public.ledger_journal WHERE id > {after} AND id <= {last} ORDER BY id"""),
    Part("ledger_posting", "id", "last_posting_id", """
        SELECT id, journal_id, account_id, amount
          FROM public.ledger_posting WHERE id > {after} AND id <= {last} ORDER BY id"""),
    Part("ledger_lotentry", "id", "last_lotentry_id", """
        SELECT e.id, e.lot_id, e.posting_id, e.amount, l.public_id, l.account_id, l.origin, l.quantity,
               (extract(epoch FROM l.expires_at) * 1000000)::bigint
          FROM public.ledger_lotentry e LEFT JOIN public.ledger_lot l ON l.id = e.lot_id
         WHERE e.id > {after} AND e.id <= {last} ORDER BY e.id"""),
    Part("ledger_checkpoint", "close_id", "number", """
        SELECT c.account_id, c.posted, a.public_id, a.owner_id, a.kind, a.asset, a.ref
          FROM public.ledger_checkpoint c LEFT JOIN public.ledger_account a ON a.id = c.account_id
         WHERE c.close_id > {after} AND c.close_id <= {last} ORDER BY c.close_id, c.account_id"""),
)  # fmt: skip

Totals = dict[str, dict[str, list[int]]]


class Told(NamedTuple):
    """The hash of a close from the rows as they are now, and how many journals, postings, lot entries they are."""

    hash: str
    counts: tuple[int, int, int]


def digests(closes: Sequence[DayClose], before: DayClose | None = None) -> list[Told]:
    """What the rows now give for closes that follow each other after `before`; links as the closes say."""
    parts = [_part(part, closes, before) for part in PARTS]
    found = []
    for close, told in zip(closes, zip(*parts, strict=True), strict=True):
        text = f"{close.previous_hash}{_head(close)}\n{' '.join(seal for seal, _count in told)}\n"
        journals, postings, lotentries = (count for _seal, count in told[:3])
        found.append(Told(hashlib.sha256(text.encode()).hexdigest(), (journals, postings, lotentries)))
    return found


def add_up(before: Totals, moved: Iterable[tuple[str, str, int, int]]) -> Totals:
    """The totals of a close: those before it, and what moved as (asset, kind, in, out)."""
    totals: Totals = {
        asset: {kind: [0, 0, balance] for kind, (_in, _out, balance) in kinds.items()}
        for asset, kinds in before.items()}
    for asset, kind, into, out in moved:
        kinds = totals.setdefault(asset, {})
        balance = kinds.get(kind, [0, 0, 0])[2]
        kinds[kind] = [int(into), int(out), balance + int(into) + int(out)]
    return totals


def _head(close: DayClose) -> str:
    facts = {
        "number": close.number, "day": close.day.isoformat(), "last_journal": close.last_journal_id,
        "last_posting": close.last_posting_id, "last_lotentry": close.last_lotentry_id,
        "earliest_at": _micros(close.earliest_at), "latest_at": _micros(close.latest_at),
        "closed_at": _micros(close.closed_at), "totals": close.totals}
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - EPOCH) // timedelta(microseconds=1)


def _part(part: Part, closes: Sequence[DayClose], before: DayClose | None) -> list[tuple[str, int]]:
    """The hash and number of rows of one part of each close, in one reading of the table."""
    marks = [getattr(close, part.mark) for close in closes]
    after, last = getattr(before, part.mark) if before else BEGINNING, max(marks)
    with connection.cursor() as c:
        c.execute(
            f"SELECT width_bucket({part.key}, %s::bigint[]), count(*) FROM public.{part.table}"
            f" WHERE {part.key} > %s AND {part.key} <= %s GROUP BY 1", [[mark + 1 for mark in marks], after, last])
        counts = dict(c.fetchall())
    rows = _copied(part.query.format(after=after, last=last))
    found = []
    for n in range(len(closes)):
        told = hashlib.sha256()
        for row in islice(rows, counts.get(n, 0)):
            told.update(row)
        found.append((told.hexdigest(), counts.get(n, 0)))
    for _row in rows:  # marks that go back leave some over; a COPY must be read to its end
        pass
    return found


def _copied(query: str) -> Iterator[Any]:
    """The lines of a COPY as they come; psycopg's own costs a microsecond a row more."""
    connection.ensure_connection()
    pg: pq.abc.PGconn = connection.connection.pgconn
    result = pg.exec_(f"COPY ({query}) TO STDOUT (ENCODING 'UTF8')".encode())
    if result.status != pq.ExecStatus.COPY_OUT:
        raise error_from_result(result)
    while True:
        length, line = pg.get_copy_data(0)
        if length <= 0:
            break
        yield line
    end = pg.get_result()
    while end is not None:
        if end.status != pq.ExecStatus.COMMAND_OK:
            raise error_from_result(end)
        end = pg.get_result()
