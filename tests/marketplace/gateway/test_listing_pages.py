"""A provider's pages: the list, the draft, its prices, the preview, the test of the address, and who may do it."""

import http.server
import json
import re
import threading
import time

import pytest

from marketplace.gateway import listing_views, probe, secrets_box
from marketplace.gateway.models import Endpoint, Price
from portal.history.models import Step
from tests.conftest import join, make_user
from tests.marketplace.gateway.models_for_sale import YUAN, make_draft, make_endpoint, make_model, price

pytestmark = pytest.mark.django_db
LIST = "/c/yongli/models/"


@pytest.fixture(autouse=True)
def _clock(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


@pytest.fixture
def factory(client, zhao):
    client.force_login(zhao)
    return client


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\xa0", " ")


def everything():
    tables = [list(table.objects.order_by("pk").values()) for table in (Endpoint, Price)]
    return tables, Step.objects.count()


def of(endpoint, what=""):
    return f"{LIST}{endpoint.public_id}/{what}"


def server_of(model, region, **fields):
    return {
        "model": model.pk, "region": region.pk, "base_url": "https://models.yongli.example/v1",
        "upstream_model": "deepseek-chat", "secret": "sk-typed", "output_tokens": 4096, "parallel": 4, **fields,
    }  # fmt: skip


def table_of(more=(), starts_at="", **first):
    """What the form of prices sends: yuan by direction, and further lines."""
    sent = {f"first-{name}": yuan for name, yuan in first.items()}
    sent |= {"more-TOTAL_FORMS": len(more) + 1, "more-INITIAL_FORMS": 0, "starts_at": starts_at}
    return sent | {f"more-{n}-{name}": value for n, line in enumerate(more) for name, value in line.items()}


def test_a_provider_goes_from_nothing_to_submitted(factory, model, region):
    assert "No model listed yet" in text_of(factory.get(LIST))
    assert "DeepSeek: DeepSeek V3.2" in text_of(factory.get(f"{LIST}new/"))
    made = factory.post(f"{LIST}new/", server_of(model, region))
    row = Endpoint.objects.get()
    assert made.url == of(row) and secrets_box.open_(row.secret) == "sk-typed"
    page = factory.get(of(row)).content.decode()
    assert "sk-typed" not in page and row.secret not in page and "Kept; leave empty to keep it." in page
    assert factory.post(of(row, "prices/"), table_of(input="2", output="8")).status_code == 302
    factory.post(of(row, "submit/"))
    row.refresh_from_db()
    assert row.state == "submitted"


def test_what_is_wrong_is_said_where_it_was_typed(factory, model, region):
    before = everything()
    answer = factory.post(f"{LIST}new/", server_of(model, region, base_url="https://10.0.0.1/v1"))
    assert answer.status_code == 400
    assert "not an address on the public internet" in str(answer.context["form"].errors["base_url"])
    answer = factory.post(f"{LIST}new/", server_of(model, region, output_tokens=200_000))
    assert "no more than the model takes: 128,000" in str(answer.context["form"].errors["output_tokens"])
    assert "sk-typed" not in answer.content.decode()
    assert everything() == before


def test_an_empty_secret_keeps_the_one_there_is(factory, draft, model, region):
    sent = server_of(model, region, secret="", parallel=9)
    assert factory.post(of(draft), sent).status_code == 302
    draft.refresh_from_db()
    assert (draft.parallel, secrets_box.open_(draft.secret)) == (9, "sk-of-yongli")
    answer = factory.post(of(draft), {**sent, "base_url": "https://elsewhere.example/v1"})
    assert "given for another server" in str(answer.context["form"].errors["secret"])
    draft.refresh_from_db()
    assert draft.base_url == "https://models.yongli.example/v1"


def test_prices_are_typed_as_lines_and_shown_as_buyers_read_them(factory, draft):
    night = {"hours_from": "22:00", "hours_to": "08:00", "input": "1", "output": "4"}
    long = {"from_tokens": "32000", "input": "4"}
    sent = table_of([night, long], input="2", output="8", cached="0.5")
    before = everything()
    shown = text_of(factory.post(of(draft, "prices/"), {**sent, "try": "1"}))
    for words in ("Not set yet.", "22:00–08:00", "All other hours", "Below 32,000 tokens of input",
                  "From 32,000 tokens of input on", "0.50", "hours in Beijing time"):  # fmt: skip
        assert words in shown, words
    assert everything() == before
    assert factory.post(of(draft, "prices/"), sent).status_code == 302
    assert Price.objects.filter(endpoint=draft, direction="input").count() == 4
    assert Price.objects.get(endpoint=draft, direction="cached").uy_per_m == YUAN // 2
    page = factory.get(of(draft))
    form = page.context["price_form"]
    assert (len(form.lines), form.has_more) == (0, True)  # unbound: filled in from the rows
    assert 'value="22:00"' in page.content.decode() and 'value="32000"' in page.content.decode()
    again = text_of(factory.get(of(draft, "preview/")))
    assert "So it looks to customers" in again and "22:00–08:00" in again
    assert "models.yongli.example" not in again


@pytest.mark.parametrize(
    ("more", "first", "said"),
    [
        ([], {"input": "2"}, "Buyers must see this price."),
        ([], {"input": "-1", "output": "1"}, "greater than or equal to 0"),
        ([{"input": "1"}], {"input": "2", "output": "8"}, "From which length on, or in which hours?"),
        ([{"hours_from": "08:00", "input": "1"}], {"input": "2", "output": "8"}, "Name both times, or neither."),
        ([{"hours_from": "08:00", "hours_to": "08:00", "input": "1"}], {"input": "2", "output": "8"}, "are the same"),
        (
            [{"hours_from": "22:00", "hours_to": "08:00", "input": "1"},
             {"hours_from": "07:59", "hours_to": "09:00", "input": "3"}],
            {"input": "2", "output": "8"}, "Two lines hold for the same tokens in the same hours.",
        ),
        ([{"from_tokens": "128000", "input": "1"}], {"input": "2", "output": "8"}, "below 128,000 tokens"),
        ([{"from_tokens": "9", "cached": "1"}], {"input": "2", "output": "8"}, "fill in its first line"),
    ],
)  # fmt: skip
def test_a_table_that_leaves_a_doubt_is_not_set(factory, draft, more, first, said):
    before = everything()
    answer = factory.post(of(draft, "prices/"), table_of(more, **first))
    assert answer.status_code == 400 and said in text_of(answer)
    assert everything() == before


def test_a_dearer_price_is_announced_in_the_platforms_time_and_taken_back(factory, endpoint, later):
    answer = factory.post(of(endpoint, "prices/"), table_of(input="3", output="8"))
    assert "a dearer price begins at 2026-11-23 10:12 at the earliest" in text_of(answer)
    sent = table_of(input="3", output="8", starts_at="2026-11-24T09:12")
    assert factory.post(of(endpoint, "prices/"), sent).status_code == 302
    coming = Price.objects.get(endpoint=endpoint, uy_per_m=3 * YUAN)
    assert coming.effective_from == later(days=1)
    page = text_of(factory.get(of(endpoint)))
    assert "Take the announced change back" in page and "From 24 Nov, 09:12 on:" in page
    factory.post(of(endpoint, "take-back-prices/"))
    assert not Price.objects.filter(uy_per_m=3 * YUAN).exists()


def test_an_embedding_model_is_asked_for_input_only(factory, yongli, vectors, region, now):
    made = make_draft(yongli, vectors, region, now)
    page = factory.get(of(made)).content.decode()
    assert "first-input" in page and "first-output" not in page and "first-reasoning" not in page
    factory.post(of(made, "prices/"), table_of(input="0.5"))
    assert Price.objects.get().direction == "input"


def test_prices_wait_while_staff_look(factory, yongli, model, region, now):
    made = make_endpoint(yongli, model, region, now, state="submitted")
    before = everything()
    assert "waits for approval" in text_of(factory.post(of(made, "prices/"), table_of(input="1", output="1")))
    assert everything() == before


def test_it_is_archived_only_after_a_question(factory, endpoint):
    assert "Archive “DeepSeek V3.2”?" in factory.get(of(endpoint, "archive/")).content.decode()
    endpoint.refresh_from_db()
    assert endpoint.state == "published"
    factory.post(of(endpoint, "archive/"))
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.secret) == ("archived", "")
    assert factory.get(of(endpoint, "nonsense/")).status_code == 404


def test_the_secret_of_a_published_one_is_changed_and_never_shown(factory, endpoint):
    factory.post(of(endpoint, "secret/"), {"secret": "sk-second"})
    endpoint.refresh_from_db()
    assert secrets_box.open_(endpoint.secret) == "sk-second"
    assert "sk-second" not in factory.get(of(endpoint)).content.decode()
    assert factory.post(of(endpoint, "secret/"), {"secret": ""}).status_code == 400


@pytest.mark.parametrize("role", ["finance", "stranger"])
def test_only_owner_and_buyer_change_anything(client, yongli, jiangnan, draft, model, region, role):
    user = make_user("x@yongli.test")
    join(user, yongli if role == "finance" else jiangnan, role if role == "finance" else "owner")
    client.force_login(user)
    before, expected = everything(), 403 if role == "finance" else 404
    for path, sent in (
        (f"{LIST}new/", server_of(model, region)), (of(draft), server_of(model, region, parallel=99)),
        (of(draft, "prices/"), table_of(input="1", output="1")), (of(draft, "secret/"), {"secret": "x"}),
        (of(draft, "test/"), {}), (of(draft, "archive/"), {}),
    ):  # fmt: skip
        assert client.post(path, sent).status_code == expected, path
    assert client.get(LIST).status_code == (200 if role == "finance" else 404)
    assert everything() == before


def test_a_company_that_provides_nothing_is_told_what_is_missing(client, lin, model):
    client.force_login(lin)
    assert "not registered as a provider yet" in text_of(client.get("/c/jiangnan/models/"))
    assert "not registered as a provider yet" in text_of(client.get("/c/jiangnan/models/new/"))


def test_the_list_takes_nine_queries_however_long_it_is(
    factory, yongli, model, region, now, django_assert_num_queries
):
    make_endpoint(yongli, model, region, now)
    factory.get(LIST)
    with django_assert_num_queries(9):
        factory.get(LIST)
    for n in range(5):
        price(make_draft(yongli, make_model(f"m{n}"), region, now), now, input=n, output=1)
    with django_assert_num_queries(9):
        page = text_of(factory.get(LIST))
    assert "4.00" in page and "Draft" in page


def test_every_word_is_there_in_chinese(factory, endpoint):
    page = text_of(factory.get(of(endpoint), headers={"accept-language": "zh-CN"}))
    for words in ("每百万词元", "测试此地址", "任何时段", "提供中的模型"):
        assert words in page, words


# the test of the address


@pytest.fixture
def upstream(settings):
    """A server of models on this machine, as long as the test; `say` is what it answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Authorization")))
            status, headers, body = say["status"], say.get("headers", {}), say["body"]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if say.get("hang"):
                released.wait(10)
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *args):
            pass

    seen, released = [], threading.Event()
    say = {"status": 200, "body": {"data": [{"id": "deepseek-chat"}]}}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.GATEWAY_ALLOWED_HOSTS = [f"127.0.0.1:{server.server_address[1]}"]
    yield f"http://127.0.0.1:{server.server_address[1]}/v1", say, seen
    released.set()
    server.shutdown()
    server.server_close()


def test_a_server_that_answers_is_said_to_work(factory, yongli, model, region, now, upstream):
    url, _say, seen = upstream
    made = make_draft(yongli, model, region, now, base_url=url)
    before = everything()
    page = factory.post(of(made, "test/"), follow=True)
    assert re.search(r"It works: it answers in [\d,]+ ms and knows “deepseek-chat”\.", text_of(page))
    assert seen == [("/v1/models", "Bearer sk-of-yongli")]
    assert everything() == before


@pytest.mark.parametrize(
    ("answer", "works", "said"),
    [
        ({"status": 302, "headers": {"Location": "http://169.254.169.254/"}, "body": b""}, False, "follows nobody"),
        ({"status": 401, "body": b""}, False, "does not accept the secret (401)"),
        ({"status": 404, "body": b""}, False, "Does the address end with /v1?"),
        ({"status": 500, "body": b"sk-leak"}, False, "with an error (500)"),
        ({"status": 200, "body": b"<html>sk-leak"}, False, "not as an OpenAI-compatible server"),
        ({"status": 200, "body": [1]}, False, "not as an OpenAI-compatible server"),
        ({"status": 200, "body": {"data": [{"id": "other"}]}}, False, "does not name a model “deepseek-chat”"),
        ({"status": 200, "body": b"x" * (1 << 20)}, True, "too long to look through"),
    ],
)  # fmt: skip
def test_what_a_server_answers_is_put_into_words(yongli, model, region, now, upstream, answer, works, said):
    url, say, seen = upstream
    say.update(answer)
    outcome = probe.ask(make_draft(yongli, model, region, now, base_url=url))
    assert outcome.works is works and said in outcome.text and "leak" not in outcome.text
    assert len(seen) == 1  # a redirect was not followed


def test_a_server_that_hangs_is_given_up(yongli, model, region, now, upstream, monkeypatch):
    url, say, _seen = upstream
    say["hang"] = True
    monkeypatch.setattr(probe, "LIMIT_S", 1)
    began = time.monotonic()
    assert "did not answer within 1 seconds" in probe.ask(make_draft(yongli, model, region, now, base_url=url)).text
    assert time.monotonic() - began < 3


def test_an_address_that_became_private_is_not_asked(yongli, model, region, now, upstream, settings):
    url, _say, seen = upstream
    made = make_draft(yongli, model, region, now, base_url=url)
    by_name = make_draft(yongli, model, region, now, base_url=url.replace("http://127.0.0.1", "https://m.example"))
    settings.GATEWAY_ALLOWED_HOSTS = []
    assert "must begin with https" in probe.ask(made).text
    Endpoint.objects.filter(pk=by_name.pk).update(base_url=url.replace("http:", "https:"))
    by_name.refresh_from_db()
    assert "not an address on the public internet" in probe.ask(by_name).text
    assert seen == []


def test_a_name_that_leads_inside_is_not_asked(yongli, model, region, now, upstream, monkeypatch):
    url, _say, seen = upstream
    port = url.rsplit(":", 1)[1].partition("/")[0]
    made = make_draft(yongli, model, region, now, base_url=f"https://rebinds.example:{port}/v1")

    async def inside(self, host, port=0, family=0):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", inside)
    assert "leads to an address that is not on the public internet" in probe.ask(made).text
    assert seen == []


def test_addresses_are_tested_only_so_often(factory, draft, monkeypatch):
    monkeypatch.setattr(listing_views, "TESTS_PER_HOUR", 2)
    asked = []
    monkeypatch.setattr(probe, "ask", lambda row: asked.append(row) or probe.Outcome(True, "It works."))
    for _n in range(3):
        page = factory.post(of(draft, "test/"), follow=True)
    assert len(asked) == 2 and "has tested addresses 2 times in an hour" in text_of(page)
