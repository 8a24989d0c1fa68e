"""One journal: what it moves, what it refuses, and what the same key does."""

import pytest
from django.db import IntegrityError, transaction

from bank.ledger import actions, queries
from bank.ledger.actions import Leg
from bank.ledger.models import AMOUNT_MAX, LEGS_MAX, Journal
from portal.core.errors import Refused


def test_a_transfer_moves_exactly_the_amount(books, jiangnan):
    books.top_up(jiangnan, 79_000_001)
    journal = books.pay(books.wallet(jiangnan), 62_000_000)
    assert journal.public_id.startswith("jnl_")
    assert books.posted(books.wallet(jiangnan)) == 17_000_001
    assert books.posted(books.order()) == 62_000_000
    assert books.posted(books.bank) == -79_000_001
    assert [p.amount for p in journal.postings.order_by("id")] == [-62_000_000, 62_000_000]


def test_a_journal_of_several_legs_distributes_to_the_last_unit(books, jiangnan, yongli):
    books.top_up(jiangnan, 100)
    books.pay(books.wallet(jiangnan), 100)
    due, fees = actions.open(owner=yongli, kind="provider_due"), actions.open(owner=None, kind="fees")
    rounding = actions.open(owner=None, kind="rounding")
    legs = [Leg(books.order(), -100), Leg(due, 91), Leg(fees, 8), Leg(rounding, 1)]
    actions.post(key="share", reason="distribution", cause="order:ord_1", legs=legs, now=books.now)
    assert [books.posted(a) for a in (books.order(), due, fees, rounding)] == [0, 91, 8, 1]


def test_a_journal_may_move_two_assets_each_in_balance(books, jiangnan, yongli):
    """Cash becomes the reserve's, hours become the depositor's: backing and claim in one journal."""
    books.top_up(jiangnan, 100)
    books.pay(books.wallet(jiangnan), 100)
    reserve = actions.open(owner=None, kind="reserve")
    lot = actions.LotSpec(books.now.replace(year=2027), "slot:slt_1")
    legs = [
        Leg(books.order(), -100),
        Leg(reserve, 100),
        Leg(books.backing, -3_600_000),
        Leg(books.claims(yongli), 3_600_000, lot),
    ]
    actions.post(key="claim", reason="claim_earned", cause="slot:slt_1", legs=legs, now=books.now)
    assert (books.posted(reserve), books.posted(books.claims(yongli))) == (100, 3_600_000)


def test_it_refuses_more_than_there_is_and_says_what_is_missing(books, jiangnan, totals):
    books.top_up(jiangnan, 100_000_000)
    books.hold(books.wallet(jiangnan), 40_000_000)
    before = totals()
    with pytest.raises(Refused) as refusal:
        books.pay(books.wallet(jiangnan), 79_000_000)
    assert refusal.value.code == "insufficient_funds"
    amounts = {k: v for k, v in refusal.value.params.items() if k.endswith("_uy")}
    assert amounts == {"needed_uy": 79_000_000, "available_uy": 60_000_000, "missing_uy": 19_000_000}
    assert totals() == before


@pytest.mark.parametrize("amount", [0, -1])
def test_it_refuses_an_amount_that_is_not_positive(books, jiangnan, totals, amount):
    books.top_up(jiangnan, 10)
    before = totals()
    with pytest.raises(Refused) as refusal:
        books.pay(books.wallet(jiangnan), amount)
    assert refusal.value.code == "amount_not_positive"
    assert totals() == before


@pytest.mark.parametrize(
    ("amounts", "code"),
    [
        ([], "journal_empty"),
        ([5], "journal_empty"),
        ([-5, 4], "journal_unbalanced"),
        ([-5, 0, 5], "amount_not_positive"),
        ([-AMOUNT_MAX - 1, AMOUNT_MAX + 1], "amount_too_large"),
        ([-1, 1] * (LEGS_MAX // 2 + 1), "amount_too_large"),
    ],
)
def test_it_refuses_what_is_no_movement(books, jiangnan, totals, amounts, code):
    books.top_up(jiangnan, 100)
    accounts = [books.bank, books.wallet(jiangnan)]
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.post(
            key="k",
            reason="top_up",
            cause="payment:pay_1",
            now=books.now,
            legs=[Leg(accounts[amount > 0], amount) for amount in amounts],
        )
    assert refusal.value.code == code
    assert totals() == before


def test_it_refuses_to_turn_one_asset_into_another(books, yongli, totals):
    before_open = books.bank, books.backing
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.post(
            key="k",
            reason="top_up",
            cause="payment:pay_1",
            now=books.now,
            legs=[Leg(before_open[0], -5), Leg(before_open[1], 5)],
        )
    assert refusal.value.code == "journal_unbalanced"
    assert totals() == before


@pytest.mark.parametrize("reason", ["top_up", "payout", "reversal"])
def test_it_refuses_a_route_that_is_not_listed(books, jiangnan, yongli, totals, reason):
    books.top_up(jiangnan, 100)
    books.wallet(yongli)
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.transfer(
            key="k",
            reason=reason,
            cause="order:ord_1",
            source=books.wallet(jiangnan),
            target=books.wallet(yongli),
            amount=5,
            now=books.now,
        )
    assert refusal.value.code == "route_not_listed"
    assert totals() == before


def test_the_same_key_returns_the_first_journal(books, jiangnan, totals):
    first = books.top_up(jiangnan, 100, key="k")
    before = totals()
    again = books.top_up(jiangnan, 100, key="k")
    assert (again.pk, again.at) == (first.pk, first.at)
    assert totals() == before


def test_a_repetition_is_recognised_although_the_money_is_gone(books, jiangnan):
    """The key is looked at before the balance."""
    books.top_up(jiangnan, 100)
    first = books.pay(books.wallet(jiangnan), 100, key="k")
    assert books.pay(books.wallet(jiangnan), 100, key="k").pk == first.pk


@pytest.mark.parametrize("change", ["amount", "target", "reason", "cause", "memo"])
def test_the_same_key_for_something_else_is_refused(books, jiangnan, totals, change):
    books.top_up(jiangnan, 1000)
    said = {
        "reason": "order_charge",
        "cause": "order:ord_1",
        "source": books.wallet(jiangnan),
        "amount": 100,
        "target": books.order(),
        "memo": None,
    }
    actions.transfer(key="k", now=books.now, **said)
    said |= {
        "amount": {"amount": 101},
        "target": {"target": books.order("ord_2")},
        "reason": {"reason": "withdrawal", "target": books.bank},
        "cause": {"cause": "order:ord_2"},
        "memo": {"memo": {"note": "x"}},
    }[change]
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.transfer(key="k", now=books.now, **said)
    assert refusal.value.code == "idempotency_conflict"
    assert totals() == before


def test_a_refused_transfer_leaves_its_key_free(books, jiangnan):
    with pytest.raises(Refused):
        books.pay(books.wallet(jiangnan), 100, key="k")
    books.top_up(jiangnan, 100)
    books.pay(books.wallet(jiangnan), 100, key="k")
    assert books.posted(books.wallet(jiangnan)) == 0


def test_a_refusal_leaves_the_transaction_around_it_usable(books, jiangnan):
    from django.db import transaction

    with transaction.atomic():
        books.top_up(jiangnan, 100)
        with pytest.raises(Refused):
            books.pay(books.wallet(jiangnan), 101)
        books.pay(books.wallet(jiangnan), 100)
    assert books.posted(books.wallet(jiangnan)) == 0


def test_a_system_account_collects_without_touching_its_row_until_it_is_rolled_up(books, jiangnan):
    for _ in range(3):
        books.top_up(jiangnan, 7)
    bank = books.bank
    assert bank.posted == 0
    assert books.posted(bank) == -21
    assert actions.roll_up(limit=2) == 2
    assert actions.roll_up() == 1
    assert actions.roll_up() == 0
    bank.refresh_from_db()
    assert (bank.posted, books.posted(bank)) == (-21, -21)


def test_a_transfer_is_one_statement(books, jiangnan, django_assert_num_queries):
    books.top_up(jiangnan, 100)
    wallet, order = books.wallet(jiangnan), books.order()
    with django_assert_num_queries(1):
        books.pay(wallet, 5, target=order)


def test_postings_keep_the_order_of_their_legs(books, jiangnan):
    wallet, bank = books.wallet(jiangnan), books.bank
    legs = [Leg(wallet, 3), Leg(bank, -8), Leg(wallet, 5)]
    journal = actions.post(key="k", reason="top_up", cause="payment:pay_1", legs=legs, now=books.now)
    assert [(p.account_id, p.amount) for p in journal.postings.order_by("id")] == [
        (wallet.pk, 3),
        (bank.pk, -8),
        (wallet.pk, 5),
    ]


def test_every_asset_sums_to_zero_over_the_trial_balance(books, jiangnan, yongli):
    books.top_up(jiangnan, 1000)
    books.pay(books.wallet(jiangnan), 300)
    books.earn(yongli, 3_600_000)
    for asset in queries.assets():
        assert sum(line.posted for line in queries.trial_balance(asset)) == 0
    assert Journal.objects.count() == 3


def test_a_movement_that_could_not_be_written_is_an_error_and_not_a_success(books, jiangnan, totals, monkeypatch):
    books.top_up(jiangnan, 100)
    wallet, order = books.wallet(jiangnan), books.order()
    monkeypatch.setattr(actions.posting, "public_id", lambda prefix: "jnl_taken")
    books.pay(wallet, 10)
    before = totals()
    with pytest.raises(IntegrityError, match="its name is taken"), transaction.atomic():
        books.pay(wallet, 10, target=order)
    assert totals() == before
