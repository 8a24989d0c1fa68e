"""What the books' tests need: money to move, and a database of their own where commits are real."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, connections
from psycopg import sql

from bank.ledger import actions, queries
from bank.ledger.models import Account

CPU = "CH:CPU"


class Books:
    """Short words for the tests: accounts by name, movements with keys of their own."""

    def __init__(self, now) -> None:
        self.now = now
        self.keys = (f"key-{n}" for n in itertools.count(1))

    @property
    def bank(self) -> Account:
        return actions.open(owner=None, kind="bank")

    @property
    def backing(self) -> Account:
        return actions.open(owner=None, kind="claims_backing", asset=CPU)

    def wallet(self, company) -> Account:
        return actions.open(owner=company, kind="wallet")

    def claims(self, company) -> Account:
        return actions.open(owner=company, kind="claims", asset=CPU)

    def pledged(self, company) -> Account:
        return actions.open(owner=company, kind="pledged", asset=CPU)

    def order(self, ref: str = "ord_1", asset: str = "CNY") -> Account:
        return actions.open(owner=None, kind="clearing_order", asset=asset, ref=ref)

    def credit_line(self, company, limit: int) -> Account:
        account = actions.open(owner=company, kind="credit_line")
        return actions.set_floor(account=account, floor=-limit, now=self.now)

    def top_up(self, company, amount: int, key: str | None = None):
        return actions.transfer(
            key=key or next(self.keys),
            reason="top_up",
            cause="payment:pay_1",
            source=self.bank,
            target=self.wallet(company),
            amount=amount,
            now=self.now,
        )

    def pay(self, source: Account, amount: int, target: Account | None = None, key: str | None = None):
        return actions.transfer(
            key=key or next(self.keys),
            reason="order_charge",
            cause="order:ord_1",
            source=source,
            target=target or self.order(),
            amount=amount,
            now=self.now,
        )

    def hold(self, account: Account, amount: int, key: str | None = None, **kwargs):
        return actions.hold(
            key=key or next(self.keys),
            account=account,
            amount=amount,
            cause="order:ord_1",
            now=self.now,
            **kwargs,
        )

    def settle(self, hold, amount: int, key: str | None = None, target: Account | None = None, **kwargs):
        return actions.settle(
            key=key or next(self.keys),
            hold=hold,
            target=target or self.order(),
            amount=amount,
            reason="order_charge",
            now=kwargs.pop("now", self.now),
            **kwargs,
        )

    def earn(self, company, amount: int, days: int = 365, origin: str = "slot:slt_1"):
        """Hours banked with an expiry of their own."""
        lot = actions.LotSpec(self.now + timedelta(days=days), origin)
        legs = [actions.Leg(self.backing, -amount), actions.Leg(self.claims(company), amount, lot)]
        return actions.post(key=next(self.keys), reason="claim_earned", cause=origin, legs=legs, now=self.now)

    def posted(self, account: Account) -> int:
        return queries.balance(account).posted

    def held(self, account: Account) -> int:
        return queries.balance(account).held

    def available(self, account: Account) -> int | None:
        return queries.balance(account).available


@pytest.fixture
def books(db, now) -> Books:
    return Books(now)


@pytest.fixture
def totals(db) -> Callable[[], tuple]:
    """Everything a refused command must leave as it was."""

    def read() -> tuple:
        with connection.cursor() as c:
            c.execute(
                "SELECT id, posted, held, excess, floor FROM ledger_account"
                " WHERE (posted, held, excess, coalesce(floor, 0)) <> (0, 0, 0, 0) ORDER BY id"
            )
            accounts = c.fetchall()
            counts = []
            for table in ("journal", "posting", "hold", "lot", "lotentry", "lotpin", "uncounted", "dayclose"):
                c.execute(f"SELECT count(*) FROM ledger_{table}")
                counts.append(c.fetchone()[0])
            c.execute("SELECT id, settled, released, state FROM ledger_hold ORDER BY id")
            holds = c.fetchall()
            c.execute("SELECT id, remaining, pinned FROM ledger_lot ORDER BY id")
            return accounts, counts, holds, c.fetchall()

    return read


@pytest.fixture
def tamper(db) -> Callable[[str], None]:
    """Run SQL that no trigger of ours sees: somebody with the owner's rights, or a damaged disk."""
    tables = [f"ledger_{t}" for t in ("account", "journal", "posting", "hold", "lot", "lotentry", "lotpin")]
    tables += ["ledger_uncounted", "ledger_dayclose", "ledger_checkpoint"]

    def run(statement: str) -> None:
        with connection.cursor() as c:
            c.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            for switch in ("DISABLE", "ENABLE"):
                for table in tables:
                    c.execute(f"ALTER TABLE {table} {switch} TRIGGER USER")
                if switch == "DISABLE":
                    c.execute(statement)
                    c.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")

    return run


def _admin() -> psycopg.Connection:
    params = {k: v for k, v in connection.get_connection_params().items() if k in {"host", "port", "user", "password"}}
    return psycopg.connect(**params, dbname="postgres", autocommit=True)


@pytest.fixture
def own_database(django_db_setup, django_db_blocker):
    """A clone of the migrated database where commits are real (Django's flush would truncate the books)."""
    with django_db_blocker.unblock():
        template, clone = connection.settings_dict["NAME"], f"books_{uuid.uuid4().hex[:12]}"
        connections.close_all()
        with _admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (clone, template))))
        connection.settings_dict["NAME"] = clone  # the same dict for the connections of every thread
        try:
            yield clone
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = template
            with _admin() as admin:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(clone)))


@pytest.fixture
def at_once() -> Callable:
    """at_once(n, work): work(i) in n threads on n connections at one moment; results or exceptions."""

    def run(n: int, work: Callable[[int], object]) -> list:
        results: list = [None] * n
        ready = threading.Barrier(n)

        def one(i: int) -> None:
            try:
                connection.ensure_connection()
                ready.wait(timeout=60)
                results[i] = work(i)
            except Exception as error:  # the test looks at it
                results[i] = error
            finally:
                connection.close()

        threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run
