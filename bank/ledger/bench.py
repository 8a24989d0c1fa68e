"""How fast the books are: `run()` returns [{name, value, unit, peer, ratio}]. Needs a database that may be
thrown away afterwards, migrated, with fsync on: what is posted here stays posted."""

from __future__ import annotations

import multiprocessing
import random
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection, connections

from portal.accounts.models import Organisation
from portal.core.ids import public_id

from . import actions
from .actions.posting import POST_SQL, array, fingerprint
from .models import Account

CLIENTS = 8
ACCOUNTS = 1_000
SECONDS = 5.0
PEER = "pgledger, recorded"
PEER_TRANSFERS_PER_S = 682  # over 1,000 accounts, on a 2-core machine like the one this was written on
FUND_UY = 10**12


def run() -> list[dict[str, Any]]:
    """All figures of this room."""
    per_s = transfers_per_s()
    return [{"name": "ledger.transfers_per_s", "value": per_s, "unit": "1/s", "peer": PEER,
             "ratio": round(per_s / PEER_TRANSFERS_PER_S, 2)}]


def transfers_per_s(*, clients: int = CLIENTS, accounts: int = ACCOUNTS, seconds: float = SECONDS) -> int:
    """Committed transfers per second from random wallets to random orders, each with a key of its own,
    by the statement that `actions.transfer` sends; half of the accounts are wallets."""
    wallets, orders = _make_accounts(accounts // 2)
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(clients)
    results: multiprocessing.Queue[int] = context.Queue()  # type: ignore[assignment]
    conninfo = {k: v for k, v in connection.get_connection_params().items()
                if k in {"host", "port", "dbname", "user", "password"}}
    connections.close_all()  # a forked child must not share a connection
    workers = [
        context.Process(target=_client, args=(n, conninfo, wallets, orders, seconds, begin, results))
        for n in range(clients)]
    for worker in workers:
        worker.start()
    total = sum(results.get(timeout=seconds + 60) for _ in workers)
    for worker in workers:
        worker.join()
    return round(total / seconds)


def _client(n: int, conninfo: dict[str, Any], wallets: list[int], orders: list[int], seconds: float,
            begin: Any, results: Any) -> None:
    chance, run_id, count = random.Random(n), public_id("run"), 0
    now = datetime.now(UTC)
    with psycopg.connect(**conninfo, autocommit=True) as c:
        begin.wait()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            wallet, order, amount = chance.choice(wallets), chance.choice(orders), chance.randint(1, 1000)
            key = f"{run_id}:{count}"
            c.execute(POST_SQL, [
                public_id("jnl"), key, fingerprint("bench", wallet, order, amount), "order_charge",
                f"bench:{run_id}", now, "", "{}", None, None, array((wallet, order)),
                array((-amount, amount))])
            count += 1
    results.put(count)


def _make_accounts(pairs: int) -> tuple[list[int], list[int]]:
    """pks of funded wallets and of order accounts."""
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
    return _pks(wallets), _pks(orders)


def _pks(accounts: list[Account]) -> list[int]:
    return [a.pk for a in accounts]
