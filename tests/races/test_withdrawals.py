"""Cash out, asked for, taken back and paid by many at once."""

from datetime import date

import pytest

from bank.ledger import proof
from bank.ledger import queries as books
from marketplace.billing import actions as billing
from marketplace.billing import withdrawals
from marketplace.billing.models import Withdrawal
from portal.core.errors import Refused
from tests.conftest import make_user
from tests.races.test_last_unit import ran

YUAN = 1_000_000


@pytest.fixture
def rich(funded, now):
    """CNY 100 of welcome credit and CNY 500 of its own."""
    topup = billing.request_topup(organisation=funded, amount_uy=500 * YUAN, user=None, now=now, actor="user:1")
    billing.book_payment(topup=topup, amount_uy=500 * YUAN, bank_reference="B-1", now=now, actor="user:1")
    return funded


@pytest.fixture
def ask(rich, now):
    def one(key: str, amount_uy: int = 90 * YUAN) -> Withdrawal:
        return withdrawals.ask(
            organisation=rich, amount_uy=amount_uy, bank_name="ICBC", account_number="62220211020033", key=key,
            user=None, now=now, actor="user:1",
        )  # fmt: skip

    return one


def wallet(company) -> tuple[int, int]:
    found = books.balance(billing.wallet_of(company))
    return found.posted, found.held


def wrong() -> list:
    return [found for found in proof.prove() if found.wrong]


@pytest.mark.slow
def test_twenty_withdrawals_at_once_never_pass_what_can_be_withdrawn(ask, rich, at_once):
    results = at_once(20, lambda n: ask(str(n)))
    assert len(ran(results)) == 5
    assert {r.code for r in results if isinstance(r, Refused)} == {"more_than_withdrawable"}
    assert wallet(rich) == (600 * YUAN, 450 * YUAN)


@pytest.mark.slow
def test_one_request_sent_ten_times_at_once_is_one(ask, rich, at_once):
    assert len({r.pk for r in ran(at_once(10, lambda n: ask("same")))}) == 1
    assert wallet(rich) == (600 * YUAN, 90 * YUAN)


@pytest.mark.slow
def test_orders_and_withdrawals_at_once_never_pay_out_the_welcome_credit(ask, rich, at_once, now):
    def act(n: int) -> object:
        if n % 2:
            return ask(str(n))
        return billing.fund(cause=f"order:{n}", organisation=rich, amount=90 * YUAN, now=now)

    ran(at_once(16, act))
    assert Withdrawal.objects.count() <= 5
    assert wallet(rich)[1] <= 600 * YUAN


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(3))
def test_taken_back_and_paid_at_once_exactly_one_wins(ask, rich, chen, at_once, now, turn):
    made = ask("1")

    def act(n: int) -> Withdrawal:
        mine = Withdrawal.objects.get(pk=made.pk)
        if n % 2:
            return withdrawals.take_back(withdrawal=mine, now=now, actor="user:1")
        begun = withdrawals.begin(withdrawal=mine, user=chen, now=now)
        return withdrawals.pay(
            withdrawal=begun, bank_reference="OUT-1", paid_on=date(2026, 11, 23), user=chen, now=now
        )

    done = ran(at_once(8, act))
    made.refresh_from_db()
    assert {w.state for w in done} == {made.state}
    assert wallet(rich) == ((600 * YUAN, 0) if made.state == "taken_back" else (510 * YUAN, 0))
    assert wrong() == []


@pytest.mark.slow
def test_refused_and_paid_by_many_at_once_it_ends_once(ask, rich, chen, at_once, now):
    made = withdrawals.begin(withdrawal=ask("1"), user=chen, now=now)
    people = [make_user(f"p{n}@suanli.test", is_staff=True) for n in range(8)]

    def act(n: int) -> Withdrawal:
        mine = Withdrawal.objects.get(pk=made.pk)
        if n % 2:
            return withdrawals.refuse(withdrawal=mine, reason=f"no {n}", user=people[n], now=now)
        return withdrawals.pay(
            withdrawal=mine, bank_reference=f"OUT-{n}", paid_on=date(2026, 11, 23), user=people[n], now=now
        )

    assert len(ran(at_once(8, act))) == 1
    made.refresh_from_db()
    assert wallet(rich) == ((510 * YUAN, 0) if made.state == "paid" else (600 * YUAN, 0))
    assert wrong() == []


@pytest.mark.slow
def test_a_transfer_comes_back_once_whoever_says_so(ask, rich, chen, at_once, now):
    made = withdrawals.begin(withdrawal=ask("1"), user=chen, now=now)
    day = date(2026, 11, 23)
    withdrawals.pay(withdrawal=made, bank_reference="OUT-1", paid_on=day, user=chen, now=now)

    def act(n: int) -> Withdrawal:
        mine = Withdrawal.objects.get(pk=made.pk)
        return withdrawals.came_back(withdrawal=mine, reason="Wrong number.", user=chen, now=now)

    assert ran(at_once(8, act))
    assert wallet(rich) == (600 * YUAN, 0)
    assert wrong() == []
