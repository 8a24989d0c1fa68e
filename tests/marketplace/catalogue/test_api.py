import itertools

import pytest

from marketplace.catalogue.models import Offering
from tests.marketplace.catalogue.goods import CNY, make_offering, make_package, make_site

pytestmark = pytest.mark.django_db
OWN = "/api/v1/provider/offerings"
_keys = itertools.count(1)


@pytest.fixture(autouse=True)
def _clock(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def send(client, url, body, method="post"):
    headers = {"idempotency-key": f"k{next(_keys)}"}
    return getattr(client, method)(url, body, content_type="application/json", headers=headers)


def test_everybody_reads_what_can_be_bought(client, offering):
    body = client.get("/api/v1/offerings?units=40").json()
    (item,) = body["items"]
    assert (item["public_id"], item["package"], item["region"]) == (offering.public_id, "cat-fc", "zhejiang")
    (plan,) = item["plans"]
    assert (plan["cap_uy"], plan["units"], plan["base_uy"]) == ("100000000", 40, "19000000")
    assert body["next_cursor"] is None
    assert client.get(f"/api/v1/offerings/{offering.public_id}").json()["plans"][0]["cap_uy"] == "60000000"


def test_a_draft_is_not_shown(client, draft):
    assert client.get("/api/v1/offerings").json()["items"] == []
    assert client.get(f"/api/v1/offerings/{draft.public_id}").status_code == 404


@pytest.mark.parametrize(
    ("query", "count"), [("region=zhejiang", 1), ("region=mars", 0), ("package=cat-fc", 1)]
)
def test_it_narrows_offerings(client, offering, query, count):
    assert len(client.get(f"/api/v1/offerings?{query}").json()["items"]) == count


def test_it_refuses_impossible_units(client, offering):
    assert client.get("/api/v1/offerings?units=0").status_code == 400


def test_packages_are_listed_searched_and_shown(client, offering):
    make_package("agr-rs", is_runnable=False, recipe="", industry="agriculture")
    assert len(client.get("/api/v1/packages").json()["items"]) == 2
    assert len(client.get("/api/v1/packages?runnable=true").json()["items"]) == 1
    assert len(client.get("/api/v1/packages?industry=agriculture").json()["items"]) == 1
    assert client.get("/api/v1/packages?industry=circus").status_code == 400
    found = client.get("/api/v1/packages", {"q": "销量预测"}).json()
    assert found["items"][0]["code"] == "cat-fc"
    assert client.get("/api/v1/packages/cat-fc").json()["sizing_default"] == 20
    assert client.get("/api/v1/packages/nothing").status_code == 404


def test_a_list_of_offerings_takes_two_queries(client, yongli, region, cpu, now, django_assert_num_queries):
    for number in range(12):
        make_offering(yongli, make_package(f"p-{number}"), region, cpu, now)
    with django_assert_num_queries(2):
        assert len(client.get("/api/v1/offerings").json()["items"]) == 12


def test_a_provider_lists_an_offering(client, zhao, yongli, package, region, cpu, now):
    client.force_login(zhao)
    made = send(client, OWN, {"package": "cat-fc", "region": "zhejiang", "resource_class": "cpu"})
    assert made.status_code == 201, made.content
    url = f"{OWN}/{made.json()['public_id']}"
    named = send(client, url, {"name": "Night kitchen"}, "patch")
    assert named.json()["title"] == "Night kitchen"
    priced = send(client, url + "/price", {"base_uy": "19000000", "core_limit_cms": "3600000"})
    assert priced.json()["plans"][0]["cap_uy"] == str(19 * CNY)
    early = send(client, url + "/steps", {"step": "submit"})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "site_needed")
    site = make_site(yongli, region, cpu, now)
    placed = send(client, url + "/sites", {"sites": [{"site": site.public_id, "hours": [3, 1]}]})
    assert placed.json() == {"sites": [{"site": site.public_id, "hours": [1, 3]}]}
    assert send(client, url + "/steps", {"step": "submit"}).json()["state"] == "submitted"
    assert [item["state"] for item in client.get(OWN).json()["items"]] == ["submitted"]


def test_a_refused_step_changes_nothing(client, zhao, draft):
    client.force_login(zhao)
    response = send(client, f"{OWN}/{draft.public_id}/steps", {"step": "submit"})
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "price_needed"
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_a_provider_does_not_publish_for_itself(client, zhao, draft):
    client.force_login(zhao)
    assert send(client, f"{OWN}/{draft.public_id}/steps", {"step": "publish"}).status_code == 400


def test_somebody_elses_offering_is_a_404(client, lin, draft):
    client.force_login(lin)
    assert client.get(f"{OWN}/{draft.public_id}").status_code == 404
    assert send(client, f"{OWN}/{draft.public_id}", {"name": "Mine"}, "patch").status_code == 404
    assert Offering.objects.get().name == ""


def test_nobody_lists_without_signing_in(client, draft):
    assert client.get(OWN).status_code in (401, 403)
