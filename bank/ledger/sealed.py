"""Whether the closed days are as they were closed: rows, hashes and links, checkpoints, totals.

What is wrong is told as (day, saying)."""

from __future__ import annotations

from django.db import connection

from . import chain
from .models import DayClose

Wrong = list[tuple[str, str]]
# one look at every posting: which close sealed it is a binary search in the bounds of all closes.
# What comes out of the first branch is wrong; the second gives what each kind moved in each close
REPLAY = """
WITH b AS (SELECT array_agg(last_posting_id + 1 ORDER BY number) AS bounds,
                  array_agg(number ORDER BY number) AS numbers, max(last_posting_id) AS last FROM ledger_dayclose),
moved AS MATERIALIZED (
  SELECT b.numbers[width_bucket(p.id, b.bounds) + 1] AS close_id, p.account_id,
         coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) AS inward,
         coalesce(sum(p.amount) FILTER (WHERE p.amount < 0), 0) AS outward
    FROM ledger_posting p, b WHERE p.id <= b.last GROUP BY 1, 2),
replayed AS (
  SELECT close_id, account_id, sum(inward + outward) OVER (PARTITION BY account_id ORDER BY close_id) AS posted
    FROM moved)
SELECT close_id, a.public_id, a.kind, r.posted, c.posted, true
  FROM replayed r FULL JOIN ledger_checkpoint c USING (close_id, account_id)
  LEFT JOIN ledger_account a ON a.id = account_id WHERE r.posted IS DISTINCT FROM c.posted
UNION ALL
SELECT m.close_id, a.asset, a.kind, sum(m.inward), sum(m.outward), false
  FROM moved m JOIN ledger_account a ON a.id = m.account_id GROUP BY 1, 2, 3
"""
TIMES = """
WITH b AS (SELECT array_agg(last_journal_id + 1 ORDER BY number) AS bounds,
                  array_agg(number ORDER BY number) AS numbers, max(last_journal_id) AS last FROM ledger_dayclose),
t AS (SELECT b.numbers[width_bucket(j.id, b.bounds) + 1] AS number, min(j.at) AS earliest, max(j.at) AS latest
        FROM ledger_journal j, b WHERE j.id <= b.last GROUP BY 1),
r AS (SELECT c.number, c.day, c.earliest_at, c.latest_at, t.earliest, max(t.latest) OVER (ORDER BY c.number) AS latest
        FROM ledger_dayclose c LEFT JOIN t USING (number))
SELECT day::text, 'its earliest or latest entry is another one' FROM r
 WHERE earliest_at IS DISTINCT FROM earliest OR latest_at IS DISTINCT FROM latest
"""


def all_closes() -> list[DayClose]:
    return list(DayClose.objects.order_by("number"))


def hash_of(close: DayClose) -> Wrong:
    """The rows below one close give its hash, and it is linked to the close before it."""
    before = DayClose.objects.filter(number=close.number - 1).first()
    [told] = chain.digests([close], before)
    day = close.day.isoformat()
    wrong = []
    if told.hash != close.hash:
        wrong.append((day, f"was closed with {close.hash}, its rows now give {told.hash}"))
    if close.previous_hash != (before.hash if before else ""):
        wrong.append((day, "is not linked to the close before it"))
    return wrong


def hashes(closes: list[DayClose]) -> Wrong:
    """The rows below every close give its hash, and each close is linked to the one before it."""
    wrong: Wrong = []
    before: DayClose | None = None
    for number, (close, told) in enumerate(zip(closes, chain.digests(closes) if closes else [], strict=True), 1):
        day = close.day.isoformat()
        if close.number != number or (before and before.day >= close.day):
            wrong.append((day, f"has number {close.number} where {number} follows"))
        if close.previous_hash != (before.hash if before else ""):
            wrong.append((day, "is not linked to the close before it"))
        if before and any(getattr(close, part.mark) < getattr(before, part.mark) for part in chain.PARTS):
            wrong.append((day, "ends before the close before it"))
        if told.hash != close.hash:
            wrong.append((day, f"was closed with {close.hash}, its rows now give {told.hash}"))
        said = (close.journals, close.postings, close.lotentries)
        if told.counts != said:
            wrong.append((day, "was closed with {} entries, {} lines, {} parts of lots; there are {}, {}, {}".format(
                *said, *told.counts)))
        before = close
    return wrong


def balances(closes: list[DayClose]) -> tuple[int, Wrong]:
    """Every checkpoint is the replay up to its close, every total of a close what its postings sum to."""
    days = {close.number: close.day.isoformat() for close in closes}
    moved: dict[int, list[tuple[str, str, int, int]]] = {}
    wrong: Wrong = []
    with connection.cursor() as c:
        c.execute("SELECT count(*) FROM ledger_checkpoint")
        looked_at = int(c.fetchone()[0])
        c.execute(REPLAY)
        for number, name, kind, first, second, is_checkpoint in c.fetchall():
            if not is_checkpoint:
                moved.setdefault(number, []).append((name, kind, first, second))
            else:
                wrong.append((days.get(number, f"close {number}"),
                              f"{name}, {kind}: the checkpoint says {second}, the journal says {first}"))
        c.execute(TIMES)
        wrong += c.fetchall()
    totals: chain.Totals = {}
    for close in closes:
        totals = chain.add_up(totals, moved.get(close.number, []))
        if totals != close.totals:
            wrong.append((days[close.number], "its totals are not what its lines sum to"))
    return looked_at, wrong
