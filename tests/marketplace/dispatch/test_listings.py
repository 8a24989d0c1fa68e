"""Where an offering runs and in which hours. NOW is Monday 09:12 in Shanghai: hour 9 of the week."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from marketplace.catalogue import actions as catalogue
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch import listings
from marketplace.dispatch.models import Listing, Site, Slot
from marketplace.orders import actions as orders
from portal.core.clock import hour_of
from portal.core.errors import Refused
from tests.marketplace.catalogue.goods import make_region

pytestmark = pytest.mark.django_db
ACTOR = "user:1"
HOUR = timedelta(hours=1)


def refusal(call) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def listed_slots() -> list[tuple[int, datetime]]:
    return list(
        Slot.objects.filter(source__startswith="listed:").order_by("site_id", "hour").values_list("site_id", "hour")
    )


def quote(market, shop, company, now):
    return replace(market, offering=shop.offering).quote(company, now=now)


def test_an_offering_without_a_site_is_not_submitted(shop, now):
    assert refusal(lambda: catalogue.submit(offering=shop.offering, actor=ACTOR, now=now)).code == "site_needed"
    shop.offering.refresh_from_db()
    assert shop.offering.state == "draft"


def test_nor_with_a_site_that_is_no_longer_verified(shop, now):
    shop.choose({shop.night: ()}, now)
    Site.objects.filter(pk=shop.night.pk).update(state="failed")
    assert refusal(lambda: catalogue.submit(offering=shop.offering, actor=ACTOR, now=now)).code == "site_needed"


def test_nor_with_a_site_of_another_region_than_the_draft_has_now(shop, now):
    shop.choose({shop.night: ()}, now)
    east = make_region("east", "东", "East")
    catalogue.update_draft(offering=shop.offering, region=east, actor=ACTOR, now=now)
    assert refusal(lambda: catalogue.submit(offering=shop.offering, actor=ACTOR, now=now)).code == "site_needed"


def test_with_one_it_is(shop, now):
    shop.choose({shop.night: ()}, now)
    catalogue.submit(offering=shop.offering, actor=ACTOR, now=now)
    shop.offering.refresh_from_db()
    assert shop.offering.state == "submitted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"state": "failed"}, "site_not_verified"), ({"organisation": None}, "site_does_not_fit")],
)
def test_a_site_that_may_not_run_it_is_refused(shop, platform, now, changes, code):
    if "organisation" in changes:
        changes = {"organisation": platform}
    Site.objects.filter(pk=shop.night.pk).update(**changes)
    shop.night.refresh_from_db()
    assert refusal(lambda: shop.choose({shop.night: ()}, now)).code == code
    assert not Listing.objects.exists()


def test_hours_outside_the_week_are_refused(shop, now):
    assert refusal(lambda: shop.choose({shop.night: [168]}, now)).code == "hours_of_week_wrong"


def test_choosing_again_replaces_and_the_whole_week_is_always(shop, now):
    shop.choose({shop.night: [9, 9, 8], shop.day: ()}, now)
    assert list(Listing.objects.order_by("site_id").values_list("hours", flat=True)) == [[8, 9], []]
    shop.choose({shop.night: range(168)}, now)
    assert list(Listing.objects.values_list("site_id", "hours")) == [(shop.night.pk, [])]


def test_while_it_waits_for_approval_its_sites_and_hours_stay_as_the_staff_see_them(shop, now):
    shop.choose({shop.night: [9]}, now)
    catalogue.submit(offering=shop.offering, actor=ACTOR, now=now)
    assert refusal(lambda: shop.choose({shop.day: ()}, now)).code == "waits_for_approval"
    assert list(Listing.objects.values_list("site_id", "hours")) == [(shop.night.pk, [9])]


def test_what_is_on_the_shelf_keeps_a_site(shop, now):
    shop.choose({shop.night: ()}, now)
    shop.publish(now)
    assert refusal(lambda: shop.choose({}, now)).code == "site_needed"
    assert Listing.objects.count() == 1


def test_what_is_archived_is_not_listed(shop, now):
    catalogue.archive(offering=shop.offering, actor=ACTOR, now=now)
    assert refusal(lambda: shop.choose({shop.night: ()}, now)).code == "bad_move"


def test_the_platforms_own_may_be_listed_nowhere(market, now):
    assert listings.places_of(market.offering) is None
    listings.list_offering(offering=market.offering, hours={market.site: [9]}, now=now, actor=ACTOR)
    assert listings.places_of(market.offering) == {market.site.pk: [9]}
    listings.list_offering(offering=market.offering, hours={}, now=now, actor=ACTOR)
    assert listings.places_of(market.offering) is None


def test_a_draft_brings_nothing_into_the_pool_and_a_published_one_its_hours(shop, now):
    shop.choose({shop.night: [9, 10, 35, 60]}, now)  # Monday 9, 10; Tuesday 11; Wednesday 12 is beyond 48 hours
    assert listed_slots() == []
    shop.publish(now)
    first = hour_of(now)
    assert listed_slots() == [(shop.night.pk, first + n * HOUR) for n in (0, 1, 26)]
    assert listings.open_listed(now=now) == 0


def test_hours_that_are_no_longer_chosen_leave_the_pool_unless_somebody_has_them(market, shop, funded, now):
    shop.choose({shop.night: [9, 10, 11]}, now)
    shop.publish(now)
    assert len(listed_slots()) == 3
    quote(market, shop, funded, now + HOUR)  # has ten
    shop.choose({shop.night: [12]}, now)
    first = hour_of(now)
    # nine has begun, ten is somebody's
    assert listed_slots() == [(shop.night.pk, first + n * HOUR) for n in (0, 1, 3)]


def test_paused_offerings_bring_nothing_more(shop, now):
    shop.choose({shop.night: [10]}, now)
    shop.publish(now)
    catalogue.pause(offering=shop.offering, actor=ACTOR, now=now)
    listings.open_listed(now=now)
    assert listed_slots() == []


def test_it_runs_at_its_site_and_the_platforms_own_offering_does_not(market, shop, funded, now):
    shop.choose({shop.night: ()}, now)
    shop.publish(now)
    assert quote(market, shop, funded, now).reservation.site == shop.night
    assert market.quote(funded).reservation.site == market.site
    Site.objects.filter(pk=market.site.pk).update(state="paused")
    assert refusal(lambda: market.quote(funded)).code == "no_room"  # listed hours are not for everybody


def test_outside_its_hours_it_says_when_it_is_open_next(market, shop, funded, now):
    shop.choose({shop.night: [8, 22, 23]}, now)
    shop.publish(now)
    refused = refusal(lambda: quote(market, shop, funded, now))
    assert (refused.code, refused.params) == ("not_open_now", {"opens": "Monday 22:00"})
    assert "open next on Monday 22:00" in str(refused)


def test_a_run_that_may_pass_the_last_hour_is_not_begun(market, shop, funded, now):
    shop.choose({shop.night: [9, 11]}, now)
    shop.publish(now)
    late = now.replace(minute=50)  # with fifteen minutes to place it may run after ten
    assert refusal(lambda: quote(market, shop, funded, late)).params == {"opens": "Monday 11:00"}
    assert quote(market, shop, funded, now).reservation.lines.count() == 1


def test_open_but_full_is_said_as_full(market, shop, funded, now):
    shop.choose({shop.night: [9]}, now)
    shop.publish(now)
    Slot.objects.filter(site=shop.night).update(reserved_cms=7_200_000)
    assert refusal(lambda: quote(market, shop, funded, now)).code == "no_room"


def test_two_offerings_share_an_hour_of_one_site(market, shop, yongli, funded, now):
    other = catalogue.create_offering(
        provider=yongli,
        package=market.package,
        region=shop.night.region,
        resource_class=shop.night.resource_class,
        actor=ACTOR,
        now=now,
    )
    catalogue.set_price(offering=other, base_uy=1_000_000, core_limit_cms=300_000, actor=ACTOR, now=now)
    shop.choose({shop.night: [9]}, now)
    shop.choose({shop.night: [9, 10]}, now, other)
    shop.publish(now)
    catalogue.submit(offering=other, actor=ACTOR, now=now)
    catalogue.publish(offering=other, actor=ACTOR, now=now)
    listings.open_listed(now=now)
    assert Slot.objects.filter(site=shop.night).count() == 2
    mine = quote(market, shop, funded, now)
    theirs = replace(market, offering=other).quote(funded, now=now)
    assert {mine.reservation.lines.get().slot_id} == {theirs.reservation.lines.get().slot_id}
    assert Slot.objects.get(site=shop.night, hour=hour_of(now)).reserved_cms == 600_000


def test_a_run_stays_in_the_region_that_was_promised(market, shop, funded, now):
    east = make_region("east", "东", "East")
    Site.objects.filter(pk=market.site.pk).update(region=east)
    assert refusal(lambda: market.quote(funded)).code == "no_room"


def test_the_next_offer_takes_what_the_lowest_cannot(market, shop, funded, now):
    shop.choose({shop.night: [8]}, now)
    shop.publish(now)  # CNY 1, but closed; the platform's costs CNY 6
    made = orders.quote_lowest(organisation=funded, upload=market.upload(funded), units=1, now=now, actor=ACTOR)
    assert made.offering == market.offering
    Site.objects.filter(pk=market.site.pk).update(state="paused")
    refused = refusal(
        lambda: orders.quote_lowest(organisation=funded, upload=market.upload(funded), units=1, now=now, actor=ACTOR)
    )
    assert refused.code == "not_open_now"


def test_always_open_sites_need_no_listed_hours(market, shop, now):
    Site.objects.filter(pk=shop.night.pk).update(always_open=True)
    shop.night.refresh_from_db()
    dispatch.open_always(now=now)
    shop.choose({shop.night: ()}, now)
    shop.publish(now)
    assert listed_slots() == []
