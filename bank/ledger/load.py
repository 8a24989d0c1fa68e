"""What the books are measured under: clients in processes of their own, each with its connection.

Accounts: ACCOUNTS half wallets, half orders, and the platform's bank as the one account that everybody pays.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection, connections

from portal.accounts.models import Organisation
from portal.core import prepare
from portal.core.ids import public_id

from . import actions
from .actions.posting import POST_SQL, array, fingerprint
from .models import Account, Posting

CLIENTS = 8
ACCOUNTS = 1_000
SECONDS = 5.0
BATCH, BATCH_CLIENTS = 1_000, 2
FUND_UY = 10**12
FINISHED_S = 900

Work = Callable[[int], int]  # client's number -> how much it did


@dataclass(frozen=True)
class Books:
    wallets: list[Account]
    orders: list[Account]
    bank: Account


def make_accounts(pairs: int = ACCOUNTS // 2) -> Books:
    """Funded wallets, order accounts, the bank."""
    now, run_id = datetime.now(UTC), public_id("b")[-8:]
    owners = Organisation.objects.bulk_create([
        Organisation(
            public_id=public_id("org"), slug=f"bench-{run_id}-{n}", name=f"Bench {n}",
            uscc=f"{run_id}{n:010d}", industry="other", employees=1, revenue_wan=1, assets_wan=1,
            size_class="micro", created_at=now)
        for n in range(pairs)])
    wallets = [actions.open(owner=owner, kind="wallet") for owner in owners]
    orders = [actions.open(owner=None, kind="clearing_order", ref=f"{run_id}-{n}") for n in range(pairs)]
    bank = actions.open(owner=None, kind="bank")
    actions.post_many([
        actions.Entry(f"fund:{wallet.public_id}", "top_up", f"bench:{run_id}",
                      [actions.Leg(bank, -FUND_UY), actions.Leg(wallet, FUND_UY)])
        for wallet in wallets], now=now)
    return Books(wallets, orders, bank)


def open_accounts(number: int) -> None:
    """So many more accounts, as they are opened, without looking for each of them."""
    Account.objects.bulk_create([
        Account(public_id=public_id("acc"), kind="clearing_order", asset="CNY", ref=f"many-{n}", floor=0)
        for n in range(number)], batch_size=5_000)


def transfers_per_s(books: Books, *, hot: bool = False, seconds: float = SECONDS) -> int:
    """Committed transfers per second from random wallets to random orders (hot: all to the bank), each with a
    key of its own, by the statement that `actions.transfer` sends."""
    wallets = [a.pk for a in books.wallets]
    targets = [books.bank.pk] if hot else [a.pk for a in books.orders]
    reason, conninfo = "withdrawal" if hot else "order_charge", _conninfo()

    def work(n: int) -> int:
        chance, run_id, now = random.Random(n), public_id("run"), datetime.now(UTC)
        with psycopg.connect(**conninfo, autocommit=True) as c:

            def once(count: int) -> None:
                wallet, target, amount = chance.choice(wallets), chance.choice(targets), chance.randint(1, 1000)
                c.execute(POST_SQL, [
                    public_id("jnl"), f"{run_id}:{count}", fingerprint("bench", wallet, target, amount), reason,
                    f"bench:{run_id}", now, "", "{}", None, None, False, array((wallet, target)),
                    array((-amount, amount))])

            return repeat(once, seconds)

    return round(sum(in_processes(work, CLIENTS)) / seconds)


def fill(books: Books, lines: int) -> int:
    """Batches by `post_many` until the books have so many lines; returns lines per second.

    Every other line is the bank's: it ends with half of all lines.
    """
    batches = max(0, lines - Posting.objects.count()) // (2 * BATCH)
    shares = [batches // BATCH_CLIENTS + (n < batches % BATCH_CLIENTS) for n in range(BATCH_CLIENTS)]

    def work(n: int) -> int:
        chance, run_id, now = random.Random(n), public_id("run"), datetime.now(UTC)
        for batch in range(shares[n]):
            entries = []
            for count in range(BATCH):
                amount = chance.randint(1, 1000)
                legs = [actions.Leg(chance.choice(books.wallets), -amount), actions.Leg(books.bank, amount)]
                entries.append(actions.Entry(f"{run_id}:{batch}:{count}", "withdrawal", f"bench:{run_id}", legs))
            actions.post_many(entries, now=now)
        return shares[n] * BATCH * 2

    begun = time.perf_counter()
    written = sum(in_processes(work, BATCH_CLIENTS))
    return round(written / (time.perf_counter() - begun))


def bare_copy_per_s(seconds: float = SECONDS) -> int:
    """What the disk and PostgreSQL give at best: the same lines by COPY, then one UPDATE of the balances of a
    batch, into tables with nothing but a primary key; batches and clients as in `fill`."""
    conninfo = database_of("bare")
    with psycopg.connect(**conninfo) as c:
        c.execute("CREATE TABLE bare_account (id int PRIMARY KEY, posted bigint NOT NULL DEFAULT 0)")
        c.execute("INSERT INTO bare_account SELECT generate_series(1, %s)", [ACCOUNTS])
        c.execute("CREATE TABLE bare_journal (id bigserial PRIMARY KEY, public_id text, key text, fingerprint text,"
                  " reason text, cause text, at timestamptz, memo jsonb)")
        c.execute("CREATE TABLE bare_posting (id bigserial PRIMARY KEY, journal text, account_id int, amount bigint)")

    def work(n: int) -> int:
        chance, now = random.Random(n), datetime.now(UTC).isoformat()
        with psycopg.connect(**conninfo) as c:
            return repeat(lambda count: _bare_batch(c, chance, now), seconds) * BATCH * 2

    return round(sum(in_processes(work, BATCH_CLIENTS)) / seconds)


def _bare_batch(c: psycopg.Connection[Any], chance: random.Random, now: str) -> None:
    journals, postings = [], []
    for _ in range(BATCH):
        name, amount = public_id("jnl"), chance.randint(1, 1000)
        journals.append((name, name, fingerprint(name, amount), "withdrawal", "bench", now, "{}"))
        postings += [(name, chance.randint(2, ACCOUNTS), -amount), (name, 1, amount)]
    with c.transaction(), c.cursor() as cursor:
        for table, rows in (("bare_journal (public_id, key, fingerprint, reason, cause, at, memo)", journals),
                            ("bare_posting (journal, account_id, amount)", postings)):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.execute(
            """UPDATE bare_account a SET posted = posted + m.amount
                 FROM (SELECT id, sum(amount) AS amount FROM unnest(%s::int[], %s::bigint[]) AS u(id, amount)
                        WHERE id <> 1 GROUP BY id ORDER BY id) m WHERE a.id = m.id""",
            [[account for _, account, _ in postings], [amount for *_, amount in postings]])


def pgledger_per_s(path: str) -> dict[str, int]:
    """Transfers per second of pgledger under the same clients, in a database of its own: spread, and all to one."""
    conninfo = database_of("pgledger")
    with psycopg.connect(**conninfo) as c:
        c.execute(Path(path).read_text())  # type: ignore[call-overload]
        names = [c.execute("SELECT id FROM pgledger_create_account(%s, 'CNY')", [f"a{n}"]).fetchone()[0]  # type: ignore[index]
                 for n in range(ACCOUNTS)]
    wallets, orders = names[: ACCOUNTS // 2], names[ACCOUNTS // 2 :]

    def per_s(targets: list[str]) -> int:
        def work(n: int) -> int:
            chance = random.Random(n)
            with psycopg.connect(**conninfo, autocommit=True) as c:
                return repeat(lambda count: c.execute(
                    "SELECT id FROM pgledger_create_transfer(%s, %s, %s)",
                    [chance.choice(wallets), chance.choice(targets), chance.randint(1, 1000)]), SECONDS)

        return round(sum(in_processes(work, CLIENTS)) / SECONDS)

    return {"transfers": per_s(orders), "hot": per_s(orders[:1])}


def repeat(once: Callable[[int], object], seconds: float) -> int:
    """Call it until the time is over, with how often it was called before; returns how often."""
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        once(count)
        count += 1
    return count


def in_processes(work: Work, clients: int) -> list[int]:
    """What each client did; all of them begin together. RuntimeError if one of them failed."""
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(clients)
    results: multiprocessing.Queue[int | None] = context.Queue()  # type: ignore[assignment]

    def client(n: int) -> None:
        done = None
        try:
            begin.wait(timeout=60)
            done = work(n)
        finally:
            results.put(done)

    connections.close_all()  # a forked child must not share a connection
    workers = [context.Process(target=client, args=(n,)) for n in range(clients)]
    for worker in workers:
        worker.start()
    done = [results.get(timeout=FINISHED_S) for _ in workers]
    for worker in workers:
        worker.join()
    if None in done:
        raise RuntimeError("a client of the benchmark failed")
    return [n for n in done if n is not None]


def _conninfo() -> dict[str, Any]:
    return {k: v for k, v in connection.get_connection_params().items()
            if k in {"host", "port", "dbname", "user", "password"}}


def database_of(peer: str) -> dict[str, Any]:
    """How to reach a new database beside ours, as its owner."""
    with prepare.as_owner():
        conninfo = _conninfo()
        with psycopg.connect(**conninfo, autocommit=True) as c:
            c.execute(f"CREATE DATABASE bench_{peer}")  # type: ignore[call-overload]
    return conninfo | {"dbname": f"bench_{peer}"}
