"""The page and the door where a provider chooses sites and hours."""

import itertools

import pytest

from marketplace.catalogue import actions as catalogue
from marketplace.dispatch.models import Listing, Site
from tests.marketplace.catalogue.goods import make_region, make_site

pytestmark = pytest.mark.django_db
_keys = itertools.count(1)


@pytest.fixture
def zhao_client(client, zhao, monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    client.force_login(zhao)
    return client


def page(shop) -> str:
    return f"/c/yongli/offerings/{shop.offering.public_id}/where/"


def form(shop, *hours: int) -> dict:
    return {"site": shop.night.public_id, f"hour-{shop.night.public_id}": [str(h) for h in hours]}


def test_the_page_is_reached_from_the_offering_and_from_the_shelf(zhao_client, shop):
    for address in ("/c/yongli/offerings/", f"/c/yongli/offerings/{shop.offering.public_id}/"):
        assert page(shop) in zhao_client.get(address).content.decode()


def test_every_fitting_site_has_its_week_and_the_others_say_why_not(zhao_client, shop, yongli, now):
    make_site(yongli, make_region("east", "东", "East"), shop.night.resource_class, now, name="Far hall")
    Site.objects.filter(pk=shop.day.pk).update(state="failed")
    text = zhao_client.get(page(shop)).content.decode()
    assert text.count(f'name="hour-{shop.night.public_id}"') == 168
    assert text.count(" checked") == 168 + 1  # one fits, so it is chosen, with all hours
    assert "another region: East" in text and "benchmark not reached" in text


def test_a_new_draft_begins_where_the_machines_stand(zhao_client, shop):
    make_region("alpha", "甲", "Alpha")  # would come first by itself
    text = zhao_client.get("/c/yongli/offerings/new/").content.decode()
    assert f'<option value="{shop.night.region_id}" selected>' in text
    assert f'<option value="{shop.night.resource_class_id}" selected>' in text


def test_while_it_waits_for_approval_there_is_nothing_to_fill_in(zhao_client, shop, now):
    shop.choose({shop.night: [9]}, now)
    catalogue.submit(offering=shop.offering, actor="user:1", now=now)
    text = zhao_client.get(page(shop)).content.decode()
    assert "Take it back first" in text and 'type="checkbox"' not in text
    assert zhao_client.post(page(shop), form(shop, 22)).status_code == 409
    assert list(Listing.objects.values_list("hours", flat=True)) == [[9]]


def test_painted_hours_are_kept(zhao_client, shop):
    answer = zhao_client.post(page(shop), form(shop, 22, 23))
    assert answer.url == f"/c/yongli/offerings/{shop.offering.public_id}/"
    assert list(Listing.objects.values_list("site_id", "hours")) == [(shop.night.pk, [22, 23])]
    assert "2 hours a week" in zhao_client.get(answer.url).content.decode()
    assert zhao_client.get(page(shop)).content.decode().count(" checked") == 2 + 1 + 168


def test_a_site_without_an_hour_is_refused_and_nothing_changes(zhao_client, shop):
    answer = zhao_client.post(page(shop), form(shop))
    assert answer.status_code == 409 and "Paint at least one hour" in answer.content.decode()
    assert not Listing.objects.exists()


def test_somebody_elses_offering_is_not_there(client, lin, shop):
    client.force_login(lin)
    assert client.get(page(shop)).status_code == 404
    assert client.get(page(shop).replace("yongli", "jiangnan")).status_code == 404


def test_the_page_takes_the_same_queries_however_many_sites(zhao_client, shop, django_assert_num_queries):
    zhao_client.get(page(shop))
    with django_assert_num_queries(10):
        zhao_client.get(page(shop))


def send(client, url, body):
    return client.post(url, body, content_type="application/json", headers={"idempotency-key": f"w{next(_keys)}"})


def test_programs_choose_too_and_never_somebody_elses_site(zhao_client, shop, market):
    url = f"/api/v1/provider/offerings/{shop.offering.public_id}/sites"
    assert zhao_client.get(url).json() == {"sites": []}
    both = {"sites": [{"site": shop.night.public_id, "hours": [1]}, {"site": shop.day.public_id}]}
    assert send(zhao_client, url, both).json()["sites"][1] == {"site": shop.day.public_id, "hours": []}
    assert send(zhao_client, url, {"sites": [{"site": market.site.public_id}]}).status_code == 404
    assert send(zhao_client, url, {"sites": [{"site": shop.day.public_id, "hours": [168]}]}).status_code == 400
    assert Listing.objects.count() == 2


def test_another_company_reaches_nothing_by_the_door(client, lin, shop, monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    client.force_login(lin)
    url = f"/api/v1/provider/offerings/{shop.offering.public_id}/sites"
    assert client.get(url).status_code == 404
    assert send(client, url, {"sites": []}).status_code == 404
