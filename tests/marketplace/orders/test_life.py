"""An order's life on a real engine, with the money to the micro-yuan."""

import time
from datetime import timedelta

import pytest

from bank.ledger import queries as books
from marketplace.billing import actions as billing
from marketplace.billing.models import Charge, Funding
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue.models import Offering
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Reservation, Slot
from marketplace.orders import actions as orders
from marketplace.orders.models import Order, Quote
from marketplace.provisioning.drivers import engine_of, site_ref
from portal.core.errors import Refused
from portal.core.money import ceil_to, to_fen
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


def refused_with_nothing_reserved(quote, company, now, code: str) -> None:
    before = Quote.objects.values().get(pk=quote.pk)
    with pytest.raises(Refused) as refused:
        orders.place(quote=quote, user=None, now=now, actor=ACTOR)
    assert refused.value.code == code
    assert Quote.objects.values().get(pk=quote.pk) == before
    assert wallet(company) == (100_000_000, 0)
    assert not Order.objects.exists()
    assert not Funding.objects.exists()


def test_a_quote_whose_price_is_over_is_refused_and_nothing_is_reserved(market, funded, later):
    refused_with_nothing_reserved(market.quote(funded), funded, later(days=7), "quote_expired")


@pytest.mark.parametrize("swept", [True, False])
def test_the_price_outlives_the_room_and_new_room_comes_with_the_order(market, funded, now, later, swept):
    quote = market.quote(funded)
    first = quote.reservation
    if swept:
        orders.expire_quotes(now=later(minutes=16))
    order = orders.place(quote=quote, user=None, now=later(minutes=17), actor=ACTOR)
    assert wallet(funded) == (100_000_000, 6_000_000)
    quote.refresh_from_db()
    first.refresh_from_db()
    assert (order.quote, quote.state, quote.cap) == (quote, Quote.State.USED, 6_000_000)
    assert first.state == Reservation.State.RELEASED
    assert quote.reservation.state == Reservation.State.KEPT
    assert sum(Slot.objects.values_list("reserved_cms", flat=True)) == 300_000  # one room, not two
    assert orders.place(quote=quote, user=None, now=later(minutes=18), actor=ACTOR) == order


def test_room_that_a_sweep_just_gave_back_is_taken_anew(market, funded, now, later):
    quote = market.quote(funded)
    dispatch.expire_reservations(now=later(minutes=15))  # its clock is a moment ahead of the buyer's
    order = orders.place(quote=quote, user=None, now=later(minutes=14), actor=ACTOR)
    assert order.quote.reservation.state == Reservation.State.KEPT
    assert wallet(funded) == (100_000_000, 6_000_000)


def test_no_worker_advances_an_order_of_an_earlier_clock(
    market, funded, now, later, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as sent:
        orders.place(quote=market.quote(funded), user=None, now=now, actor=ACTOR, is_demo=True)
    assert not sent
    assert orders.due_orders(now=later(days=9)) == []


def test_a_price_that_rose_meanwhile_does_not_touch_a_kept_one(market, funded, later):
    quote = market.quote(funded)
    was = market.offering.plans.get()
    catalogue.set_price(
        offering=market.offering, billing_mode=was.billing_mode, base_uy=50_000_000, per_unit_uy=was.per_unit_uy,
        rate_uy_per_hour=was.rate_uy_per_hour, core_limit_cms=was.core_limit_cms, actor=ACTOR, now=later(minutes=30),
    )
    orders.place(quote=quote, user=None, now=later(minutes=90), actor=ACTOR)
    assert wallet(funded) == (100_000_000, 6_000_000)


def test_a_kept_price_without_room_is_refused_and_the_price_stays(market, funded, later):
    quote = market.quote(funded)
    Slot.objects.filter(hour__gt=quote.created_at).update(sellable_cms=0)
    refused_with_nothing_reserved(quote, funded, later(hours=2), "no_room")


def test_a_kept_price_of_an_offering_that_was_taken_off_the_shelf_is_refused(market, funded, later):
    quote = market.quote(funded)
    Offering.objects.update(state=Offering.State.PAUSED)
    refused_with_nothing_reserved(quote, funded, later(hours=2), "not_available")


def test_a_quote_that_was_given_back_stays_given_back(market, funded, now, later):
    quote = market.quote(funded)
    orders.cancel_quote(quote=quote, now=now, actor=ACTOR)
    refused_with_nothing_reserved(quote, funded, later(minutes=1), "quote_gone")


def test_a_quote_in_banked_hours_ends_with_its_room_because_its_price_is_the_hours(market, funded, later):
    quote = market.quote(funded)
    Quote.objects.filter(pk=quote.pk).update(asset="CH:CPU")
    refused_with_nothing_reserved(quote, funded, later(minutes=15), "quote_expired")


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


def test_a_fourth_quote_lets_the_room_of_the_oldest_go_and_not_its_price(market, funded, now):
    first, *others = [market.quote(funded) for _ in range(4)]
    first.refresh_from_db()
    assert (first.state, first.reservation.state) == (Quote.State.EXPIRED, Reservation.State.RELEASED)
    assert {quote.state for quote in others} == {Quote.State.OPEN}
    assert sum(Slot.objects.values_list("reserved_cms", flat=True)) == 3 * 300_000
    order = orders.place(quote=first, user=None, now=now, actor=ACTOR)
    assert (order.state, order.quote.cap) == (Order.State.PLACED, first.cap)


def test_a_quote_that_is_refused_leaves_the_room_of_the_older_ones(market, funded):
    older = [market.quote(funded) for _ in range(3)]
    Slot.objects.update(sellable_cms=3 * 300_000)
    with pytest.raises(Refused) as refused:
        market.quote(funded, units=999)
    assert refused.value.code == "too_big"
    assert set(Quote.objects.values_list("pk", "state")) == {(quote.pk, "open") for quote in older}


def test_a_quote_in_hours_that_lost_its_room_is_over(market, funded, now):
    first = market.quote(funded)
    Quote.objects.filter(pk=first.pk).update(asset="CH:CPU")
    for _ in range(3):
        market.quote(funded)
    refused_with_nothing_reserved(first, funded, now, "quote_expired")


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
    assert charge.computing == usage.core_ms * 10_000_000 // 3_600_000
    assert charge.total == max(to_fen(5_000_000 + charge.computing), 5_000_000)
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
    assert charge.computing == order.allocation.usage.get().core_ms * 10_000_000 // 3_600_000
    assert charge.total == ceil_to(charge.computing, 10_000)
    assert 0 < charge.total < 1_000_000
    assert wallet(funded) == (100_000_000 - charge.total, 0)


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_stop_for_a_cause_on_our_side_costs_nothing(market, funded, now, needs_sandbox, asked_before):
    order = begin(market, funded, now)
    at = now + timedelta(seconds=200)
    if asked_before:
        orders.stop(order=order, now=at, actor=ACTOR)
    orders.stop(order=order, now=at, actor="user:2", by_staff=True, for_us=True)
    orders.stop(order=order, now=at, actor=ACTOR)  # the customer's comes too late to make it hers
    market.now = at
    order = market.finish(order)
    assert (order.state, order.reason) == (Order.State.STOPPED, "platform_stop")
    assert order.allocation.usage.get().core_ms > 0
    assert (Charge.objects.get(cause=order.cause).total, wallet(funded)) == (0, (100_000_000, 0))


def test_a_worker_that_looked_before_the_stop_still_charges_nothing_for_ours(market, funded, now, needs_sandbox):
    order = begin(market, funded, now)
    market.now = now + timedelta(seconds=200)
    stale = Order.objects.select_related("quote__offering__package", "allocation").get(pk=order.pk)
    orders.stop(order=order, now=market.now, actor="user:2", by_staff=True, for_us=True)
    order = market.finish(stale)
    assert (order.reason, Charge.objects.get(cause=order.cause).total) == ("platform_stop", 0)


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
