"""REST: what calls of models came to, in sums and one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.accounts import actions as accounts
from portal.core import clock
from tests.conftest import NOW
from tests.marketplace.gateway.use_cast import Use, use

__all__ = ["use"]
SUMS, CALLS = "/api/v1/model-use/", "/api/v1/model-calls/"


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def ask(client, lin):
    def run(path: str, organisation=None, scopes=("read",), **query):
        company = organisation or lin.memberships.get().organisation
        _key, secret = accounts.create_key(
            organisation=company, user=lin, name="p", scopes=list(scopes), now=NOW, actor="user:1"
        )
        return client.get(path, query, headers={"Authorization": f"Bearer {secret}"})

    return run


@pytest.fixture
def used(use: Use):
    till, shop = use.key("till"), use.key("shop")
    embed = use.other_model()
    use.call(till, charge_uy=1_000_001, reserved_uy=2_000_000)
    use.call(till, model=embed, charge_uy=20, reserved_uy=20, input_tokens=9)
    use.call(shop, at=NOW - timedelta(days=2), charge_uy=300, reserved_uy=300, end="upstream")
    return {"till": till.public_id, "shop": shop.public_id}


def test_sums_by_day_are_strings_and_add_up(ask, used):
    body = ask(SUMS).json()
    assert (body["first"], body["last"], body["by"]) == ("2026-11-17", "2026-11-23", "day")
    assert [(line["value"], line["charge_uy"]) for line in body["lines"]] == [
        ("2026-11-21", "300"), ("2026-11-23", "1000021")]  # fmt: skip
    assert body["total"] == {
        "input_tokens": "2009", "cached_tokens": "0", "cache_write_tokens": "0", "output_tokens": "1000",
        "reasoning_tokens": "0", "pack_tokens": "0", "charge_uy": "1000321", "calls": 3, "failed": 1,
    }  # fmt: skip


def test_sums_by_key_and_by_model(ask, used):
    by_key = ask(SUMS, by="key").json()["lines"]
    assert [(line["value"], line["name"], line["charge_uy"]) for line in by_key] == [
        (used["till"], "till", "1000021"), (used["shop"], "shop", "300")]  # fmt: skip
    by_model = ask(SUMS, by="model", key=used["till"]).json()["lines"]
    assert {line["value"]: line["charge_uy"] for line in by_model} == {"qwen3-8b": "1000001", "bge-m3": "20"}


def test_calls_come_newest_first_a_page_at_a_time(ask, used):
    first = ask(CALLS, limit=2).json()
    second = ask(CALLS, limit=2, cursor=first["next_cursor"]).json()
    assert [row["charge_uy"] for row in first["items"] + second["items"]] == ["300", "20", "1000001"]
    assert second["next_cursor"] is None


def test_a_call_says_its_tokens_its_prices_and_who_served_it(ask, used):
    row = ask(CALLS, model="bge-m3").json()["items"][0]
    assert (row["key"], row["model"], row["provider"]) == (used["till"], "bge-m3", "yongli")
    assert (row["input_tokens"], row["output_tokens"], row["charge_uy"]) == ("9", "0", "20")
    assert row["prices"] == {"input": "2000000", "cached": "500000", "output": "8000000"}
    assert row["received_at"] == "2026-11-23T01:12:00Z"
    assert not {"journal", "base_url", "organisation"} & row.keys()


def test_filters_narrow_the_calls(ask, used):
    assert len(ask(CALLS, key=used["shop"]).json()["items"]) == 1
    assert len(ask(CALLS, first="2026-11-23", last="2026-11-23").json()["items"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"by": "country"}, {"first": "soon"}, {"first": "2026-02-01", "last": "2026-01-01"},
        {"first": "2024-01-01", "last": "2026-01-01"}, {"key": "tky_none"}, {"model": "gpt-9"},
    ],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_a_400(ask, used, query):
    assert ask(SUMS, **query).status_code == 400
    if "by" not in query:
        assert ask(CALLS, **query).status_code == 400


def test_another_company_reads_nothing_of_it(ask, used, yongli):
    assert ask(CALLS, yongli).json()["items"] == []
    assert ask(SUMS, yongli).json()["lines"] == []
    assert ask(CALLS, yongli, key=used["till"]).status_code == 400


def test_it_needs_the_right_to_read(ask, used):
    for path in (SUMS, CALLS):
        assert ask(path, scopes=["order"]).status_code == 403


@pytest.mark.parametrize(("path", "queries"), [(f"{SUMS}?by=key", 2), (CALLS, 2)])
def test_it_takes_the_same_queries_for_one_call_and_for_many(
    client, use: Use, lin, django_assert_num_queries, path, queries
):
    _key, secret = accounts.create_key(
        organisation=use.company, user=lin, name="p", scopes=["read"], now=NOW, actor="user:1"
    )
    headers = {"Authorization": f"Bearer {secret}"}
    for n in (1, 12):
        for i in range(n):
            use.call(use.key(f"{n} {i}"))
        client.get(path, headers=headers)
        with django_assert_num_queries(queries):
            client.get(path, headers=headers)
