import pytest
from django.urls import reverse

from tests.marketplace.catalogue.goods import make_offering

pytestmark = pytest.mark.django_db
LIST = "/admin/catalogue/offering/"


@pytest.fixture
def submitted(yongli, package, region, cpu, now):
    return make_offering(yongli, package, region, cpu, now, state="submitted")


@pytest.fixture
def staff(client, chen):
    client.force_login(chen)
    return client


def test_the_queue_shows_how_long_each_waits(staff, submitted):
    html = staff.get(LIST, {"state__exact": "submitted"}).content.decode()
    assert "Demand forecast" in html and "waits for" in html.lower()


def test_staff_approve(staff, submitted):
    page = staff.get(f"{LIST}{submitted.pk}/change/").content.decode()
    assert "Approve" in page and "never more than" in page
    url = reverse("admin:catalogue_offering_approve", args=[submitted.pk])
    assert staff.get(url).status_code == 200
    submitted.refresh_from_db()
    assert submitted.state == "submitted"
    staff.post(url)
    submitted.refresh_from_db()
    assert submitted.state == "published"


def test_staff_return_with_a_reason(staff, submitted):
    url = reverse("admin:catalogue_offering_return", args=[submitted.pk])
    assert "Say what the provider should change" in staff.post(url, {"reason": " "}).content.decode()
    staff.post(url, {"reason": "Name the hours."})
    submitted.refresh_from_db()
    assert (submitted.state, submitted.returned_reason) == ("draft", "Name the hours.")


def test_who_may_only_look_does_not_decide(client, submitted, lin):
    lin.is_staff = True
    lin.save()
    client.force_login(lin)
    assert client.post(reverse("admin:catalogue_offering_approve", args=[submitted.pk])).status_code == 403
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


@pytest.mark.parametrize("model", ["package", "indexprice", "interest", "resourceclass", "region"])
def test_the_shelves_are_for_reading(staff, submitted, model):
    assert staff.get(f"/admin/catalogue/{model}/").status_code == 200
    assert staff.get(f"/admin/catalogue/{model}/add/").status_code == 403
