"""The daily close: seal what was recorded since the last one, and write its hash outside the database."""

from __future__ import annotations

import logging
import time
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection, transaction

from portal.core.errors import Refused
from portal.core.words import local

from .. import chain, closings
from ..models import DayClose

CLOSE_LOCK = 0x1ED6E3  # any number that nobody else takes
TRIES = 3  # each waits for running writers as long as ledger_finished() says
PAUSE_S = 0.2  # between them whoever waited behind us gets on
CHECKPOINTS = """
INSERT INTO ledger_checkpoint (close_id, account_id, posted)
SELECT %(close)s, m.account_id, m.amount + coalesce((
         SELECT c.posted FROM ledger_checkpoint c
          WHERE c.account_id = m.account_id ORDER BY c.close_id DESC LIMIT 1), 0)
  FROM (SELECT account_id, sum(amount)::bigint AS amount FROM ledger_posting
         WHERE id > %(after)s AND id <= %(last)s GROUP BY account_id) m
"""
MOVED = """
SELECT a.asset, a.kind, coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0),
       coalesce(sum(p.amount) FILTER (WHERE p.amount < 0), 0)
  FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
 WHERE p.id > %s AND p.id <= %s GROUP BY a.asset, a.kind
"""
log = logging.getLogger(__name__)


def close_day(*, now: datetime) -> DayClose | None:
    """Close the books up to the end of yesterday, once; None where they are, or where somebody does it just now.

    Seals everything recorded since the close before it, whatever its `at`; several days passed are one close.
    May die at any line: the next call goes on. Refused: books_busy, closings_differ.
    """
    day = local(now).date() - timedelta(days=1)
    close = None
    if not DayClose.objects.filter(day__gte=day).exists():
        close = _close(day, now)
    export_closings()
    return close


def export_closings() -> int:
    """Append to the file of closings what it lacks, and say how many bytes. Refused: closings_differ."""
    path = Path(settings.BOOKS_CLOSINGS_FILE)
    with transaction.atomic(durable=True):
        if not _only_one():
            return 0
        data = path.read_bytes() if path.exists() else b""
        wrong, missing = closings.compare(data, DayClose.objects.defer("totals").order_by("number"))
        if wrong:
            raise Refused("closings_differ", day=wrong[0][0])
        if missing:
            closings.append(path, missing)
        return len(missing)


def _close(day: date, now: datetime) -> DayClose | None:
    with transaction.atomic(durable=True):
        if not _only_one():
            return None
        before = DayClose.objects.order_by("-number").first()
        if before and before.day >= day:
            return None
        close = DayClose(
            number=before.number + 1 if before else 1, day=day, closed_at=now,
            previous_hash=before.hash if before else "")
        close.last_journal_id, close.last_posting_id, close.last_lotentry_id = _finished()
        _describe(close, before)
        [(close.hash, (close.journals, close.postings, close.lotentries))] = chain.digests([close], before)
        close.save(force_insert=True)
    # a second witness: whoever keeps the log has the hash too, at every level of logging
    log.warning("books closed up to %s: number %s, %s", day, close.number, close.hash)
    return close


def _only_one() -> bool:
    with connection.cursor() as c:
        c.execute("SELECT pg_try_advisory_xact_lock(%s)", [CLOSE_LOCK])
        return bool(c.fetchone()[0])


def _finished() -> tuple[int, int, int]:
    """The last ids below which nothing is being written. Undoing the savepoint lets the writers on at once."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_S)
        savepoint = transaction.savepoint()
        try:
            with connection.cursor() as c:
                c.execute("SELECT journal, posting, lotentry FROM ledger_finished()")
                return tuple(c.fetchone())  # type: ignore[return-value]
        except OperationalError as error:
            log.info("the books are busy: %s", error)
        finally:
            transaction.savepoint_rollback(savepoint)
    raise Refused("books_busy")


def _describe(close: DayClose, before: DayClose | None) -> None:
    """Checkpoints, totals and times of what is being sealed."""
    after = before.last_posting_id if before else chain.BEGINNING
    with connection.cursor() as c:
        c.execute(CHECKPOINTS, {"close": close.number, "after": after, "last": close.last_posting_id})
        c.execute(MOVED, [after, close.last_posting_id])
        close.totals = chain.add_up(before.totals if before else {}, c.fetchall())
        c.execute("SELECT min(at), max(at) FROM ledger_journal WHERE id > %s AND id <= %s",
                  [before.last_journal_id if before else chain.BEGINNING, close.last_journal_id])
        close.earliest_at, latest = c.fetchone()
    close.latest_at = max((at for at in (before and before.latest_at, latest) if at), default=None)
