"""What a run of one's own took, in banked hours: one figure, whichever page tells it."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from bank.deposits.models import Deposit
from marketplace.orders.models import Order

from .test_close import bank_hours, withdraw

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_run(factory, buyer, yongli):
    """A run of Yongli's, stopped by it, that took 1,282 ms of the 132,240 reserved."""
    factory.deposit(payout=Deposit.Payout.HOURS)
    bank_hours(factory, buyer, yongli)
    slot = factory.slot(2)
    order, charge = withdraw(factory, yongli, slot, 1_163)
    assert (order.quote.cap, charge.total) == (132_240, 1_282)
    Order.objects.filter(pk=order.pk).update(state=Order.State.STOPPED, ended_at=slot.hour + timedelta(minutes=3))
    return order


def told(client, zhao, name: str, order) -> list[str]:
    """The figures with four decimals on a page of the order, in their order."""
    client.force_login(zhao)
    answer = client.get(reverse(f"orders:{name}", args=["yongli", order.public_id]))
    return re.findall(r"\b\d\.\d{4}\b", answer.content.decode())


def test_the_receipt_of_a_run_in_banked_hours_says_one_figure_and_adds_up(client, zhao, own_run):
    """1,282 ms are 0.000356 hours, 132,240 ms 0.0367: given back is 0.0364, not the 0.036377 rounded down."""
    assert set(told(client, zhao, "detail", own_run)) == {"0.0003", "0.0367", "0.0364"}


def test_the_page_that_explains_it_says_the_same_step_by_step(client, zhao, own_run):
    found = told(client, zhao, "why", own_run)
    assert set(found) == {"0.0003", "0.0367", "0.0364"}
    assert found.count("0.0364") == 3  # the step, the sum under the steps, the receipt


def test_who_got_the_hours_adds_up_to_what_was_paid_in_what_is_shown(factory, own_run, yongli):
    from marketplace.orders import explain

    factory.close(factory.slot(2))
    money = explain.money(own_run)
    assert sum(row.amount for row in money.receivers) == 1_282
    assert len(money.receivers) > 1
    assert sum(row.shown for row in money.receivers) == 3 * 360  # 0.0003
