import re

import pytest
from django.urls import reverse

from marketplace.catalogue import actions
from portal.core.errors import Refused
from tests.conftest import join
from tests.marketplace.catalogue.goods import CNY, make_offering

pytestmark = pytest.mark.django_db
LIST = "/admin/catalogue/offering/"


@pytest.fixture
def submitted(yongli, package, region, cpu, now):
    return make_offering(yongli, package, region, cpu, now, state="submitted")


@pytest.fixture
def submitted_other(yongli, package, region, cpu, now):
    return make_offering(yongli, package, region, cpu, now, state="submitted")


@pytest.fixture
def staff(client, chen):
    client.force_login(chen)
    return client


def test_the_queue_shows_how_long_each_waits(staff, submitted):
    html = staff.get(LIST, {"state__exact": "submitted"}).content.decode()
    assert "Demand forecast" in html and "waits for" in html.lower()


def url_of(offering, what):
    return reverse("admin:catalogue_offering_step", args=[offering.pk, what])


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\xa0", " ")


def test_the_queue_shows_cap_prices_and_sites(staff, submitted):
    text = text_of(staff.get(LIST, {"state__exact": "submitted"}))
    assert "CNY 60 for 20 outlets" in text
    assert "19.00 + 2.00 a unit + 0.09 a core-hour, 10.0 core-hours at most" in text
    assert f"Hall {submitted.pk}, all hours of the week" in text


@pytest.mark.parametrize("what", ["approve", "return"])
def test_what_is_decided_on_stands_on_the_page_of_the_decision(staff, submitted, yongli, what):
    text = text_of(staff.get(url_of(submitted, what)))
    for fact in ("CNY 60 for 20 outlets", "holds now", "It was never on the shelf", yongli.name, "Go back"):
        assert fact in text, fact
    assert "price set: base CNY 19.00, CNY 2.00 a unit, CNY 0.09 a core-hour, 10.0 core-hours at most" in text


def test_staff_approve_and_land_on_the_queue_they_came_from(staff, submitted):
    page = staff.get(f"{LIST}{submitted.pk}/change/?_changelist_filters=state__exact%3Dsubmitted%26region%3D1")
    assert f"{url_of(submitted, 'approve')}?_changelist_filters=state__exact%3Dsubmitted%26region%3D1" in (
        page.content.decode().replace("&amp;", "&")
    )
    assert staff.get(url_of(submitted, "approve")).status_code == 200
    submitted.refresh_from_db()
    assert submitted.state == "submitted"
    seen = {"seen": submitted.submitted_at.isoformat()}
    back = staff.post(f"{url_of(submitted, 'approve')}?_changelist_filters=state__exact%3Dsubmitted%26region%3D1", seen)
    assert back.url == f"{LIST}?state__exact=submitted&region=1"
    submitted.refresh_from_db()
    assert submitted.state == "published"


def test_a_price_raised_between_the_look_and_the_decision_is_not_approved(staff, submitted, later):
    seen = {"seen": submitted.submitted_at.isoformat()}
    by = {"offering": submitted, "actor": "user:1"}
    actions.withdraw_submission(now=later(minutes=1), **by)
    actions.set_price(now=later(minutes=2), base_uy=900 * CNY, core_limit_cms=1, **by)
    actions.submit(now=later(minutes=3), **by)
    assert "This changed while you were looking" in text_of(staff.post(url_of(submitted, "approve"), seen))
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_staff_return_with_a_reason(staff, submitted):
    url = url_of(submitted, "return")
    assert "Say what the provider should change" in staff.post(url, {"reason": " "}).content.decode()
    assert staff.post(url, {"reason": "Name the hours."}).url == f"{LIST}?state__exact=submitted"
    submitted.refresh_from_db()
    assert (submitted.state, submitted.returned_reason) == ("draft", "Name the hours.")


def test_after_a_return_the_page_says_what_changed(staff, submitted, later):
    by = {"offering": submitted, "actor": "user:1"}
    actions.return_to_draft(reason="Too dear.", now=later(minutes=1), offering=submitted, actor="user:2")
    actions.set_price(now=later(minutes=2), base_uy=5 * CNY, core_limit_cms=3_600_000, **by)
    actions.submit(now=later(minutes=3), **by)
    text = text_of(staff.get(url_of(submitted, "approve")))
    assert "price set: base CNY 5.00, CNY 0.00 a unit, CNY 0.00 a core-hour, 1.00 core-hours at most" in text
    assert "It was never on the shelf" not in text


def test_staff_take_a_published_one_off_and_put_it_back(staff, client, offering, zhao, now):
    off = url_of(offering, "take-off")
    assert "Say what the provider should change" in staff.post(off, {"reason": ""}).content.decode()
    assert staff.post(off, {"reason": "The site is on fire."}).url == f"{LIST}?state__exact=published"
    offering.refresh_from_db()
    assert (offering.state, offering.returned_reason) == ("paused", "The site is on fire.")
    with pytest.raises(Refused) as refused:
        actions.resume(offering=offering, actor="user:1", now=now)
    assert refused.value.code == "taken_off"
    client.force_login(zhao)
    page = client.get(f"/c/yongli/offerings/{offering.public_id}/").content.decode()
    assert "The site is on fire." in page
    assert "/resume/" not in page


def test_it_is_put_back_with_its_history_in_words(staff, offering, now):
    actions.take_off(offering=offering, reason="The site is on fire.", actor="user:2", now=now)
    staff.post(url_of(offering, "put-back"))
    offering.refresh_from_db()
    assert (offering.state, offering.returned_reason) == ("published", "")
    text = text_of(staff.get(f"{LIST}{offering.pk}/change/"))
    assert "published → paused: taken off the shelf by the staff" in text
    assert "user:" not in text


def test_what_the_provider_paused_is_not_put_back(staff, offering, now):
    actions.pause(offering=offering, actor="user:1", now=now)
    assert "Nothing to decide here now" in text_of(staff.get(url_of(offering, "put-back")))
    staff.post(url_of(offering, "put-back"))
    offering.refresh_from_db()
    assert offering.state == "paused"


def test_the_shop_opens_exactly_this_offering(staff, offering, submitted_other):
    page = staff.get(f"{LIST}{offering.pk}/change/").content.decode()
    assert f'href="/p/cat-fc/?offering={offering.public_id}"' in page
    assert "?offering=" not in staff.get(f"{LIST}{submitted_other.pk}/change/").content.decode()


def test_who_may_only_look_does_not_decide(client, submitted, lin):
    lin.is_staff = True
    lin.save()
    client.force_login(lin)
    assert client.post(url_of(submitted, "approve")).status_code == 403
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


@pytest.mark.parametrize("model", ["package", "indexprice", "interest", "resourceclass", "region"])
def test_the_shelves_are_for_reading(staff, submitted, model):
    assert staff.get(f"/admin/catalogue/{model}/").status_code == 200
    assert staff.get(f"/admin/catalogue/{model}/add/").status_code == 403


# a price that was raised since staff saw it


def price(offering, base_cny: int, now) -> None:
    """CNY 60 is the cap of what staff approved; 19 of it are the base."""
    actions.set_price(
        offering=offering, base_uy=base_cny * CNY, per_unit_uy=2 * CNY, rate_uy_per_hour=90_000,
        core_limit_cms=36_000_000, actor="user:1", now=now,
    )  # fmt: skip
    offering.refresh_from_db()


def test_a_cap_a_fifth_above_the_one_that_was_approved_is_looked_at_again(offering, later):
    price(offering, 31, later(hours=1))  # 72
    assert offering.price_raised_at is None
    price(offering, 32, later(hours=2))  # 73
    assert offering.price_raised_at == later(hours=2)
    price(offering, 31, later(hours=3))
    assert offering.price_raised_at is None


def test_many_small_rises_are_measured_against_what_staff_saw(offering, later):
    for hour, base in enumerate((25, 31, 37), 1):  # 66, 72, 78
        price(offering, base, later(hours=hour))
    assert offering.price_raised_at == later(hours=3)


def test_staff_find_it_on_the_board_and_say_that_it_is_all_right(staff, offering, later):
    listed = f"{LIST}?state__exact=published&price_raised_at__isempty=0"
    price(offering, 160, later(hours=1))
    board = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", staff.get("/admin/").content.decode()))
    assert "1 Prices raised since review" in board
    assert offering.title in staff.get(listed).content.decode()
    url = f"{LIST}{offering.pk}/do/price-ok/"
    assert url in staff.get(f"{LIST}{offering.pk}/change/").content.decode()
    seen = offering.price_raised_at.isoformat()
    assert seen in staff.get(url).content.decode()
    price(offering, 260, later(hours=2))
    staff.post(url, {"seen": seen})  # it was raised again meanwhile
    offering.refresh_from_db()
    assert offering.price_raised_at == later(hours=2)
    staff.post(url, {"seen": offering.price_raised_at.isoformat()})
    offering.refresh_from_db()
    assert (offering.price_raised_at, offering.state) == (None, "published")
    with pytest.raises(Refused):
        actions.accept_price(offering=offering, actor="user:2", now=later(hours=3))


def test_after_staff_have_looked_the_new_price_is_what_rises_are_measured_against(offering, later):
    price(offering, 160, later(hours=1))
    actions.accept_price(offering=offering, actor="user:2", now=later(hours=2))
    price(offering, 190, later(hours=3))  # 231 against 201
    assert offering.price_raised_at is None
    price(offering, 210, later(hours=4))  # 251
    assert offering.price_raised_at == later(hours=4)


def test_a_draft_has_no_price_that_was_seen(draft, later):
    price(draft, 160, later(hours=1))
    assert draft.price_raised_at is None


@pytest.mark.parametrize("what", ["approve", "return"])
def test_nobody_decides_about_an_offering_of_his_own_company(client, submitted, yongli, wang, what):
    join(wang, yongli, "buyer")
    client.force_login(wang)
    shown = text_of(client.get(f"{LIST}{submitted.pk}/change/"))
    assert "You belong to this company" in shown and "Approve" not in shown
    sent = {"seen": submitted.submitted_at.isoformat(), "reason": "Too dear."}
    assert "somebody else on the desk decides" in text_of(client.post(url_of(submitted, what), sent))
    before = submitted.state, submitted.submitted_at
    submitted.refresh_from_db()
    assert (submitted.state, submitted.submitted_at) == before
