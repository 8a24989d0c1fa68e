"""What was used: sums, single calls, why one cost what it cost, and files for a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from bank.ledger import actions as ledger
from marketplace.gateway import leases, use_explain, use_queries, use_views
from marketplace.gateway.models import Call
from portal.core import clock
from tests.conftest import NOW
from tests.marketplace.gateway.test_key_pages import as_, queries_of, text_of
from tests.marketplace.gateway.use_cast import PRICES, Use, use

__all__ = ["as_", "use"]
USE = "/c/jiangnan/model-use/"
CALLS = "/c/jiangnan/model-use/calls/"
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


def rows_of(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode()
    assert text[0] == "\ufeff"
    return list(csv.reader(io.StringIO(text[1:])))


def charged(lines) -> dict[str, int]:
    return {line.name: line.sums.charge_uy for line in lines}


def test_without_a_call_the_page_leads_to_making_a_key(as_, use: Use, lin, mei):
    response = as_(lin).get(USE)
    assert "No call yet" in text_of(response)
    assert 'href="/c/jiangnan/model-keys/new/"' in response.content.decode()
    assert "model-keys/new" not in as_(mei).get(USE).content.decode()


def test_a_time_without_calls_is_not_the_same_as_no_call_ever(as_, use: Use, lin):
    use.call(use.key(), at=NOW - timedelta(days=60))
    assert "Nothing in this time." in text_of(as_(lin).get(USE))


def test_the_sums_by_key_model_and_day_are_the_same_to_the_micro_yuan(as_, use: Use, lin):
    till, shop, embed = use.key("till"), use.key("shop"), use.other_model()
    use.call(till, charge_uy=1_000_001, reserved_uy=2_000_000)
    use.call(till, model=embed, charge_uy=20, reserved_uy=20)
    use.call(shop, at=NOW - timedelta(days=2), charge_uy=300, reserved_uy=300, end="upstream")
    context = as_(lin).get(USE).context
    assert context["total"].charge_uy == 1_000_321
    assert (context["total"].calls, context["total"].failed, context["total"].tokens) == (3, 1, 4_500)
    assert charged(context["keys"]) == {"till": 1_000_021, "shop": 300}
    assert charged(context["models"]) == {"Qwen3 8B": 1_000_301, "BGE-M3": 20}
    assert {str(d): s.charge_uy for d, s, _url in context["by_day"]} == {"2026-11-23": 1_000_021, "2026-11-21": 300}
    assert len(context["bars"]) == 7
    assert sum(sum(parts) for _day, parts in context["bars"]) == 4_500


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("", "2026-11-17", "2026-11-23"), ("?over=today", "2026-11-23", "2026-11-23"),
        ("?over=week", "2026-11-17", "2026-11-23"), ("?over=month", "2026-11-01", "2026-11-23"),
        ("?over=last", "2026-10-01", "2026-10-31"),
        ("?over=days&first=2026-01-02&last=2026-01-03", "2026-01-02", "2026-01-03"),
    ],
)  # fmt: skip
def test_the_time_stands_in_the_address_in_utc_days(as_, use: Use, lin, query, first, last):
    use.call(use.key())
    asked = as_(lin).get(USE + query).context["asked"]
    assert (str(asked.first), str(asked.last)) == (first, last)


def test_the_day_is_that_of_utc_and_not_of_the_platform(as_, use: Use, lin, monkeypatch):
    """At 07:30 in Beijing the UTC day is still yesterday's."""
    monkeypatch.setattr(clock, "now", lambda: MIDNIGHT - timedelta(minutes=30))
    key = use.key()
    use.call(key, at=MIDNIGHT - timedelta(minutes=31), charge_uy=1, reserved_uy=1)
    use.call(key, at=MIDNIGHT, charge_uy=20, reserved_uy=20)
    client = as_(lin)
    assert str(client.get(USE + "?over=today").context["asked"].last) == "2026-11-22"
    assert client.get(USE + "?over=today").context["total"].charge_uy == 1
    assert [c.charge_uy for c in client.get(CALLS + "?over=today").context["calls"]] == [1]


@pytest.mark.parametrize(
    "query",
    [
        "over=days", "over=days&first=2026-01-03&last=2026-01-02", "over=days&first=2025-01-01&last=2026-01-02",
        "over=days&first=x&last=2026-01-02", "over=ever", "over=days&first=0001-01-01&last=0001-01-02",
    ],
)  # fmt: skip
def test_days_that_are_none_are_said_so(as_, use: Use, lin, query):
    use.call(use.key())
    for path in (USE, CALLS):
        assert as_(lin).get(f"{path}?{query}").status_code == 422


def test_a_key_and_a_model_narrow_everything(as_, use: Use, lin):
    till, shop, embed = use.key("till"), use.key("shop"), use.other_model()
    use.call(till, charge_uy=1, reserved_uy=1)
    use.call(till, model=embed, charge_uy=20, reserved_uy=20)
    use.call(shop, model=embed, charge_uy=300, reserved_uy=300)
    query, client = f"?key={till.public_id}&model=bge-m3", as_(lin)
    context = client.get(USE + query).context
    assert (charged(context["keys"]), charged(context["models"])) == ({"till": 20}, {"BGE-M3": 20})
    assert [c.charge_uy for c in client.get(CALLS + query).context["calls"]] == [20]
    assert len(rows_of(client.get(f"{USE}calls.csv{query}"))) == len(rows_of(client.get(f"{USE}sums.csv{query}"))) == 2


def test_another_companys_key_or_a_model_that_is_none_is_a_404(as_, use: Use, lin, zhao):
    key = use.key()
    for path in (USE, CALLS, f"{USE}sums.csv", f"{USE}calls.csv"):
        assert as_(lin).get(f"{path}?model=gpt-9").status_code == 404
        assert as_(zhao).get(path.replace("jiangnan", "yongli") + f"?key={key.public_id}").status_code == 404
        assert as_(zhao).get(path).status_code == 404


def test_a_company_sees_its_own_calls_only(as_, use: Use, zhao):
    use.call(use.key())
    context = as_(zhao).get("/c/yongli/model-use/").context
    assert context["total"].calls == 0
    assert context["never"]
    assert as_(zhao).get("/c/yongli/model-use/calls/").context["calls"] == []


def test_more_than_fifty_keys_are_one_line_that_still_adds_up(as_, use: Use, lin, monkeypatch):
    monkeypatch.setattr(use_views, "LINES_MOST", 2)
    for n in range(1, 5):
        use.call(use.key(f"k{n}"), charge_uy=n, reserved_uy=n)
    context = as_(lin).get(USE).context
    assert charged(context["keys"]) == {"k4": 4, "k3": 3, "all others": 3}
    assert sum(line.sums.charge_uy for line in context["keys"]) == context["total"].charge_uy


def test_single_calls_are_turned_over_without_losing_one_while_new_ones_come(as_, use: Use, lin, monkeypatch):
    monkeypatch.setattr(use_views, "CALLS", 2)
    key, client = use.key(), as_(lin)
    made = [use.call(key).request_id for _n in range(5)]
    seen, path = [], CALLS
    while path:
        context = client.get(path).context
        seen += [call.request_id for call in context["calls"]]
        path = context["older_url"]
        use.call(key)
    assert seen == made[::-1]


def test_a_place_in_the_list_that_we_did_not_give_is_a_404(as_, use: Use, lin):
    assert as_(lin).get(CALLS + "?before=17").status_code == 404


def test_the_sums_come_as_a_file(as_, use: Use, lin):
    till = use.key("=1+1")
    use.call(till, charge_uy=1_000_001, reserved_uy=2_000_000, pack_tokens=5, input_tokens=7, output_tokens=3)
    use.call(till, at=NOW - timedelta(days=1), charge_uy=2, reserved_uy=2, end="empty")
    head, first, second = rows_of(as_(lin).get(f"{USE}sums.csv"))
    assert head[0] == "UTC day"
    assert first[:4] == ["2026-11-22", "'=1+1", till.public_id, "qwen3-8b"]
    assert first[-3:] == ["1", "1", "0.000002"]
    assert second[4:] == ["7", "0", "0", "3", "0", "5", "1", "0", "1.000001"]


def test_the_single_calls_come_as_a_file_that_says_when_it_is_cut(as_, use: Use, lin, monkeypatch):
    monkeypatch.setattr(use_queries, "CHUNK", 2)
    key = use.key()
    made = [use.call(key, charge_uy=n, reserved_uy=n).request_id for n in range(5)]
    client = as_(lin)
    response = client.get(f"{USE}calls.csv")
    assert response["Content-Disposition"] == 'attachment; filename="model-calls-2026-11-17-2026-11-23.csv"'
    assert [row[1] for row in rows_of(response)[1:]] == made[::-1]
    monkeypatch.setattr(use_views, "ROWS_MOST", 3)
    rows = rows_of(client.get(f"{USE}calls.csv"))
    assert [row[1] for row in rows[1:-1]] == made[:1:-1]
    assert rows[-1][0].startswith("Cut after 3 rows.")
    monkeypatch.setattr(use_views, "ROWS_MOST", 5)
    assert len(rows_of(client.get(f"{USE}calls.csv"))) == 6


def test_a_file_has_at_most_a_hundred_thousand_rows():
    assert use_views.ROWS_MOST == 100_000


# what one call cost, and why


def test_the_cost_is_tokens_times_price_rounded_once_half_to_the_even_one(use: Use):
    """1 × 1.5 + 1 × 1 = 2.5 micro-yuan → 2; each line rounded on its own would have made 3."""
    call = use.call(use.key(), input_tokens=1, output_tokens=1, prices={"input": 1_500_000, "output": 1_000_000})
    assert call.charge_uy == 2
    cost = use_explain.cost(call)
    assert [(p.tokens, p.uy_per_m, p.worth) for p in cost.parts] == [
        (1, 1_500_000, "0.0000015"), (1, 1_000_000, "0.0000010")]  # fmt: skip
    assert (cost.exact, cost.worth_uy, cost.less, cost.follows) == ("0.0000025", 2, [], True)


def amounts(call: Call) -> list[int]:
    return [less.amount_uy for less in use_explain.cost(call).less]


WORTH = 6_000  # of 1,000 tokens in at CNY 2 a million and 500 out at CNY 8


@pytest.mark.parametrize(
    ("changed", "less"),
    [
        ({}, []),
        ({"charge_uy": 0, "end": "upstream"}, [WORTH]),
        ({"charge_uy": 0, "end": "empty"}, [WORTH]),
        ({"charge_uy": 0, "end": "refused"}, [WORTH]),
        ({"charge_uy": 0, "pack_tokens": 1_500}, [WORTH]),
        ({"charge_uy": 4_000, "pack_tokens": 1_000}, [2_000]),
        ({"charge_uy": 1_000, "uncovered_uy": 5_000}, [5_000]),
        ({"charge_uy": 1_000, "uncovered_uy": 1_000, "pack_tokens": 500}, [1_000, 4_000]),
        ({"charge_uy": 5_000, "reserved_uy": 5_000}, [1_000]),
        ({"uncovered_uy": 2_000}, []),
        ({"charge_uy": 0, "end": "empty", "prices": {}}, []),
        ({"charge_uy": 0, "end": "upstream", "prices": {}, "input_tokens": 0, "output_tokens": 0}, []),
    ],
)
def test_what_was_not_charged_has_its_reason_and_the_receipt_adds_up(use: Use, changed, less):
    call = use.call(use.key(), **{"input_tokens": 1_000, "output_tokens": 500, **changed})
    cost = use_explain.cost(call)
    assert (cost.worth_uy, amounts(call)) == (0 if changed.get("prices") == {} else WORTH, less)
    assert cost.borne_uy == (2_000 if changed == {"uncovered_uy": 2_000} else 0)
    assert cost.worth_uy - sum(less) == call.charge_uy
    assert cost.follows


@pytest.mark.parametrize(
    "changed",
    [
        {"charge_uy": 5_999, "reserved_uy": 9_000},
        {"charge_uy": 6_001, "reserved_uy": 9_000},
        {"charge_uy": 1, "end": "empty"},
        {"prices": {"input": 2_000_000}, "charge_uy": 2_000},
    ],
)
def test_a_charge_that_does_not_follow_is_not_explained_away(as_, use: Use, lin, changed):
    call = use.call(use.key(), input_tokens=1_000, output_tokens=500, **{"reserved_uy": 9_000, **changed})
    assert not use_explain.cost(call).follows
    assert "does not follow" in text_of(as_(lin).get(f"{USE}{call.request_id}/"))


def test_one_calls_page_says_what_it_cost_and_why(as_, use: Use, lin, yongli, funded):
    wallet, purse = (ledger.open(owner=funded, kind=kind) for kind in ("wallet", "calls"))
    journal = ledger.transfer(
        key="k", reason="calls_paid", cause="calls:cbt_1", source=wallet, target=purse, amount=10_000, now=NOW)
    tried = [{"endpoint": use.endpoint.public_id, "status": 503, "ms": 40, "why": "busy"},
             {"endpoint": "ept_gone", "status": 0, "ms": 3_000, "why": "TimeoutError"},
             {"endpoint": use.endpoint.public_id, "status": 200, "ms": 900, "why": "a note in no list"}]  # fmt: skip
    call = use.call(use.key(), attempts=tried, estimated=True, stream=True, batch="cbt_1", end="client")
    text = text_of(as_(lin).get(f"{USE}{call.request_id}/"))
    assert (call.charge_uy, PRICES["input"]) == (6_000, 2_000_000)
    for words in (
        "0.006000", "2.00", "8.00", f"{yongli.name} failed (503) had no room", "a provider that left no answer",
        "took too long", "answered (200) a note in no list", "The tokens are estimated", "Your program went away",
        "0.007000 was reserved", "Its entry in the books", call.request_id,
    ):  # fmt: skip
        assert words in text
    assert "does not follow" not in text
    page = as_(lin).get(f"{USE}{call.request_id}/").content.decode()
    entry = reverse("ledger:journal", args=["jiangnan", journal.public_id])
    assert f'href="{entry}"' in page
    assert as_(lin).get(entry).status_code == 200


def test_the_address_and_the_name_upstream_stay_the_providers(as_, use: Use, lin):
    call = use.call(use.key())
    for path in (USE, CALLS, f"{USE}{call.request_id}/"):
        page = as_(lin).get(path).content.decode()
        assert "models.yongli.test" not in page
        assert "qwen3-8b-instruct" not in page


def test_somebody_elses_call_is_a_404(as_, use: Use, zhao):
    call = use.call(use.key())
    for slug in ("jiangnan", "yongli"):
        assert as_(zhao).get(f"/c/{slug}/model-use/{call.request_id}/").status_code == 404


@pytest.mark.parametrize("who", ["mei", "bo"])
def test_every_member_reads_what_was_used(as_, use: Use, request, who):
    call = use.call(use.key())
    client = as_(request.getfixturevalue(who))
    for path in (USE, CALLS, f"{USE}{call.request_id}/", f"{USE}sums.csv", f"{USE}calls.csv"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(("path", "queries"), [(USE, 11), (CALLS, 8)])
def test_the_pages_take_the_same_queries_for_one_call_and_for_many(as_, use: Use, lin, path, queries):
    client = as_(lin)
    use.call(use.key())
    one = queries_of(client, path)
    for n in range(12):
        use.call(use.key(f"k{n}"), at=NOW - timedelta(hours=5 * n), model=use.other_model(f"m{n}"))
    assert (one, queries_of(client, path)) == (queries, queries)


def test_an_entry_in_the_books_leads_to_the_calls_it_pays(as_, use: Use, lin, zhao, funded):
    use.call(use.key(), batch="cbt_1")
    [name] = [lent.public_id for lent in leases.borrow(
        company=funded.pk, need_uy=1, pack="", epoch="run", now=NOW)]
    for where in ("booked/cbt_1/", f"lease/{name}/"):
        response = as_(lin).get(f"{USE}{where}")
        assert response.status_code == 302 and response.url.startswith(f"{CALLS}?over=days&first=2026-11-23")
        assert as_(lin).get(response.url).status_code == 200
        assert as_(zhao).get(f"{USE}{where}".replace("jiangnan", "yongli")).status_code == 404
        assert as_(zhao).get(f"{USE}{where}").status_code == 404
