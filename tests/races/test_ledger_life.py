"""Eight processes live on one set of books for a minute, some are killed; then eight take everything back at once."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, connections

from bank.ledger import actions, proof, queries
from bank.ledger.models import Account, Hold, Journal
from portal.core.errors import Refused
from tests.bank.ledger.conftest import CPU, Books

PROCESSES = 8
SECONDS = 60
KILLS = 12  # processes killed on the way, each replaced by a new one
THINGS = [
    "top_up",
    "pay",
    "pay",
    "pay_by_two",
    "refund",
    "hold",
    "hold",
    "settle",
    "settle",
    "release",
    "expire",
    "reverse",
    "earn",
    "spend_hours",
    "hold_hours",
    "batch",
    "roll_up",
    "repeat",
    "floor",
    "close",
]
FORK = multiprocessing.get_context("fork")


class Liver:
    """One process: does what comes to its mind with accounts that all others use too."""

    def __init__(self, seed: str, now, companies) -> None:
        self.seed, self.chance, self.now = seed, random.Random(seed), now
        self.books = Books(now)
        self.companies, self.count = companies, 0
        self.repeatable: list = []  # (call, its pk)
        self.ends: Counter[str] = Counter()

    def key(self) -> str:
        self.count += 1
        return f"{self.seed}:{self.count}"

    def once(self) -> None:
        """One thing. A refusal is an answer; anything else that is raised ends the process."""
        name = self.chance.choice(THINGS)
        try:
            getattr(self, name)()
        except Refused as refused:
            self.ends[f"{name}: {refused.code}"] += 1
        else:
            self.ends[name] += 1

    def doing(self, call) -> None:
        """Call it under a key of its own, and remember it so that it may be repeated."""
        key = self.key()
        self.repeatable.append((lambda: call(key).pk, call(key).pk))

    def repeat(self) -> None:
        if self.repeatable:
            again, pk = self.chance.choice(self.repeatable)
            assert again() == pk, "a repetition gave something else"

    def wallet(self) -> Account:
        return self.books.wallet(self.chance.choice(self.companies))

    def order(self) -> Account:
        return self.books.order(f"ord_{self.chance.randint(1, 3)}")

    def amount(self) -> int:
        return self.chance.randint(1, 40)

    def top_up(self) -> None:
        company, amount = self.chance.choice(self.companies), self.amount()
        self.doing(lambda key: self.books.top_up(company, amount, key=key))

    def pay(self) -> None:
        wallet, order, amount = self.wallet(), self.order(), self.amount()
        self.doing(lambda key: self.books.pay(wallet, amount, target=order, key=key))

    def pay_by_two(self) -> None:
        """From a wallet and what the credit limit gives."""
        company, order, amount = self.chance.choice(self.companies), self.order(), self.amount()
        line = actions.open(owner=company, kind="credit_line")
        legs = [actions.Leg(line, -amount), actions.Leg(self.books.wallet(company), -1), actions.Leg(order, amount + 1)]
        self.doing(lambda key: actions.post(key=key, reason="order_charge", cause="order:x", legs=legs, now=self.now))

    def refund(self) -> None:
        wallet, order, amount = self.wallet(), self.order(), self.amount()
        legs = [actions.Leg(order, -amount), actions.Leg(wallet, amount)]
        self.doing(lambda key: actions.post(key=key, reason="order_refund", cause="order:x", legs=legs, now=self.now))

    def hold(self) -> None:
        wallet, amount = self.wallet(), self.amount()
        until = self.chance.choice([None, self.now + timedelta(minutes=self.chance.randint(1, 60))])
        self.doing(lambda key: self.books.hold(wallet, amount, key=key, expires_at=until))

    def some_hold(self) -> Hold | None:
        holds = list(Hold.objects.filter(state="open").select_related("account").order_by("-id")[:20])
        return self.chance.choice(holds) if holds else None

    def settle(self) -> None:
        hold, final = self.some_hold(), self.chance.random() < 0.5
        if hold:
            amount, asset = self.chance.randint(1, hold.amount), hold.account.asset
            order, reason = self.books.order("ord_1", asset=asset), "claim_spent" if asset == CPU else "order_charge"
            self.doing(lambda key: actions.settle(
                key=key, hold=hold, target=order, amount=amount, reason=reason, now=self.now, final=final))  # fmt: skip

    def release(self) -> None:
        if hold := self.some_hold():
            self.doing(lambda key: actions.release(key=key, hold=hold, now=self.now))

    def expire(self) -> None:
        later = self.now + timedelta(minutes=self.chance.randint(0, 30))
        actions.expire_holds(now=later, limit=5)
        actions.expire_lots(now=later + timedelta(days=self.chance.randint(0, 3)), limit=5)

    def reverse(self) -> None:
        journals = list(Journal.objects.filter(reverses=None).order_by("-id")[:40])
        if journals:
            journal = self.chance.choice(journals)
            self.doing(lambda key: actions.reverse(
                key=key, journal=journal, reason="a mistake", actor="user:1", now=self.now))  # fmt: skip

    def earn(self) -> None:
        self.books.keys = iter([self.key()])
        self.books.earn(self.chance.choice(self.companies), self.amount(), days=self.chance.randint(1, 5))

    def spend_hours(self) -> None:
        claims, amount = self.books.claims(self.chance.choice(self.companies)), self.amount()
        order = self.books.order("ord_1", asset=CPU)
        legs = [actions.Leg(claims, -amount), actions.Leg(order, amount)]
        self.doing(lambda key: actions.post(key=key, reason="claim_spent", cause="order:x", legs=legs, now=self.now))

    def hold_hours(self) -> None:
        claims, amount = self.books.claims(self.chance.choice(self.companies)), self.amount()
        until = self.now + timedelta(minutes=self.chance.randint(1, 60))
        self.doing(lambda key: self.books.hold(claims, amount, key=key, expires_at=until))

    def batch(self) -> None:
        entries = []
        for _ in range(5):
            legs = [actions.Leg(self.wallet(), -(amount := self.amount())), actions.Leg(self.order(), amount)]
            entries.append(actions.Entry(self.key(), "order_charge", "order:x", legs))
        actions.post_many(entries, now=self.now)

    def roll_up(self) -> None:
        actions.roll_up(limit=self.chance.randint(1, 50))

    def floor(self) -> None:
        line = actions.open(owner=self.chance.choice(self.companies), kind="credit_line")
        actions.set_floor(account=line, floor=-self.chance.randint(0, 80), now=self.now)

    def close(self) -> None:
        if self.chance.random() < 0.1:
            actions.close_day(now=self.now + timedelta(days=self.chance.randint(1, 400)))


def processes(work, number: int, *, seconds: float, kills: int = 0) -> list:
    """work(seed) in processes; some are killed with −9 and replaced; what the others put into the queue."""
    told = FORK.SimpleQueue()
    connections.close_all()  # a forked child must not share a connection

    def child(seed: str) -> None:
        try:
            told.put(work(seed))
        except BaseException as error:
            told.put(error)
        finally:
            connections.close_all()
            os._exit(0)

    def begun(seed: str):
        process = FORK.Process(target=child, args=(seed,))
        process.start()
        return process

    living = [begun(f"p{n}") for n in range(number)]
    chance, killed = random.Random(1), 0
    until = time.monotonic() + seconds
    while time.monotonic() < until and killed < kills:
        time.sleep(0.8 * seconds / kills)
        n = chance.randrange(number)
        if living[n].is_alive():
            os.kill(living[n].pid, signal.SIGKILL)
            killed += 1
            living[n] = begun(f"r{killed}")
    found = [told.get() for _ in range(number)]
    for process in living:
        process.join(timeout=30)
    return found


def sound() -> None:
    assert [(o.check.name, o.wrong[:3]) for o in proof.prove() if o.wrong] == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_eight_processes_live_on_one_set_of_books_and_some_are_killed(db, now, jiangnan, yongli, harbour):
    companies = [jiangnan, yongli, harbour]
    until = time.monotonic() + SECONDS

    def live(seed: str) -> Counter[str]:
        liver = Liver(seed, now, companies)
        while time.monotonic() < until:
            liver.once()
        return liver.ends

    found = processes(live, PROCESSES, seconds=SECONDS, kills=KILLS)
    assert [str(one) for one in found if isinstance(one, BaseException)] == []
    ends = sum(found, Counter())
    assert sum(ends.values()) > 1000
    met = {end.partition(":")[0] for end in ends}
    assert {"pay", "settle", "release", "reverse", "spend_hours", "hold_hours", "batch", "repeat", "floor"} <= met
    sound()
    actions.roll_up()
    sound()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_everything_taken_back_by_eight_at_once_is_taken_back_once_and_nothing_is_left(db, now, jiangnan, yongli):
    books = Books(now)
    for company in (jiangnan, yongli):
        books.top_up(company, 500)
        books.earn(company, 100)
        for n in range(1, 25):
            books.pay(books.wallet(company), n, target=books.order(f"ord_{n % 3}"))
        hold = books.hold(books.wallet(company), 60)
        books.settle(hold, 40, final=True)
    pks = list(Journal.objects.order_by("-id").values_list("pk", flat=True))

    def take_back(seed: str) -> str:
        chance, left = random.Random(seed), set(pks)
        while left:
            for pk in chance.sample(sorted(left), len(left)):
                try:
                    actions.reverse(
                        key=f"{seed}:{pk}", journal=Journal.objects.get(pk=pk), reason="all of it",
                        actor="user:1", now=now)  # fmt: skip
                    left.discard(pk)
                except Refused as refused:
                    if refused.code == "already_reversed":
                        left.discard(pk)
                    elif refused.code not in ("insufficient_funds", "insufficient_hours", "lot_spent"):
                        raise
        return "done"

    assert processes(take_back, PROCESSES, seconds=0) == ["done"] * PROCESSES
    assert Journal.objects.exclude(reverses=None).count() == len(pks)
    with connection.cursor() as c:
        c.execute("SELECT count(*) FROM (SELECT reverses_id FROM ledger_journal WHERE reverses_id IS NOT NULL"
                  " GROUP BY 1 HAVING count(*) > 1) twice")  # fmt: skip
        assert c.fetchone() == (0,)
    assert {queries.balance(account).posted for account in Account.objects.all()} == {0}
    sound()
