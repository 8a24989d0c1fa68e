"""Listed hours beside deposits: an hour is in one of them, and its owner is paid once."""

from dataclasses import replace

import pytest

from bank.deposits import actions
from bank.ledger.chart import Kind
from marketplace.catalogue import actions as catalogue
from marketplace.dispatch import listings
from marketplace.dispatch.models import Slot
from portal.core.clock import hour_of

from .conftest import ACTOR, HOUR, clearing, posted

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(factory, yongli, now):
    """The factory with an offering of its own, listed at its site around the clock."""
    offering = catalogue.create_offering(
        provider=yongli, package=factory.package, region=factory.site.region, resource_class=factory.cpu,
        actor=ACTOR, now=now,
    )
    catalogue.set_price(
        offering=offering, base_uy=2_000_000, rate_uy_per_hour=10_000_000, core_limit_cms=1_800_000, actor=ACTOR,
        now=now,
    )
    listings.list_offering(offering=offering, hours={factory.site: ()}, now=now, actor=ACTOR)
    catalogue.submit(offering=offering, actor=ACTOR, now=now)
    catalogue.publish(offering=offering, actor=ACTOR, now=now)
    listings.open_listed(now=now)
    return replace(factory, offering=offering)


def sources() -> list[str]:
    return list(Slot.objects.order_by("hour").values_list("source", flat=True))


def test_a_run_in_a_listed_hour_is_paid_to_its_owner_in_cash(own, jiangnan, now, yongli):
    from marketplace.billing import actions as billing

    billing.ensure_wallet(jiangnan, now)
    order = own.order(jiangnan, at=now)
    own.run(order, used_cms=360_000, at=now)  # CNY 2 for the package, CNY 1 for a tenth of an hour
    assert posted(Kind.PROVIDER_DUE, yongli) == 1_840_000
    for slot in Slot.objects.filter(lines__reservation=order.quote.reservation):
        own.close(slot)
    assert posted(Kind.PROVIDER_DUE, yongli) == 1_840_000 + 828_000
    assert posted(Kind.HOLDBACK, yongli) == 92_000
    assert clearing(order) == 0


def test_a_deposit_takes_over_free_listed_hours_and_leaves_those_that_are_booked(own, jiangnan, now):
    from marketplace.billing import actions as billing

    billing.ensure_wallet(jiangnan, now)
    listed = f"listed:{own.site.public_id}"
    assert sources() == [listed] * 48
    later = hour_of(now) + HOUR
    own.order(jiangnan, at=later)
    made = own.deposit(hours=[9, 10, 11])  # nine has begun, ten is booked
    own_hours = dict(Slot.objects.order_by("hour").values_list("hour", "source")[:4])
    assert list(own_hours.values()) == [listed, listed, made.source, listed]
    assert listings.open_listed(now=now) == 0  # nothing is doubled
    assert Slot.objects.filter(source=made.source).count() == 2  # eleven, and next Monday's nine


def test_what_was_taken_back_from_a_deposit_stays_back(own, factory, now):
    Slot.objects.all().delete()
    made = own.deposit(hours=[22])
    actions.end(deposit=made, now=now, actor=ACTOR)
    listings.open_listed(now=now)
    slot = Slot.objects.get(hour=hour_of(now) + 13 * HOUR)
    assert (slot.source, slot.free_cms) == (made.source, 0)
    assert Slot.objects.filter(source__startswith="listed:").count() == 47
