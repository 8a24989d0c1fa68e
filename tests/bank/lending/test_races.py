"""Many at once: one loan, no more repaid than owed, nothing both pledged and spent, no limit passed."""

import pytest

from bank.ledger import actions as ledger
from bank.ledger.models import Account
from bank.lending import actions, queries
from bank.lending.models import Loan
from marketplace.billing import actions as billing

from .conftest import ACTOR, HOUR, YUAN


@pytest.fixture
def db(own_database):
    """Races need commits that are real."""
    return own_database


@pytest.mark.slow
def test_two_acceptances_at_once_are_one_loan(desk, at_once):
    offer = desk.offer(desk.apply())
    results = at_once(8, lambda n: actions.accept(offer=offer, now=desk.now, actor=ACTOR))
    assert len({loan.pk for loan in results}) == 1 and desk.wallet() == 400 * YUAN


@pytest.mark.slow
def test_repayments_at_once_never_pay_more_than_is_owed(desk, at_once):
    loan = desk.loan()
    desk.books.top_up(desk.borrower, 1000 * YUAN)
    results = at_once(6, lambda n: desk.repay(loan, 150 * YUAN, key=str(n)))
    refused = [r.code for r in results if isinstance(r, Exception)]
    assert len(refused) == 4 and set(refused) == {"more_than_owed"}
    assert queries.position(Loan.objects.get(), desk.now).debt_uy == 100 * YUAN
    assert desk.wallet() == 1100 * YUAN


@pytest.mark.slow
def test_hours_pledged_and_spent_at_once_are_used_once(desk, at_once):
    claims = desk.books.claims(desk.borrower)

    def one(n):
        if n % 2:
            return desk.apply(hours=60, amount_uy=YUAN)
        return ledger.hold(key=f"spend-{n}", account=claims, amount=60 * HOUR, cause=f"order:ord_{n}", now=desk.now)

    results = at_once(8, one)
    assert sum(not isinstance(r, Exception) for r in results) == 3
    assert {r.code for r in results if isinstance(r, Exception)} == {"insufficient_hours"}
    held = Account.objects.get(pk=claims.pk).held
    assert desk.hours() + desk.hours("pledged") == 200 * HOUR and desk.hours() - held == 20 * HOUR


@pytest.mark.slow
def test_twenty_orders_at_once_never_pass_the_limit(at_once, jiangnan, now):
    billing.ensure_wallet(jiangnan, now)  # CNY 100
    actions.set_limit(organisation=jiangnan, limit_uy=200 * YUAN, reason="regular", now=now, actor=ACTOR)

    def one(n):
        return billing.fund(cause=f"order:ord_{n}", organisation=jiangnan, amount=30 * YUAN, now=now)

    results = at_once(20, one)
    assert sum(not isinstance(r, Exception) for r in results) == 10
    assert {r.code for r in results if isinstance(r, Exception)} == {"insufficient_funds"}
    assert queries.credit(jiangnan).left_uy == 0
