"""The public figures: the same orders above and below the line."""

import pytest

from marketplace.billing import actions as billing
from marketplace.billing import rating
from marketplace.dispatch.models import ReservationLine
from marketplace.orders.models import Order
from portal.home import figures
from tests.portal.home.test_staff import deliver

pytestmark = pytest.mark.django_db


def use(order, used_cms: int) -> None:
    ReservationLine.objects.filter(reservation__cause=order.cause).update(used_cms=used_cms)


def end(order, outcome: str, used_cms: int, reason: str = "") -> None:
    """Settle an order as after a run that was stopped or failed."""
    quote = order.quote
    terms = rating.Terms(**quote.terms)
    rated = (
        rating.stopped(terms, used_cms=used_cms, cap=quote.cap)
        if outcome == "stopped"
        else rating.failed(cap=quote.cap)
    )
    billing.charge(
        cause=order.cause, organisation=order.organisation, provider=None, rated=rated, outcome=outcome,
        what=("Script", "脚本"), now=quote.created_at,
    )  # fmt: skip
    Order.objects.filter(pk=order.pk).update(state=outcome, reason=reason, due_at=None)
    use(order, used_cms)


def test_the_price_paid_counts_the_same_orders_in_money_and_in_time(market, funded):
    done = market.place(funded)
    deliver(done, used_cms=180_000)  # at CNY 10 an hour: CNY 0.50 of computing
    use(done, 180_000)
    end(market.place(funded), "stopped", 90_000)
    end(market.place(funded), "failed", 300_000)
    figure = figures.price_paid()
    assert figure.value == "10.00"
    assert list(figure.rows) == [
        ("Delivered orders paid in yuan", "1"),
        ("Charged for their computing, CNY", "0.50"),
        ("Machine time they used, core-hours", "0.0500"),
        ("Paid for a core-hour, CNY", "10.00"),
    ]


def test_without_a_delivered_order_there_is_no_price(market, funded):
    end(market.place(funded), "stopped", 90_000)
    assert figures.price_paid().value == "–"


@pytest.mark.parametrize("reason", ["staff_stop", "platform_stop"])
def test_what_our_staff_stopped_was_not_delivered(market, funded, reason):
    for n in range(3):
        deliver(market.place(funded), used_cms=n)
    end(market.place(funded), "stopped", 90_000, reason)
    end(market.place(funded), "stopped", 90_000, "stopped")  # by the customer
    figure = figures.success_rate()
    assert figure.value == "75.0 %"
    assert list(figure.rows) == [
        ("Delivered", "3"), ("Failed, nothing charged", "0"), ("Stopped by our staff", "1"),
    ]  # fmt: skip
