"""Which part of a payment was the gift and which the company's own money: by decision 0016, gifts are spent first."""

import re

import pytest

from bank.ledger import actions as ledger
from bank.ledger.chart import Reason
from bank.ledger.models import Journal
from marketplace.billing import actions as billing
from marketplace.billing import gifts, queries
from marketplace.billing.gifts import Paid
from portal import policy
from tests.portal.home.test_staff import deliver

pytestmark = pytest.mark.django_db
YUAN = 1_000_000
GIFT = policy.WELCOME_CREDIT_UY


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def pay(jiangnan, now):
    """A payment of a cause out of the wallet, as an order makes it."""
    billing.ensure_wallet(jiangnan, now)
    topup = billing.request_topup(organisation=jiangnan, amount_uy=500 * YUAN, user=None, now=now, actor="user:1")
    billing.book_payment(topup=topup, amount_uy=500 * YUAN, bank_reference="B-1", now=now, actor="user:1")

    def charge(cause: str, amount_uy: int) -> Journal:
        hold = billing.fund(cause=cause, organisation=jiangnan, amount=amount_uy, now=now)[0].hold
        return ledger.settle(
            key=f"charge:{cause}", hold=hold, target=billing.clearing_of(cause), amount=amount_uy,
            reason=Reason.ORDER_CHARGE, now=now, final=True,
        )  # fmt: skip

    return charge


def test_gifts_pay_first_then_own_money(pay, jiangnan):
    for cause, amount in (("order:a", GIFT - 10 * YUAN), ("order:b", 30 * YUAN), ("order:c", 5 * YUAN)):
        pay(cause, amount)
    assert gifts.paid(billing.wallet_of(jiangnan), ["order:a", "order:b", "order:c", "order:none"]) == {
        "order:a": Paid(GIFT - 10_000_000, 0), "order:b": Paid(10_000_000, 20_000_000), "order:c": Paid(0, 5_000_000),
    }  # fmt: skip
    assert gifts.paid(billing.wallet_of(jiangnan), ["order:b"]) == {"order:b": Paid(10_000_000, 20_000_000)}


def test_the_parts_of_all_payments_are_what_is_gone_of_the_gift(pay, jiangnan):
    pay("order:a", 30 * YUAN)
    pay("order:b", 7 * YUAN + 3)
    parts = gifts.paid(billing.wallet_of(jiangnan), ["order:a", "order:b"]).values()
    assert GIFT - sum(part.gift_uy for part in parts) == queries.withdrawable(jiangnan).gift_uy == GIFT - 37_000_003


def test_a_payment_that_was_taken_back_gives_the_gift_back(pay, jiangnan, now):
    journal = pay("order:a", 30 * YUAN)
    ledger.reverse(key="back", journal=journal, reason="a mix-up", actor="user:1", now=now)
    assert gifts.paid(billing.wallet_of(jiangnan), ["order:a"]) == {"order:a": Paid(0, 0)}


def test_nothing_is_said_of_a_company_without_a_wallet_or_a_payment(yongli):
    assert gifts.paid_by(yongli, "order:a") is None
    assert gifts.told(None) == ""


def test_the_desk_tells_gift_and_own_money_apart(client, chen, market, funded, now):
    billing.ensure_wallet(funded, now)
    order = market.place(funded)
    charge = deliver(order, used_cms=3_600_000)
    client.force_login(chen)
    parts = gifts.told(gifts.paid_by(funded, order.cause))
    assert f"gift (welcome credit) CNY {charge.total / YUAN:.2f}" in parts
    money = text_of(client.get(f"/admin/company/{funded.pk}/money/"))
    page = text_of(client.get(f"/admin/orders/order/{order.pk}/change/"))
    assert f"Paid out of: {parts}" in money
    assert f"Paid out of: {parts}; the gift is spent first" in page
    most = queries.withdrawable(funded)
    gift = most.available_uy - most.most_uy
    assert f"gift, for orders only: CNY {gift / YUAN:,.2f}; own money: CNY {most.most_uy / YUAN:,.2f}" in money
