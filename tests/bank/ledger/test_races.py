"""Many at once on real connections and real commits."""

import pytest

from bank.ledger import actions, proof, queries
from bank.ledger.models import Account, Hold, Journal
from portal.core.errors import Refused


@pytest.fixture
def db(own_database):
    """The cast and the books of this file live in a database of their own."""


def sound() -> None:
    assert [str(o.wrong) for o in proof.prove() if o.wrong] == []


def codes(results) -> list[str]:
    assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, Refused)]
    return sorted(r.code for r in results if isinstance(r, Refused))


def test_thirty_paying_from_one_wallet_never_pass_its_floor(books, jiangnan, at_once):
    books.top_up(jiangnan, 100)
    wallet, order = books.wallet(jiangnan), books.order()
    results = at_once(30, lambda i: books.pay(wallet, 7, target=order, key=f"pay-{i}"))
    assert codes(results) == ["insufficient_funds"] * 16
    assert (books.posted(wallet), books.posted(order)) == (100 - 14 * 7, 14 * 7)
    sound()


def test_thirty_reserving_the_same_money_never_reserve_more_than_there_is(books, jiangnan, at_once):
    books.top_up(jiangnan, 100)
    wallet = books.wallet(jiangnan)
    results = at_once(30, lambda i: books.hold(wallet, 30, key=f"hold-{i}"))
    assert codes(results) == ["insufficient_funds"] * 27
    assert (books.held(wallet), Hold.objects.count()) == (90, 3)
    sound()


@pytest.mark.parametrize("source", ["bank", "wallet"])
def test_the_same_key_twenty_times_is_one_journal(books, jiangnan, at_once, source):
    books.top_up(jiangnan, 100, key="before")
    wallet, order, bank = books.wallet(jiangnan), books.order(), books.bank
    if source == "wallet":
        results = at_once(20, lambda i: books.pay(wallet, 60, target=order, key="once"))
    else:  # an account that nobody locks
        fees, grants = wallet, bank
        results = at_once(
            20,
            lambda i: actions.transfer(
                key="once",
                reason="top_up",
                cause="payment:pay_1",
                source=grants,
                target=fees,
                amount=60,
                now=books.now,
            ),
        )
    assert codes(results) == []
    assert len({r.pk for r in results}) == 1
    assert Journal.objects.filter(key="once").count() == 1
    assert books.posted(wallet) == (40 if source == "wallet" else 160)
    sound()


def test_the_same_hold_key_twenty_times_is_one_hold(books, jiangnan, at_once):
    books.top_up(jiangnan, 100)
    wallet = books.wallet(jiangnan)
    results = at_once(20, lambda i: books.hold(wallet, 60, key="once"))
    assert len({r.pk for r in results}) == 1
    assert books.held(wallet) == 60


def test_two_reversals_at_once_are_one(books, jiangnan, at_once):
    journals = [books.top_up(jiangnan, 10) for _ in range(10)]
    results = at_once(
        20,
        lambda i: actions.reverse(
            key=f"undo-{i}", journal=journals[i % 10], reason="twice", actor="user:1", now=books.now
        ),
    )
    assert codes(results) == ["already_reversed"] * 10
    assert books.posted(books.wallet(jiangnan)) == 0
    assert books.posted(books.bank) == 0
    sound()


def test_a_hold_charged_released_and_expired_at_once_resolves_once(books, jiangnan, at_once, later):
    books.top_up(jiangnan, 100)
    wallet, order = books.wallet(jiangnan), books.order()
    for round_ in range(5):
        hold = books.hold(wallet, 10, expires_at=later(minutes=1))

        def resolve(i: int, hold=hold, round_=round_):
            mine = Hold.objects.select_related("account").get(pk=hold.pk)
            if i % 3 == 0:
                return books.settle(mine, 10, target=order, key=f"s-{round_}-{i}")
            if i % 3 == 1:
                return actions.release(key=f"r-{round_}-{i}", hold=mine, now=books.now)
            return actions.expire_holds(now=later(minutes=1))

        results = at_once(9, resolve)
        assert len([r for r in results if isinstance(r, Refused)]) >= 5
        codes(results)
        hold.refresh_from_db()
        assert hold.left == 0
        assert hold.settled in (0, 10)
    assert books.held(wallet) == 0
    assert books.posted(wallet) + books.posted(order) == 100
    sound()


def test_the_same_account_opened_by_twenty_is_one(jiangnan, at_once):
    results = at_once(20, lambda i: actions.open(owner=jiangnan, kind="wallet"))
    assert len({r.pk for r in results}) == 1
    assert Account.objects.count() == 1


def test_the_same_hours_spent_by_ten_are_spent_once(books, yongli, at_once):
    for n in range(5):
        books.earn(yongli, 10, days=n + 1)
    claims, order = books.claims(yongli), books.order(asset="CH:CPU")
    results = at_once(
        10,
        lambda i: actions.transfer(
            key=f"spend-{i}",
            reason="claim_spent",
            cause="order:ord_1",
            source=claims,
            target=order,
            amount=8,
            now=books.now,
        ),
    )
    assert codes(results) == ["insufficient_hours"] * 4
    assert books.posted(claims) == 2
    assert sum(lot.remaining for lot in queries.open_lots(claims)) == 2
    sound()


def test_transfers_in_both_directions_and_batches_do_not_deadlock(books, jiangnan, yongli, at_once):
    wallets = [books.wallet(jiangnan), books.wallet(yongli)]
    for company in (jiangnan, yongli):
        books.top_up(company, 1000)
    orders = [books.order("ord_1"), books.order("ord_2")]

    def work(i: int):
        done = []
        for n in range(15):
            key = f"{i}-{n}"
            a, b = (wallets[i % 2], orders[(i + n) % 2])
            if n % 3 == 2:
                done += actions.post_many(
                    [
                        actions.Entry(
                            f"{key}-{m}",
                            "order_charge",
                            "order:ord_1",
                            [actions.Leg(w, -1), actions.Leg(o, 1)],
                        )
                        for m, (w, o) in enumerate([(wallets[m % 2], orders[(m + i) % 2]) for m in range(4)])
                    ],
                    now=books.now,
                )
            elif n % 3 == 1:
                legs = [
                    actions.Leg(orders[0], -1),
                    actions.Leg(orders[1], -1),
                    actions.Leg(wallets[0], 1),
                    actions.Leg(wallets[1], 1),
                ]
                try:
                    done.append(
                        actions.post(
                            key=key,
                            reason="order_refund",
                            cause="order:ord_1",
                            legs=legs[::-1] if i % 2 else legs,
                            now=books.now,
                        )
                    )
                except Refused as refusal:
                    done.append(refusal)
            else:
                done.append(books.pay(a, 1, target=b, key=key))
        return len(done)

    results = at_once(8, work)
    assert [r for r in results if isinstance(r, Exception)] == []
    assert sum(books.posted(a) for a in [*wallets, *orders]) == 2000
    actions.roll_up()
    sound()


def test_the_sweep_rolls_up_while_others_post(books, jiangnan, at_once):
    wallet = books.wallet(jiangnan)
    bank = books.bank

    def work(i: int):
        for n in range(20):
            if i == 0:
                actions.roll_up()
            else:
                actions.transfer(
                    key=f"{i}-{n}",
                    reason="top_up",
                    cause="payment:pay_1",
                    source=bank,
                    target=wallet,
                    amount=1,
                    now=books.now,
                )

    assert at_once(6, work) == [None] * 6
    assert (books.posted(bank), books.posted(wallet)) == (-100, 100)
    actions.roll_up()
    bank.refresh_from_db()
    assert bank.posted == -100
    sound()
