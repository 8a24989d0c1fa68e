"""What buyers are told of waiting and of the likely price, measured on real orders."""

from datetime import timedelta

import pytest

from marketplace.catalogue.models import Offering, Package
from marketplace.metering.models import UsageRecord
from marketplace.orders import measures
from marketplace.orders.models import Order
from marketplace.provisioning.models import Allocation

pytestmark = pytest.mark.django_db


@pytest.fixture
def by_the_job(market):
    """The market's package, sold by the outlet instead of by the hour: twenty are its usual size."""
    Package.objects.update(unit_key="series", sizing_default=20, sizing_max=60)
    market.package.refresh_from_db()
    market.offering.refresh_from_db()
    return market


@pytest.fixture
def ran(by_the_job, funded, now):
    """Orders that waited so long, ran so long and did so many units."""
    count = iter(range(100))

    def one(waited_s: float, *, units: int = 20, core_ms: int = 0, at=now, state="delivered", is_demo=False) -> Order:
        n = next(count)
        order = by_the_job.place(funded, b"print(%d)\n" % n)
        allocation = Allocation.objects.create(
            organisation=funded, cause=order.cause, site=by_the_job.site, recipe="script", cores=1, memory_mb=1,
            wall_s=1, state="succeeded", give_up_at=now, created_at=at, started_at=at + timedelta(seconds=waited_s),
        )
        if core_ms:
            UsageRecord.objects.create(
                site=by_the_job.site, seq=n, allocation=allocation, core_ms=core_ms, cpu_ms=0, recorded_at=now
            )
        Order.objects.filter(pk=order.pk).update(placed_at=at, allocation=allocation, state=state, is_demo=is_demo)
        type(order.quote).objects.filter(pk=order.quote_id).update(units=units)
        return order

    return one


def figures() -> tuple[int | None, int]:
    return Offering.objects.get().starts_in_s, Package.objects.get().expected_cms


def test_before_any_order_nothing_is_said(by_the_job, now):
    assert measures.measure(now=now) == 0
    assert figures() == (None, 0)


def test_the_median_of_waiting_not_the_mean(ran, now):
    for waited in (4, 6, 300):
        ran(waited, is_demo=waited == 4)
    assert measures.measure(now=now) == 1
    assert figures() == (6, 0)
    assert measures.measure(now=now) == 0


def test_a_start_at_once_is_one_second(ran, now):
    ran(0.2)
    measures.measure(now=now)
    assert figures() == (1, 0)


def test_old_orders_are_forgotten(ran, now):
    ran(5)
    measures.measure(now=now)
    measures.measure(now=now + timedelta(days=31))
    assert figures() == (None, 0)


def test_the_time_of_a_run_is_scaled_to_the_usual_size(ran, now):
    ran(5, units=10, core_ms=5_000)
    ran(5, units=20, core_ms=8_000)
    ran(5, units=40, core_ms=90_000)
    ran(5, units=20, core_ms=1, state="failed")  # says nothing about a run that delivers
    measures.measure(now=now)
    assert figures() == (5, 10_000)


def test_core_hours_have_no_usual_time(ran, now):
    ran(5, core_ms=5_000)
    Package.objects.update(unit_key="core_hours")
    measures.measure(now=now)
    assert figures() == (5, 0)


def test_the_public_figure_is_the_median_with_its_rows(ran, now):
    from portal.home.figures import start_time

    assert (start_time(now=now).value, start_time(now=now).rows) == ("–", ())
    for waited in (4, 6, 300):
        ran(waited)
    found = start_time(now=now)
    assert found.value == "6"
    assert list(found.rows) == [
        ("at most 5 seconds", "1"), ("at most 15 seconds", "2"), ("at most 60 seconds", "2"), ("longer", "1"),
    ]
