"""Choosing other hours while buyers come for them."""

from dataclasses import replace

import pytest

from marketplace.dispatch import listings
from marketplace.dispatch.models import Listing, ReservationLine, Slot
from marketplace.orders.models import Quote
from portal.core.errors import Refused
from tests.marketplace.dispatch.conftest import shop  # noqa: F401


@pytest.mark.slow
def test_an_hour_that_leaves_the_pool_is_never_somebodys(market, shop, funded, at_once, now):  # noqa: F811
    shop.choose({shop.night: [10]}, now)
    shop.publish(now)
    at = now.replace(hour=now.hour + 1)
    goods = replace(market, offering=shop.offering)
    uploads = [goods.upload(funded) for _ in range(2)]

    def either(n: int):
        from marketplace.orders import actions as orders

        if n % 2:
            return shop.choose({shop.night: [12]}, now)
        return orders.quote(
            organisation=funded, offering=shop.offering, upload=uploads[n // 2], units=1, now=at, actor="user:1"
        )

    results = at_once(4, either)
    assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, Refused)], results
    assert Quote.objects.count() == ReservationLine.objects.count()
    for slot in Slot.objects.filter(site=shop.night):
        assert slot.reserved_cms == sum(line.reserved_cms for line in slot.lines.all())


@pytest.mark.slow
def test_submitting_beside_emptying_the_choice_never_leaves_a_submitted_one_without_a_site(
    market, shop, at_once, now  # noqa: F811
):
    from marketplace.catalogue import actions as catalogue
    from marketplace.catalogue.models import Offering

    shop.choose({shop.night: ()}, now)
    mine = [Offering.objects.select_related("provider").get(pk=shop.offering.pk) for _ in range(8)]

    def either(n: int):
        if n % 2:
            return listings.list_offering(offering=mine[n], hours={}, now=now, actor="user:1")
        return catalogue.submit(offering=mine[n], actor="user:1", now=now)

    at_once(8, either)
    state = Offering.objects.get(pk=shop.offering.pk).state
    assert state == "draft" or Listing.objects.filter(offering=shop.offering).exists()
