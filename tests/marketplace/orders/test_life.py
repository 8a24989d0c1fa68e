"""An order's life on a real engine, with the money to the micro-yuan."""

import time
from datetime import timedelta

import pytest

from bank.ledger import queries as books
from marketplace.billing import actions as billing
from marketplace.billing.models import Charge, Funding
from marketplace.dispatch.models import Reservation, Slot
from marketplace.orders import actions as orders
from marketplace.orders.models import Order, Quote
from marketplace.provisioning.drivers import engine_of, site_ref
from portal.core.errors import Refused
from portal.history.models import Step
from tests.marketplace.conftest import ACTOR, SLEEPY

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


def wallet(company) -> tuple[int, int]:
    balance = books.balance(billing.wallet_of(company))
    return balance.posted, balance.held


def test_a_quote_binds_price_and_room_until_one_instant(market, funded, now):
    quote = market.quote(funded)
    assert quote.cap == 6_000_000  # 5.00 + at most 300 core-seconds at 10.00 an hour, up to a whole yuan
    assert quote.expires_at == quote.reservation.expires_at == now + timedelta(minutes=15)
    assert Slot.objects.get(hour=now.replace(minute=0)).reserved_cms == 300_000
    assert wallet(funded) == (100_000_000, 0)


def test_placing_reserves_the_cap_and_keeps_the_room(market, funded):
    order = market.place(funded)
    assert order.state == Order.State.PLACED
    assert wallet(funded) == (100_000_000, 6_000_000)
    order.quote.reservation.refresh_from_db()
    assert order.quote.reservation.state == Reservation.State.KEPT


def test_placing_twice_is_placing_once(market, funded, now):
    quote = market.quote(funded)
    first = orders.place(quote=quote, user=None, now=now, actor=ACTOR)
    second = orders.place(quote=quote, user=None, now=now, actor=ACTOR)
    assert first == second
    assert wallet(funded) == (100_000_000, 6_000_000)


def test_an_expired_quote_is_refused_and_nothing_is_reserved(market, funded, later):
    quote = market.quote(funded)
    with pytest.raises(Refused, match="ended"):
        orders.place(quote=quote, user=None, now=later(minutes=15), actor=ACTOR)
    assert wallet(funded) == (100_000_000, 0)
    assert not Order.objects.exists()
    assert not Funding.objects.exists()


def test_the_sweep_gives_the_room_of_an_expired_quote_back(market, funded, now, later):
    quote = market.quote(funded)
    assert orders.expire_quotes(now=later(minutes=16)) == 1
    quote.refresh_from_db()
    assert quote.state == Quote.State.EXPIRED
    assert Slot.objects.get(hour=now.replace(minute=0)).reserved_cms == 0


def test_a_wallet_that_is_too_small_is_refused_with_what_is_missing(market, jiangnan, now):
    billing.wallet_of(jiangnan)
    quote = market.quote(jiangnan)
    with pytest.raises(Refused) as refused:
        orders.place(quote=quote, user=None, now=now, actor=ACTOR)
    assert refused.value.params == {"needed_uy": 6_000_000, "available_uy": 0, "missing_uy": 6_000_000}
    quote.refresh_from_db()
    assert quote.state == Quote.State.OPEN  # the quote is still there after topping up
    assert not Order.objects.exists()


def test_a_new_company_buys_small_things_at_once_and_dear_ones_after_approval(market, funded, now, monkeypatch):
    from portal import policy

    type(funded).objects.filter(pk=funded.pk).update(state="registered")
    monkeypatch.setattr(policy, "UNAPPROVED_ORDER_LIMIT_UY", 5_999_999)
    quote = market.quote(funded)
    with pytest.raises(Refused) as refused:
        orders.place(quote=quote, user=None, now=now, actor=ACTOR)
    assert refused.value.code == "needs_approval"
    monkeypatch.setattr(policy, "UNAPPROVED_ORDER_LIMIT_UY", 6_000_000)
    assert orders.place(quote=quote, user=None, now=now, actor=ACTOR).state == Order.State.PLACED


def test_a_fourth_open_quote_is_refused(market, funded):
    for _ in range(3):
        market.quote(funded)
    with pytest.raises(Refused) as refused:
        market.quote(funded)
    assert refused.value.code == "too_many_quotes"
    assert Quote.objects.count() == 3


def test_cancelling_before_the_machine_has_it_gives_everything_back(market, funded, now):
    order = market.place(funded)
    orders.stop(order=order, now=now, actor=ACTOR)
    assert order.state == Order.State.CANCELLED
    assert wallet(funded) == (100_000_000, 0)
    assert Slot.objects.get(hour=now.replace(minute=0)).reserved_cms == 0


def test_a_run_that_delivers_is_charged_by_the_engines_counter(market, funded, now, needs_sandbox):
    order = market.finish(market.place(funded))
    assert order.state == Order.State.DELIVERED
    charge = Charge.objects.get(cause=order.cause)
    usage = order.allocation.usage.get()
    assert usage.core_ms > 0
    assert charge.total == 5_000_000 + usage.core_ms * 10_000_000 // 3_600_000
    assert charge.computing == charge.total - 5_000_000
    assert wallet(funded) == (100_000_000 - charge.total, 0)
    slot = Slot.objects.get(hour=now.replace(minute=0))
    assert slot.reserved_cms == usage.core_ms
    assert order.allocation.result["units_done"] is not None
    assert [s.after for s in Step.objects.filter(subject=f"order:{order.public_id}")] == [
        "placed",
        "running",
        "delivered",
    ]


def begin(market, company, now) -> Order:
    """An order whose script is running."""
    order = market.place(company, SLEEPY)
    for second in range(1, 60):
        order = orders.advance(order_id=order.pk, now=now + timedelta(seconds=3 * second), actor="system:test")
        if order.allocation and order.allocation.phase == "running" and order.allocation.core_ms > 0:
            return order
        time.sleep(0.2)
    raise AssertionError("the script did not begin")


def test_a_run_that_the_machine_loses_costs_nothing(market, funded, now, needs_sandbox):
    order = begin(market, funded, now)
    site = order.quote.reservation.site
    engine_of(site).forget(site_ref(site), order.allocation.public_id)
    market.now = now + timedelta(seconds=200)
    order = market.finish(order)
    assert (order.state, order.reason) == (Order.State.FAILED, "lost")
    assert Charge.objects.get(cause=order.cause).total == 0
    assert wallet(funded) == (100_000_000, 0)
    assert order.quote.reservation.lines.get().is_failed


def test_stopping_a_run_pays_only_for_the_computing(market, funded, now, needs_sandbox):
    order = begin(market, funded, now)
    orders.stop(order=order, now=now + timedelta(seconds=200), actor=ACTOR)
    market.now = now + timedelta(seconds=200)
    order = market.finish(order)
    assert order.state == Order.State.STOPPED
    charge = Charge.objects.get(cause=order.cause)
    assert charge.total == charge.computing == order.allocation.usage.get().core_ms * 10_000_000 // 3_600_000
    assert 0 < charge.total < 1_000_000
    assert wallet(funded) == (100_000_000 - charge.total, 0)


def test_a_price_change_does_not_touch_a_quote_that_is_out(market, funded, now, needs_sandbox):
    from marketplace.catalogue import actions as catalogue

    quote = market.quote(funded)
    catalogue.set_price(
        offering=market.offering,
        base_uy=90_000_000,
        rate_uy_per_hour=0,
        core_limit_cms=300_000,
        actor=ACTOR,
        now=now,
    )
    order = market.finish(orders.place(quote=quote, user=None, now=now, actor=ACTOR))
    assert Charge.objects.get(cause=order.cause).total < 6_000_000


def test_the_sweep_leaves_the_demonstrations_orders_to_their_own_clock(market, funded, now):
    order = market.place(funded)
    assert orders.due_orders(now=now) == [order.pk]
    Order.objects.update(is_demo=True)
    assert orders.due_orders(now=now) == []
