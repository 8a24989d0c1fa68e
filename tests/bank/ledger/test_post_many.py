"""A batch has the result of posting one after the other, entry by entry."""

import pytest

from bank.ledger import actions
from bank.ledger.actions import Entry, Leg
from bank.ledger.models import Journal
from portal.core.errors import Refused


def entry(books, source, target, amount, key=None, reason="order_charge", cause="order:ord_1"):
    return Entry(key or next(books.keys), reason, cause, [Leg(source, -amount), Leg(target, amount)])


def test_a_batch_of_new_entries_is_written_in_one_statement(books, jiangnan, django_assert_max_num_queries):
    books.top_up(jiangnan, 1000)
    wallet, order = books.wallet(jiangnan), books.order()
    batch = [entry(books, wallet, order, n) for n in range(1, 21)]
    with django_assert_max_num_queries(5):  # one, and two savepoints
        results = actions.post_many(batch, now=books.now)
    assert [r.key for r in results] == [e.key for e in batch]
    stored = {j.pk: j for j in Journal.objects.filter(pk__in=[r.pk for r in results])}
    for result in results:  # as it was read, field by field
        assert {f.attname: getattr(result, f.attname) for f in Journal._meta.concrete_fields} == {
            f.attname: getattr(stored[result.pk], f.attname) for f in Journal._meta.concrete_fields}  # fmt: skip
    assert [[p.amount for p in r.postings.order_by("id")] for r in results] == [[-n, n] for n in range(1, 21)]
    assert books.posted(wallet) == 1000 - 210


def test_each_entry_has_its_own_result(books, jiangnan, yongli, totals):
    books.top_up(jiangnan, 100)
    wallet, order = books.wallet(jiangnan), books.order()
    done = books.pay(wallet, 10, key="done")
    results = actions.post_many(
        [
            entry(books, wallet, order, 60, key="a"),
            entry(books, wallet, order, 31, key="b"),  # one more than is left
            entry(books, wallet, order, 10, key="done"),  # a repetition
            entry(books, wallet, order, 11, key="done"),  # another under the same key
            entry(books, wallet, books.wallet(yongli), 1, key="c"),  # no such route
            entry(books, wallet, order, 30, key="d"),
        ],
        now=books.now,
    )
    assert [r.code if isinstance(r, Refused) else r.key for r in results] == [
        "a",
        "insufficient_funds",
        "done",
        "idempotency_conflict",
        "route_not_listed",
        "d",
    ]
    assert results[2].pk == done.pk
    assert books.posted(wallet) == 0


def test_money_that_comes_in_before_may_go_out_after(books, jiangnan):
    bank, wallet, order = books.bank, books.wallet(jiangnan), books.order()
    into = entry(books, bank, wallet, 50, reason="top_up", cause="payment:pay_1")
    results = actions.post_many([into, entry(books, wallet, order, 50)], now=books.now)
    assert all(isinstance(r, Journal) for r in results)
    results = actions.post_many(
        [
            entry(books, wallet, order, 5),
            entry(books, bank, wallet, 5, reason="top_up", cause="payment:pay_2"),
        ],
        now=books.now,
    )
    assert isinstance(results[0], Refused)
    assert books.posted(wallet) == 5


@pytest.mark.parametrize("copies", [2, 3])
def test_the_same_entry_twice_in_a_batch_is_written_once(books, jiangnan, copies):
    books.top_up(jiangnan, 100)
    same = entry(books, books.wallet(jiangnan), books.order(), 40, key="same")
    results = actions.post_many([same] * copies, now=books.now)
    assert len({r.pk for r in results}) == 1
    assert books.posted(books.wallet(jiangnan)) == 60


def test_a_batch_with_lots_consumes_them(books, yongli):
    books.earn(yongli, 100, days=1)
    claims, order = books.claims(yongli), books.order(asset="CH:CPU")
    results = actions.post_many(
        [entry(books, claims, order, 60, reason="claim_spent") for _ in range(2)], now=books.now
    )
    assert [isinstance(r, Refused) for r in results] == [False, True]
    assert books.posted(claims) == 40


def test_an_empty_batch_is_nothing(db, now):
    assert actions.post_many([], now=now) == []
