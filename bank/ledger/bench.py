"""How fast the books are: `run()` returns [{name, value, unit, peer, ratio}]. Needs a database that may be
thrown away afterwards, migrated, with fsync on: what is posted here stays posted.

The same workload for us and for others (`load.py`); 2 million lines are written on the way, so that what
is measured last is measured on full books.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.db import connection

from . import actions, load, proof, queries
from .models import Account, Posting

FEW, MANY = 10_000, 2_000_000  # lines in the books when a transfer's cost is measured
OPEN = 100_000  # accounts there are when the opening of one more is measured
RECORDED = "pgledger, recorded"  # on a 2-core machine like the one this was written on
PGLEDGER = {"transfers": 682, "hot": 209}

Row = dict[str, Any]


def run() -> list[Row]:
    """All figures of this room, in the order in which they can be measured: about three minutes."""
    books = load.make_accounts()
    load.fill(books, FEW)
    spread, hot = load.transfers_per_s(books), load.transfers_per_s(books, hot=True)
    peer, theirs = _pgledger()
    rows = [
        _row("transfers_per_s", spread, "1/s", peer, spread / theirs["transfers"]),
        _row("hot_per_s", hot, "1/s", peer, hot / theirs["hot"]),
        _row("hot_percent", round(100 * hot / spread), "% of what goes to 500 accounts")]
    many = load.fill(books, MANY)
    bare = load.bare_copy_per_s()
    rows.append(_row("post_many_per_s", many, "postings/s", "a bare COPY and UPDATE", many / bare))
    actions.roll_up(limit=MANY)
    with connection.cursor() as c:
        c.execute("ANALYZE")  # as autovacuum does within a minute
    late = load.transfers_per_s(books)
    rows += [
        _row("transfers_at_2m_per_s", late, "1/s"),
        _row("growth_ratio", round(spread / late, 2), f"cost at {MANY:,} lines to that at {FEW:,}"),
        _row("statement_1m_ms", statement_ms(books.bank), "ms"),
        _row("check_per_s", check_per_s(), "postings/s"),
        _row("open_account_ms", open_account_ms(), "ms")]
    return rows


def statement_ms(account: Account) -> float:
    """The slowest of: balance and first page, a page far back, the balance of an hour ago. Wall time, median of 20."""
    lines = Posting.objects.filter(account=account).count()
    middle = Posting.objects.filter(account=account).order_by("id")[lines // 2].pk
    then = datetime.now(UTC)

    def first_page() -> None:
        queries.balance(account)
        queries.statement(account)

    looks = [first_page, lambda: queries.statement(account, before=f"{middle}.0"),
             lambda: queries.balance_at(account, then)]
    actions.close_day(now=datetime.now(UTC))
    return round(max(_median_ms(look) for look in looks), 1)


def check_per_s() -> int:
    """Postings per second of the whole proof of the books. RuntimeError if they are wrong."""
    lines, begun = Posting.objects.count(), time.perf_counter()
    wrong = [str(outcome) for outcome in proof.prove() if outcome.wrong]
    took = time.perf_counter() - begun
    if wrong:
        raise RuntimeError(f"the books are wrong: {wrong}")
    return round(lines / took)


def open_account_ms() -> float:
    """To open one more account where there are OPEN; wall time, median of 200."""
    load.open_accounts(OPEN)
    names = iter(range(200))
    return round(_median_ms(
        lambda: actions.open(owner=None, kind="clearing_order", ref=f"one-more-{next(names)}"), times=200), 2)


def _median_ms(look: Callable[[], object], times: int = 20) -> float:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        look()
        took.append(1000 * (time.perf_counter() - begun))
    return median(took)


def _pgledger() -> tuple[str, dict[str, int]]:
    """pgledger beside us where its file is given (it is in no package index), else what it did once."""
    path = os.environ.get("PGLEDGER_SQL")
    return ("pgledger", load.pgledger_per_s(path)) if path else (RECORDED, PGLEDGER)


def _row(name: str, value: float, unit: str, peer: str | None = None, ratio: float | None = None) -> Row:
    return {"name": f"ledger.{name}", "value": value, "unit": unit, "peer": peer,
            "ratio": None if ratio is None else round(ratio, 2)}
