"""Pages of the keys that call models."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from marketplace.gateway import key_actions
from marketplace.gateway.models import AccessKey, Endpoint
from marketplace.gateway.where import gateway_url
from portal.accounts import secrets
from portal.core import clock
from portal.history.models import Step
from tests.conftest import NOW
from tests.marketplace.gateway.use_cast import Use, use

__all__ = ["use"]
LIST = "/c/jiangnan/model-keys/"
NEW = "/c/jiangnan/model-keys/new/"
WISH = {"name": "till", "cap_period": "month", "life": "90"}


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def as_(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_gateways_address_is_the_sites_unless_it_has_its_own(settings):
    settings.SITE_URL, settings.GATEWAY_URL = "https://suanli.example", ""
    assert gateway_url() == "https://suanli.example/v1"
    settings.GATEWAY_URL = "https://models.suanli.example/v1/"
    assert gateway_url() == "https://models.suanli.example/v1"


def test_without_a_key_the_page_leads_to_the_first(as_, use: Use, lin):
    response = as_(lin).get(LIST)
    assert "No key yet" in text_of(response)
    assert f'href="{NEW}"' in response.content.decode()


def test_a_new_key_is_shown_once_with_what_a_program_needs(as_, use: Use, lin, bo):
    client = as_(bo)
    response = client.post(NEW, {**WISH, "user": lin.pk, "allowed": ["qwen3-8b"], "cap": "12.5"})
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    key, text = AccessKey.objects.get(), response.context["text"]
    assert secrets.same(text.split("_", 2)[2], key.secret_hash)
    page = response.content.decode()
    assert page.count(text) == 3, "to copy, for curl, for Python"
    for line in (gateway_url(), "curl ", "from openai import OpenAI", "qwen3-8b"):
        assert line in page
    assert (key.user, key.created_by, key.cap_uy, key.allowed) == (lin, bo, 12_500_000, ["qwen3-8b"])
    assert key.expires_at == NOW + timedelta(days=90)
    for path in (LIST, f"{LIST}{key.public_id}/"):
        assert text.split("_", 2)[2] not in client.get(path).content.decode()


def test_the_lines_to_try_name_a_model_that_writes_text(as_, use: Use, lin):
    served = {"provider": use.endpoint.provider, "region": use.endpoint.region, "state": "published", "created_at": NOW}
    Endpoint.objects.create(
        model=use.other_model("aaa-vectors"), base_url="https://v.test/v1", upstream_model="v", output_tokens=0,
        **served
    )
    use.other_model("aaa-nobody-serves")
    assert as_(lin).post(NEW, {**WISH, "user": lin.pk}).context["model"] == "qwen3-8b"
    only = {**WISH, "user": lin.pk, "allowed": ["aaa-vectors"]}
    assert as_(lin).post(NEW, only).context["model"] == "aaa-vectors"


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""), ("cap", "0"), ("cap", "-1"), ("calls_per_minute", "0"), ("tokens_per_minute", "many"),
        ("addresses", "192.0.2.0/24\nkitchen"), ("allowed", ["gpt-9"]), ("only", ["nobody"]), ("region", "atlantis"),
        ("max_input", "0"), ("user", "0"), ("life", "7"),
    ],
)  # fmt: skip
def test_a_wrong_wish_says_where_and_makes_nothing(as_, use: Use, lin, field, typed):
    response = as_(lin).post(NEW, {**WISH, "user": lin.pk, field: typed})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert not AccessKey.objects.exists()


def test_the_fifty_first_key_is_refused_in_words(as_, use: Use, lin, monkeypatch):
    monkeypatch.setattr(key_actions, "KEYS_MOST", 1)
    use.key()
    response = as_(lin).post(NEW, {**WISH, "user": lin.pk})
    assert response.status_code == 422
    assert "at most 1 keys" in text_of(response)
    assert AccessKey.objects.count() == 1


def test_a_key_cannot_be_made_for_somebody_elses_people(as_, use: Use, lin, zhao):
    assert as_(lin).post(NEW, {**WISH, "user": zhao.pk}).status_code == 422
    assert not AccessKey.objects.exists()


def test_who_keeps_the_books_looks_and_changes_nothing(as_, use: Use, mei):
    key = use.key()
    client, steps = as_(mei), Step.objects.count()
    assert client.get(LIST).status_code == client.get(f"{LIST}{key.public_id}/").status_code == 200
    assert NEW not in client.get(LIST).content.decode()
    before = AccessKey.objects.values().get()
    for path in (NEW, f"{LIST}{key.public_id}/limits/", f"{LIST}{key.public_id}/revoke/"):
        assert client.get(path).status_code == 403
        assert client.post(path, {**WISH, "user": mei.pk}).status_code == 403
    assert AccessKey.objects.values().get() == before
    assert Step.objects.count() == steps


def test_the_list_says_the_limits_in_words_and_what_was_spent_this_month(as_, use: Use, lin, yongli):
    key = use.key(
        allowed=["qwen3-8b"], cap_uy=50_000_000, cap_period="day", calls_per_minute=60, tokens_per_minute=100_000,
        addresses=["192.0.2.7"], expires_at=NOW + timedelta(days=30),
        prefer={"only": ["yongli"], "region": "zhejiang", "max_price": {"output": 9_000_000}},
    )  # fmt: skip
    use.call(key, charge_uy=2_000_000, reserved_uy=2_000_000)
    use.call(key, at=NOW - timedelta(days=31), charge_uy=9_000_000, reserved_uy=9_000_000)
    text = text_of(as_(lin).get(LIST))
    for words in (
        "at most CNY 50.00 a day", "only qwen3-8b", "60 calls a minute", "100,000 tokens a minute",
        "only from 192.0.2.7/32", f"only served by {yongli.name}", "only in Zhejiang",
        "output: at most CNY 9.00 a million tokens", "until 23 December 2026", "2.00",
    ):  # fmt: skip
        assert words in text
    assert "11.00" not in text


def test_keys_that_no_longer_work_stand_apart(as_, use: Use, lin):
    ended, revoked = use.key("ended", expires_at=NOW + timedelta(seconds=1)), use.key("revoked")
    AccessKey.objects.filter(pk=ended.pk).update(expires_at=NOW)
    key_actions.revoke_key(key=revoked, now=NOW, actor="user:1")
    use.key("works")
    response = as_(lin).get(LIST)
    assert [row["key"].name for row in response.context["rows"]] == ["works"]
    assert {key.name for key in response.context["past"]} == {"ended", "revoked"}


def test_a_keys_page_shows_its_use_by_day_and_what_happened_to_it(as_, use: Use, lin):
    key, other = use.key(), use.key("other")
    for _n in range(2):
        use.call(key, charge_uy=1_500_001, reserved_uy=2_000_000)
    use.call(other, charge_uy=7, reserved_uy=7)
    use.call(key, at=NOW - timedelta(days=1), charge_uy=1, reserved_uy=1)
    response = as_(lin).get(f"{LIST}{key.public_id}/")
    assert [(str(day), sums.calls, sums.charge_uy) for day, sums in response.context["days"]] == [
        ("2026-11-23", 2, 3_000_002), ("2026-11-22", 1, 1)]  # fmt: skip
    text = text_of(response)
    assert "3.000003" in text
    assert "made for lin@jiangnan.test" in text


def test_other_limits_are_saved_and_what_the_form_does_not_show_stays(as_, use: Use, lin):
    ends = NOW + timedelta(days=3)
    key = use.key(cap_uy=1_000_000, expires_at=ends, addresses=["192.0.2.0/24"],
                  prefer={"max_price": {"cached": 5, "output": 8_000_000}, "only": ["yongli"]})  # fmt: skip
    client, path = as_(lin), f"{LIST}{key.public_id}/limits/"
    form = client.get(path).context["form"]
    sent = {name: form[name].value() for name in form.fields if form[name].value() not in (None, "")}
    assert (sent["life"], str(sent["cap"]), str(sent["max_output"])) == ("keep", "1", "8")
    response = client.post(path, {**sent, "cap": "2", "calls_per_minute": "9"})
    assert response.status_code == 302
    before = {"secret_hash": key.secret_hash, "prefer": key.prefer, "expires_at": ends, "addresses": ["192.0.2.0/24"]}
    after = AccessKey.objects.values().get()
    assert {name: after[name] for name in before} == before
    assert (after["cap_uy"], after["calls_per_minute"]) == (2_000_000, 9)


def test_the_page_asks_before_it_revokes(as_, use: Use, lin):
    key, client = use.key(), as_(lin)
    path = f"{LIST}{key.public_id}/revoke/"
    assert "cannot be undone" in text_of(client.get(path))
    key.refresh_from_db()
    assert key.revoked_at is None
    assert client.post(path).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at == NOW
    assert "Revoked on" in text_of(client.get(f"{LIST}{key.public_id}/"))


@pytest.mark.parametrize("name", ["key", "key_limits", "revoke_key"])
def test_somebody_elses_key_is_a_404(as_, use: Use, zhao, name):
    key = use.key()
    before = AccessKey.objects.values().get()
    for slug in ("yongli", "jiangnan"):
        path = reverse(f"gateway:{name}", args=[slug, key.public_id])
        assert as_(zhao).get(path).status_code == 404
        assert as_(zhao).post(path, WISH).status_code in (404, 405)
    assert AccessKey.objects.values().get() == before


def queries_of(client, path) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def test_the_list_takes_the_same_queries_for_one_key_and_for_many(as_, use: Use, lin):
    client = as_(lin)

    def more(n: int) -> None:
        key = use.key(f"key {n}", prefer={"only": ["yongli"], "region": "zhejiang"})
        use.call(key)
        key_actions.revoke_key(key=use.key(f"old {n}"), now=NOW, actor="user:1")

    more(1)
    one = queries_of(client, LIST)
    for n in range(2, 9):
        more(n)
    assert (one, queries_of(client, LIST)) == (QUERIES_LIST, QUERIES_LIST)


QUERIES_LIST = 12
