"""The credit limit: used last, exactly down to its end, repaid from the wallet."""

import pytest

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.lending import actions, queries
from bank.lending.models import CreditLimit
from marketplace.billing import actions as billing
from portal.core.errors import Refused
from portal.history.models import Step

from .conftest import ACTOR, YUAN


def grant(company, now, limit_uy=200 * YUAN, reason="regular customer"):
    return actions.set_limit(organisation=company, limit_uy=limit_uy, reason=reason, now=now, actor="user:9")


@pytest.fixture
def company(jiangnan, now):
    billing.ensure_wallet(jiangnan, now)  # CNY 100
    grant(jiangnan, now)
    return jiangnan


def drawn(company, now, amount, key="draw"):
    line = ledger.open(owner=company, kind="credit_line")
    ledger.transfer(
        key=key,
        reason="order_charge",
        cause="order:ord_9",
        source=line,
        target=billing.clearing_of("order:ord_9"),
        amount=amount,
        now=now,
    )


def test_an_order_takes_the_wallet_first_and_then_the_credit(company, now):
    parts = billing.fund(cause="order:ord_1", organisation=company, amount=150 * YUAN, now=now)
    assert [(p.hold.account.kind, p.hold.amount) for p in parts] == [
        ("wallet", 100 * YUAN),
        ("credit_line", 50 * YUAN),
    ]


def test_it_goes_down_to_the_limit_exactly(company, now):
    billing.fund(cause="order:ord_1", organisation=company, amount=300 * YUAN, now=now)
    assert queries.credit(company).left_uy == 0


def test_and_not_one_micro_yuan_further(company, now, totals):
    before = totals()
    with pytest.raises(Refused) as refused:
        billing.fund(cause="order:ord_1", organisation=company, amount=300 * YUAN + 1, now=now)
    assert refused.value.code == "insufficient_funds" and refused.value.params["missing_uy"] == 1
    assert totals() == before


def test_a_lower_limit_stops_drawing_and_keeps_what_is_owed(company, now):
    drawn(company, now, 150 * YUAN)
    grant(company, now, 100 * YUAN, "two late payments")
    credit = queries.credit(company)
    assert (credit.limit_uy, credit.used_uy, credit.left_uy) == (100 * YUAN, 150 * YUAN, 0)
    with pytest.raises(Refused):
        drawn(company, now, 1, "more")


def test_every_change_keeps_who_when_and_why(company, now):
    grant(company, now, 50 * YUAN, "smaller")
    rows = list(CreditLimit.objects.values_list("limit_uy", "before_uy", "reason", "actor"))
    assert rows == [
        (50 * YUAN, 200 * YUAN, "smaller", "user:9"),
        (200 * YUAN, 0, "regular customer", "user:9"),
    ]
    assert Step.objects.filter(reason="credit_limit").count() == 2


@pytest.mark.parametrize(
    ("limit", "reason", "code"),
    [(-1, "x", "limit_out_of_range"), (10**14, "x", "limit_out_of_range"), (1, "  ", "reason_needed")],
)
def test_a_senseless_limit_is_refused(jiangnan, now, totals, limit, reason, code):
    before = totals()
    with pytest.raises(Refused) as refused:
        grant(jiangnan, now, limit, reason)
    assert refused.value.code == code and totals() == before and not CreditLimit.objects.exists()


def test_repaying_moves_from_the_wallet_once_for_a_key(company, now):
    drawn(company, now, 80 * YUAN)
    for _ in range(2):
        actions.repay_credit(organisation=company, amount_uy=30 * YUAN, key="k", now=now, actor=ACTOR)
    assert queries.credit(company).used_uy == 50 * YUAN
    assert books.balance(billing.wallet_of(company)).posted == 70 * YUAN


def test_more_than_is_used_cannot_be_repaid(company, now, totals):
    drawn(company, now, 80 * YUAN)
    before = totals()
    with pytest.raises(Refused) as refused:
        actions.repay_credit(organisation=company, amount_uy=80 * YUAN + 1, key="k", now=now, actor=ACTOR)
    assert (refused.value.code, refused.value.params) == ("more_than_owed", {"owed_uy": 80 * YUAN})
    assert totals() == before
