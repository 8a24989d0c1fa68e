"""Random lives of the books against an independent model: after every step both say the same.

Balances are kept scarce, so that limits are met and not only approached. Every example lives in one
transaction that is rolled back; after each step the deferred checks run as at a commit.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bank.ledger import actions, proof
from bank.ledger.actions import Entry, Leg, LotSpec
from bank.ledger.models import Account, Hold, Journal, Lot
from portal.core.errors import Refused
from tests.bank.ledger.model import Model, ModelHold, ModelJournal, No

CPU = "CH:CPU"
SEEN: Counter[str] = Counter()  # which outcomes of which commands a run has met


REASONS = {
    tuple(pair.split(">")): reason
    for reason, pairs in {
        "top_up": "bank>w1 bank>w2",
        "withdrawal": "w1>bank",
        "order_charge": "w1>order w2>order line>order",
        "order_refund": "order>w1 order>w2 order>line",
        "credit_repayment": "w1>line",
        "claim_spent": "claims>hours hours>backing",
        "pledge": "claims>pledged",
        "pledge_released": "pledged>claims",
        "claim_earned": "backing>claims",
    }.items()
    for pair in pairs.split()
}
ROUTES = sorted(REASONS)
AMOUNT = st.integers(1, 12)


class Life(RuleBasedStateMachine):
    cast: dict  # the accounts, made once and committed
    now = None

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.model = Model()
        self.holds: list[ModelHold] = []
        self.journals: list[ModelJournal] = []
        self.done: list = []  # (call, pk): what may be repeated
        self.count = 0

    def teardown(self) -> None:
        wrong = [(o.check.name, o.wrong) for o in proof.prove() if o.wrong]
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)
        assert not wrong

    @property
    def at(self):
        return self.now + timedelta(hours=self.model.h)

    def key(self) -> str:
        self.count += 1
        return f"k{self.count}"

    def both(self, name: str, real, model):
        """Do it in both; either both succeed or both refuse, and a refusal has the code the model expects."""
        try:
            expected = model()
        except No as no:
            with pytest.raises(Refused) as refusal:
                real()
            assert refusal.value.code in no.codes
            SEEN[f"{name}: {refusal.value.code}"] += 1
            return None
        made = real()
        SEEN[f"{name}: done"] += 1
        if expected is not None and hasattr(expected, "pk"):
            expected.pk = made.pk
            self.done.append((real, made.pk))
        return expected

    def entry(self, route: tuple[str, str], amount: int, expires_h: int | None, key: str) -> Entry:
        source, target = (self.cast[name] for name in route)
        lot = LotSpec(self.now + timedelta(hours=expires_h), "slot:s") if expires_h is not None else None
        return Entry(key, REASONS[route], "order:o", [Leg(source, -amount), Leg(target, amount, lot)])

    @initialize(money=st.integers(0, 20), hours=st.integers(0, 20), limit=st.integers(0, 15))
    def begin(self, money, hours, limit):
        """A little of everything: an empty life refuses nearly everything."""
        for route, amount in ((("bank", "w1"), money), (("bank", "w2"), 9), (("backing", "claims"), hours)):
            if amount:
                self.transfer_on(route, amount, 3)
        self.set_limit(limit)

    @rule(route=st.sampled_from(ROUTES), amount=AMOUNT, life_h=st.integers(1, 8))
    def transfer(self, route, amount, life_h):
        self.transfer_on(route, amount, life_h)

    def transfer_on(self, route, amount, life_h):
        expires_h = self.model.h + life_h if route == ("backing", "claims") else None
        entry, at = self.entry(route, amount, expires_h, self.key()), self.at
        made = self.both(
            f"transfer {route[0]}",
            lambda: actions.post(key=entry.key, reason=entry.reason, cause=entry.cause, legs=entry.legs, now=at),
            lambda: self.model.transfer(*route, amount, expires_h),
        )
        if made:
            self.journals.append(made)

    @rule(batch=st.lists(st.tuples(st.sampled_from(ROUTES[:-1]), AMOUNT), min_size=1, max_size=4))
    def post_many(self, batch):
        batch = [(route, amount) for route, amount in batch if route != ("backing", "claims")]
        entries = [self.entry(route, amount, None, self.key()) for route, amount in batch]
        results = actions.post_many(entries, now=self.at)
        assert len(results) == len(batch)
        for (route, amount), result in zip(batch, results, strict=True):
            try:
                made = self.model.transfer(*route, amount)
            except No as no:
                assert isinstance(result, Refused) and result.code in no.codes
                SEEN["post_many: refused"] += 1
            else:
                made.pk = result.pk
                self.journals.append(made)
                SEEN["post_many: done"] += 1

    @rule(
        name=st.sampled_from(["w1", "w2", "line", "claims"]),
        amount=AMOUNT,
        life_h=st.none() | st.integers(0, 3),
    )
    def hold(self, name, amount, life_h):
        self.hold_on(name, amount, life_h)

    def hold_on(self, name, amount, life_h):
        expires_h = None if life_h is None else self.model.h + life_h
        key, at = self.key(), self.at
        expires_at = None if expires_h is None else self.now + timedelta(hours=expires_h)
        made = self.both(
            "hold",
            lambda: actions.hold(
                key=key,
                account=self.cast[name],
                amount=amount,
                cause="order:o",
                now=at,
                expires_at=expires_at,
            ),
            lambda: self.model.hold(name, amount, expires_h),
        )
        if made:
            self.holds.append(made)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), amount=AMOUNT, final=st.booleans())
    def settle(self, data, amount, final):
        overdue = [h for h in self.holds if self.model.overdue(h)]
        self.settle_one(data.draw(st.sampled_from(self.holds[-4:] + overdue[-2:])), amount, final)

    def settle_one(self, hold, amount, final):
        key, at = self.key(), self.at
        name, reason = ("hours", "claim_spent") if hold.account == "claims" else ("order", "order_charge")
        made = self.both(
            "settle",
            lambda: actions.settle(
                key=key,
                hold=Hold.objects.get(pk=hold.pk),
                target=self.cast[name],
                amount=amount,
                reason=reason,
                now=at,
                final=final,
            ),
            lambda: self.model.settle(hold, amount, final),
        )
        if made:
            self.journals.append(made)

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def release(self, data):
        expired = [h for h in self.holds if h.state == "expired"]
        self.release_one(data.draw(st.sampled_from(self.holds[-4:] + expired[-2:])))

    def release_one(self, hold):
        key = self.key()

        def model():
            self.model.must_be_open(hold)
            self.model.resolve(hold, "released")

        self.both("release", lambda: actions.release(key=key, hold=Hold.objects.get(pk=hold.pk), now=self.at), model)

    @rule(settle=st.booleans(), swept=st.booleans())
    def come_too_late(self, settle, swept):
        """Something is reserved, the time passes, and only then somebody wants to use it or give it up."""
        self.hold_on("w2", 1, 1)
        self.model.h += 2
        if swept:
            self.sweep_all()
        if self.holds and settle:
            self.settle_one(self.holds[-1], 1, True)
        elif self.holds:
            self.release_one(self.holds[-1])

    @precondition(lambda self: self.journals)
    @rule(data=st.data())
    def reverse(self, data):
        self.reverse_one(data.draw(st.sampled_from(self.journals[-5:])))

    @rule(amount=AMOUNT)
    def regret(self, amount):
        """Hours earned by mistake, of which some may be spent by the time it is noticed."""
        self.transfer_on(("backing", "claims"), amount, 1)
        mistake = self.journals[-1]
        self.transfer_on(("backing", "claims"), amount, 5)
        self.transfer_on(("claims", "hours"), amount // 2 + 1, 0)
        self.reverse_one(mistake)

    @rule(amount=AMOUNT)
    def regret_a_payment(self, amount):
        """Money booked by mistake, of which most is spent by the time it is noticed."""
        self.transfer_on(("bank", "w2"), amount, 0)
        mistake = self.journals[-1]
        self.transfer_on(("w2", "order"), amount, 0)
        self.reverse_one(mistake)

    @rule(amount=AMOUNT)
    def ask_too_much(self, amount):
        """More is repaid than was owed, more is charged than was reserved."""
        self.transfer_on(("bank", "w1"), amount, 0)
        self.transfer_on(("w1", "line"), amount, 0)
        self.hold_on("w2", 1, None)
        if self.holds:
            self.settle_one(self.holds[-1], amount + 1, False)

    @rule(amount=AMOUNT, back=AMOUNT)
    def pledge(self, amount, back):
        """Hours go to a lender and some of them come back: rarely met when each move is drawn by itself."""
        self.transfer_on(("claims", "pledged"), amount, 0)
        self.transfer_on(("pledged", "claims"), back, 0)

    def reverse_one(self, journal):
        key = self.key()
        self.both(
            "reverse",
            lambda: actions.reverse(
                key=key, journal=Journal.objects.get(pk=journal.pk), reason="x", actor="user:1", now=self.at
            ),
            lambda: self.model.reverse(journal),
        )

    @rule(limit=st.integers(0, 15))
    def limit(self, limit):
        self.set_limit(limit)

    def set_limit(self, limit):
        actions.set_floor(account=self.cast["line"], floor=-limit, now=self.at)
        self.model.set_floor(-limit)
        SEEN["limit: excess" if self.model.accounts["line"].excess else "limit: set"] += 1

    @rule(hours=st.integers(1, 3))
    def time_passes(self, hours):
        self.model.h += hours

    @rule()
    def sweep(self):
        self.sweep_all()

    def sweep_all(self):
        due = [h for h in self.holds if self.model.overdue(h)]
        for hold in sorted(due, key=lambda h: h.expires_h):
            self.model.resolve(hold, "expired")
        assert actions.expire_holds(now=self.at) == len(due)
        lots = self.model.expire(self.model.lots)
        assert actions.expire_lots(now=self.at) == lots
        actions.roll_up()
        SEEN[f"sweep: {'holds' if due else 'no holds'}"] += 1
        SEEN[f"sweep: {'lots' if lots else 'no lots'}"] += 1

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data):
        call, pk = data.draw(st.sampled_from(self.done))
        assert call().pk == pk
        SEEN["repeat: same"] += 1

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def misuse_a_key(self, data):
        key = f"k{data.draw(st.integers(1, self.count))}"
        if Journal.objects.filter(key=key).exists():
            entry = self.entry(("bank", "w1"), 999, None, key)
            with pytest.raises(Refused) as refusal:
                actions.post(key=key, reason=entry.reason, cause=entry.cause, legs=entry.legs, now=self.at)
            assert refusal.value.code == "idempotency_conflict"
            SEEN["key: conflict"] += 1

    @invariant()
    def both_say_the_same(self):
        with connection.cursor() as c:
            c.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            c.execute(
                "SELECT a.id, a.posted + coalesce("
                "(SELECT sum(amount) FROM ledger_uncounted u WHERE u.account_id = a.id), 0),"
                " a.held, a.floor, a.excess FROM ledger_account a"
            )
            real = {row[0]: tuple(v if v is None else int(v) for v in row[1:]) for row in c.fetchall()}
        said = {name: real[account.pk] for name, account in self.cast.items()}
        assert said == {name: (a.posted, a.held, a.floor, a.excess) for name, a in self.model.accounts.items()}
        lots = Lot.objects.order_by("id").values_list("account_id", "remaining", "pinned")
        assert list(lots) == [(self.cast[lot.account].pk, lot.remaining, lot.pinned) for lot in self.model.lots]
        rows = Hold.objects.values_list("id", "state", "settled", "released")
        holds = {pk: rest for pk, *rest in rows}
        assert holds == {h.pk: [h.state, h.settled, h.released] for h in self.holds}


@pytest.fixture
def life(own_database, now, jiangnan, yongli):
    cast: dict[str, Account] = {
        "w1": actions.open(owner=jiangnan, kind="wallet"),
        "w2": actions.open(owner=yongli, kind="wallet"),
        "line": actions.open(owner=jiangnan, kind="credit_line"),
        "claims": actions.open(owner=yongli, kind="claims", asset=CPU),
        "pledged": actions.open(owner=yongli, kind="pledged", asset=CPU),
        "order": actions.open(owner=None, kind="clearing_order", ref="o"),
        "hours": actions.open(owner=None, kind="clearing_order", asset=CPU, ref="o"),
        "bank": actions.open(owner=None, kind="bank"),
        "backing": actions.open(owner=None, kind="claims_backing", asset=CPU),
    }
    SEEN.clear()
    return type("Life", (Life,), {"cast": cast, "now": now})


@pytest.fixture
def db(own_database):
    """The cast of this file is committed in a database of its own."""


MET = {
    f"{command}: {outcome}"
    for line in """
        transfer w1: done, insufficient_funds, above_ceiling
        transfer order: above_ceiling
        transfer line: insufficient_funds
        transfer claims: done, insufficient_hours
        transfer pledged: done
        post_many: done, refused
        hold: done, insufficient_funds, insufficient_hours, hold_expired
        settle: done, hold_exceeded, hold_resolved, hold_expired
        release: done, hold_resolved, hold_expired
        reverse: done, already_reversed, insufficient_funds, lot_spent
        limit: set, excess
        sweep: holds, lots
        repeat: same
        key: conflict
    """.strip().splitlines()
    for command, outcomes in [line.strip().split(": ")]
    for outcome in outcomes.split(", ")
}


def run(life, examples: int, steps: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=derandomize,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_books_and_the_model_say_the_same(life):
    run(life, 25, 40, derandomize=True)
    assert SEEN["transfer w1: done"] and SEEN["repeat: same"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_they_still_do_after_a_long_life_and_every_branch_was_met(life):
    run(life, 300, 60, derandomize=False)
    assert set() == MET - set(SEEN)
