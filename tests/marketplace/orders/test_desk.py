"""A buyer's desk and lists: what can be bought now, what hours a run took, the way to the staff."""

from datetime import timedelta

import pytest
from django.utils.html import escape

from marketplace.billing import actions as billing
from marketplace.billing.models import Charge
from marketplace.orders import actions as orders
from marketplace.orders.models import Order, Quote
from portal import policy
from portal.accounts.models import Organisation
from portal.core.templatetags.suanli import contact_url
from tests.marketplace.conftest import ACTOR

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, bo, now, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    client.force_login(bo)

    def get(address: str) -> str:
        return " ".join(client.get(address).content.decode().split())

    return get


def test_the_desk_says_what_can_be_bought_now(page, market, funded, now):
    Organisation.objects.filter(pk=funded.pk).update(state="registered")
    assert "up to CNY 100 for each order" in page("/dashboard/")
    billing.fund(cause="order:x", organisation=funded, amount=78_500_001, now=now)
    text = page("/dashboard/")
    assert "You can buy for up to CNY 21.49 now" in text and "for each order" not in text


def test_a_run_paid_in_hours_says_how_many(page, market, funded, now):
    order = market.place(funded)
    Quote.objects.filter(pk=order.quote_id).update(asset="CH:CPU")
    Order.objects.filter(pk=order.pk).update(state="delivered", ended_at=now)
    Charge.objects.create(
        cause=order.cause, organisation=funded, asset="CH:CPU", total=5_400_000, cap=7_200_000, lines=[],
        outcome=Charge.Outcome.DELIVERED, settled_at=now,
    )
    for address in ("/dashboard/", "/c/jiangnan/orders/"):
        text = page(address)
        assert "1.5000 banked hours" in text and "CNY 5.40" not in text


def test_who_has_no_machines_finds_them_in_the_menu_and_not_in_the_bar(page, funded):
    text = page("/dashboard/")
    assert "Earn with idle machines" in text and ">Provide</a>" not in text
    Organisation.objects.filter(pk=funded.pk).update(is_provider=True)
    assert ">Provide</a>" in page("/dashboard/")


@pytest.mark.parametrize("contact", ["help@suanli.test", "", "<window 3>"])
def test_every_foot_and_an_order_that_went_wrong_name_the_way_to_the_staff(page, market, funded, monkeypatch, contact):
    monkeypatch.setattr(policy, "CONTACT", contact)
    order = market.place(funded)
    Order.objects.filter(pk=order.pk).update(state="failed", reason="exit")
    assert ("Reach our staff" in page("/")) is bool(contact)
    text = page(f"/c/jiangnan/orders/{order.public_id}/")
    assert (f"Name the order, {order.number}" in text) is bool(contact)
    assert (f"mailto:{contact}?subject=Order%20{order.number}" in text) is ("@" in contact)
    assert escape(contact) in text and "<window" not in text


def test_an_order_that_stands_still_says_so_and_one_that_just_began_does_not(page, market, funded, now, monkeypatch):
    monkeypatch.setattr(policy, "CONTACT", "+86 571 1234 5678")
    order = market.place(funded)
    address = f"/c/jiangnan/orders/{order.public_id}/"
    assert "longer than it should" not in page(address)
    monkeypatch.setattr("portal.core.clock.now", lambda: now + timedelta(minutes=6))
    text = page(address)
    assert "longer than it should" in text and 'href="tel:+8657112345678"' in text
    orders.stop(order=order, now=now, actor=ACTOR)
    assert "longer than it should" not in page(address)


def test_an_address_and_a_number_are_links_and_a_place_is_not():
    assert contact_url("help@suanli.test", "Order 1") == "mailto:help@suanli.test?subject=Order%201"
    assert contact_url("0571-8800 1234") == "tel:057188001234"
    assert contact_url("window 3, ground floor") == contact_url("") == ""
