"""Lent money may be taken to the bank; not while a loan asks for more, or is behind its plan."""

import pytest

from bank.ledger import actions as ledger
from bank.lending import actions
from marketplace.billing import queries, withdrawals
from marketplace.billing.models import Withdrawal
from marketplace.billing.purses import wallet_of
from portal.core.errors import Refused
from portal.core.words import local

from .conftest import YUAN


@pytest.fixture
def withdraw(desk):
    def ask(amount_uy: int, now, key: str = "1") -> Withdrawal:
        return withdrawals.ask(
            organisation=desk.borrower, amount_uy=amount_uy, bank_name="ICBC", account_number="62220211", key=key,
            user=None, now=now, actor="user:1",
        )  # fmt: skip

    return ask


def refused(act, desk) -> Refused:
    with pytest.raises(Refused) as refusal:
        act()
    assert (Withdrawal.objects.count(), desk.wallet()) == (0, 400 * YUAN)
    return refusal.value


def test_lent_money_can_be_withdrawn(desk, withdraw, now):
    desk.loan()
    assert queries.withdrawable(desk.borrower).most_uy == 400 * YUAN
    assert withdraw(400 * YUAN, now).state == "asked"


def test_a_loan_behind_its_plan_keeps_cash_in_until_it_is_repaid(desk, withdraw, later):
    loan = desk.loan()
    assert withdrawals.objection(desk.borrower, later(days=30)) is None
    late = later(days=31)
    said = refused(lambda: withdraw(100 * YUAN, late), desk)
    assert (said.code, said.params) == ("withdrawal_loan_overdue", {"due_uy": 69_140_000})
    desk.repay(loan, said.params["due_uy"], now=late)
    assert withdraw(100 * YUAN, late).state == "asked"


def test_past_the_last_instalment_all_that_is_owed_is_overdue(desk, withdraw, later):
    desk.loan(months=6)
    said = refused(lambda: withdraw(100 * YUAN, later(days=200)), desk)
    assert said.code == "withdrawal_loan_overdue"
    assert said.params["due_uy"] > 400 * YUAN


def test_a_margin_call_keeps_cash_in_until_it_is_answered(desk, withdraw, now, later):
    loan = desk.loan()
    desk.index(5 * YUAN)
    actions.check_margins(now=now)
    said = refused(lambda: withdraw(100 * YUAN, now), desk)
    assert said.code == "withdrawal_margin_call"
    desk.repay(loan, said.params["due_uy"], now=now)
    assert withdraw(100 * YUAN, now).state == "asked"


def test_a_loan_repaid_with_the_gift_leaves_a_sum_that_adds_up(desk, withdraw, chen, now):
    loan = desk.loan()
    wallet = wallet_of(desk.borrower)
    grants = ledger.open(owner=None, kind="grants")
    legs = [ledger.Leg(grants, -100 * YUAN), ledger.Leg(wallet, 100 * YUAN)]
    ledger.post(key="gift", reason="welcome_credit", cause="org:1", legs=legs, now=now)
    going = withdraw(400 * YUAN, now)
    withdrawals.begin(withdrawal=going, user=chen, now=now)
    withdrawals.pay(withdrawal=going, bank_reference="B-1", paid_on=local(now).date(), user=chen, now=now)
    desk.repay(loan, 30 * YUAN, now=now)
    found = queries.withdrawable(desk.borrower)
    assert (found.available_uy, found.gift_uy, found.most_uy) == (70 * YUAN, 70 * YUAN, 0)
