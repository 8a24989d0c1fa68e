"""The desk of models: a queue, decisions that are asked once more, prices and models."""

import re

import pytest
from django.urls import reverse

from marketplace.gateway import listing
from marketplace.gateway.models import AiModel, Price
from tests.conftest import join
from tests.marketplace.gateway.models_for_sale import ACTOR, make_draft, make_endpoint, make_model

pytestmark = pytest.mark.django_db
LIST = "/admin/gateway/endpoint/"


@pytest.fixture
def submitted(yongli, model, region, now):
    return make_endpoint(yongli, model, region, now, state="submitted")


@pytest.fixture
def staff(client, wang):
    client.force_login(wang)
    return client


def url_of(endpoint, what):
    return reverse("admin:gateway_endpoint_step", args=[endpoint.pk, what])


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\xa0", " ")


def test_the_board_leads_to_the_queue(staff, submitted):
    assert "1 Model endpoints to approve" in text_of(staff.get("/admin/"))
    assert submitted.model.name in text_of(staff.get(LIST, {"state__exact": "submitted"}))


@pytest.mark.parametrize("what", ["approve", "return"])
def test_what_is_decided_on_stands_on_the_page_of_the_decision(staff, submitted, yongli, what):
    text = text_of(staff.get(url_of(submitted, what)))
    for fact in ("https://models.yongli.example/v1", "kept, never shown", "2.00", "8.00", yongli.name, "8,192"):
        assert fact in text, fact
    assert "sk-of-yongli" not in text and submitted.secret not in text


def test_staff_approve_what_they_saw(staff, submitted):
    sent = {"seen": submitted.submitted_at.isoformat()}
    assert sent["seen"] in staff.get(url_of(submitted, "approve")).content.decode()
    assert staff.post(url_of(submitted, "approve"), sent).url == f"{LIST}?state__exact=submitted"
    submitted.refresh_from_db()
    assert submitted.state == "published"


def test_what_was_handed_in_anew_since_is_not_approved(staff, submitted, later):
    sent = {"seen": submitted.submitted_at.isoformat()}
    listing.withdraw_submission(endpoint=submitted, actor=ACTOR, now=later(minutes=1))
    listing.submit(endpoint=submitted, actor=ACTOR, now=later(minutes=2))
    assert "This changed while you were looking" in text_of(staff.post(url_of(submitted, "approve"), sent))
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_staff_return_it_with_a_reason(staff, submitted):
    assert "Say what the provider should change" in text_of(staff.post(url_of(submitted, "return"), {"reason": " "}))
    staff.post(url_of(submitted, "return"), {"reason": "Name the region."})
    submitted.refresh_from_db()
    assert (submitted.state, submitted.returned_reason) == ("draft", "Name the region.")


def test_staff_take_it_off_and_put_it_back(staff, endpoint):
    staff.post(url_of(endpoint, "take-off"), {"reason": "It answers nonsense."})
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.returned_reason) == ("paused", "It answers nonsense.")
    staff.post(url_of(endpoint, "put-back"))
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.returned_reason) == ("published", "")
    text = text_of(staff.get(f"{LIST}{endpoint.pk}/change/"))
    assert "taken off the shelf by the staff" in text and "user:" not in text
    assert "prices from 2026-11-23 09:12 on: input CNY 2.00, output CNY 8.00" in text


@pytest.mark.parametrize("what", ["approve", "return"])
def test_nobody_decides_about_a_model_of_his_own_company(staff, submitted, yongli, wang, what):
    join(wang, yongli, "buyer")
    assert "Approve" not in text_of(staff.get(f"{LIST}{submitted.pk}/change/"))
    sent = {"seen": submitted.submitted_at.isoformat(), "reason": "Too dear."}
    assert "somebody else on the desk decides" in text_of(staff.post(url_of(submitted, what), sent))
    submitted.refresh_from_db()
    assert (submitted.state, submitted.returned_reason) == ("submitted", "")


def test_who_may_only_look_does_not_decide(client, submitted, lin):
    lin.is_staff = True
    lin.save()
    client.force_login(lin)
    assert client.post(url_of(submitted, "approve")).status_code == 403
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_endpoints_and_prices_are_for_reading(staff, endpoint):
    price = Price.objects.first()
    before = list(Price.objects.values())
    for table, pk in (("endpoint", endpoint.pk), ("price", price.pk)):
        assert staff.get(f"/admin/gateway/{table}/").status_code == 200
        assert staff.get(f"/admin/gateway/{table}/add/").status_code == 403
        assert staff.post(f"/admin/gateway/{table}/{pk}/change/", {"uy_per_m": 1}).status_code == 403
        assert staff.post(f"/admin/gateway/{table}/{pk}/delete/", {"post": "yes"}).status_code == 403
    assert "any length of input, any hour" in text_of(staff.get("/admin/gateway/price/"))
    assert list(Price.objects.values()) == before


def test_staff_enter_models_and_one_that_is_served_keeps_its_name(staff, draft):
    sent = {"slug": "qwen3", "name": "Qwen3", "maker": "Alibaba", "country": "CN", "kind": "chat", "context_tokens": 9}
    assert staff.post("/admin/gateway/aimodel/add/", sent).status_code == 302
    made = AiModel.objects.get(slug="qwen3")
    staff.post(f"/admin/gateway/aimodel/{made.pk}/change/", {**sent, "slug": "qwen-3"})
    staff.post(f"/admin/gateway/aimodel/{draft.model_id}/change/", {**sent, "slug": "other", "maker": "DS"})
    assert list(AiModel.objects.order_by("slug").values_list("slug", "maker")) == [
        ("deepseek-v3.2", "DS"), ("qwen-3", "Alibaba")]
    assert staff.post(f"/admin/gateway/aimodel/{made.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_queue_takes_the_same_queries_however_long_it_is(
    staff, yongli, submitted, region, now, django_assert_num_queries
):
    staff.get(LIST)
    with django_assert_num_queries(10):
        staff.get(LIST)
    for n in range(5):
        make_draft(yongli, make_model(f"m{n}"), region, now)
    with django_assert_num_queries(10):
        staff.get(LIST)
