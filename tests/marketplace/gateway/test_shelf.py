"""The public shelf of models: what can be called at this moment, at which prices, and at whom."""

import re

import pytest

from marketplace.gateway import listing
from marketplace.gateway.tariff import Line
from portal.accounts.models import Organisation
from tests.marketplace.gateway.models_for_sale import ACTOR, YUAN, make_endpoint, make_model, price

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\xa0", " ")


@pytest.fixture
def shop(yongli, jiangnan, model, vectors, region, now):
    """DeepSeek at two providers, an embedding model at one."""
    Organisation.objects.filter(pk=jiangnan.pk).update(is_provider=True)
    jiangnan.refresh_from_db()
    dear = make_endpoint(yongli, model, region, now)
    cheap = make_endpoint(jiangnan, model, region, now, prices={"input": 1, "output": 9})
    vector = make_endpoint(yongli, vectors, region, now, prices={"input": 0.5})
    return dear, cheap, vector


def slugs(response):
    return [card.model.slug for card in response.context["shelf"].cards]


def test_an_empty_shelf_says_what_to_do(client, model):
    page = client.get("/models/")
    assert page.status_code == 200 and "No model can be called yet" in text_of(page)


def test_a_model_stands_once_with_its_lowest_prices_and_providers(client, shop, yongli, jiangnan):
    page = client.get("/models/")
    assert slugs(page) == ["bge-m3", "deepseek-v3.2"]
    card = page.context["shelf"].cards[1]
    assert (card.input_uy, card.output_uy) == (YUAN, 8 * YUAN)
    assert card.providers == [yongli.name, jiangnan.name]  # both cost ten together; who came first stands first
    shown = text_of(page)
    assert "128,000" in shown and "0.50" in shown and "2 of 2 models" in shown
    assert "models.yongli.example" not in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("maker=BAAI", ["bge-m3"]), ("kind=chat", ["deepseek-v3.2"]), ("q=DEEPseek", ["deepseek-v3.2"]),
        ("q=推理", ["deepseek-v3.2"]), ("q=deepseek+bge", []), ("maker=BAAI&kind=chat", []),
        ("maker=BAAI&maker=DeepSeek", ["bge-m3", "deepseek-v3.2"]), ("page=99999999&x=1&kind=", []),
    ],
)  # fmt: skip
def test_filters_stand_in_the_address(client, shop, query, found):
    page = client.get(f"/models/?{query}")
    assert page.status_code == 200 and slugs(page) == found
    assert found or "Nothing fits all of this" in text_of(page)


def test_facets_count_what_each_would_leave(client, shop):
    page = client.get("/models/?maker=BAAI")
    counts = {(f.name, o.value): (o.count, o.checked) for f in page.context["shelf"].facets for o in f.options}
    assert counts == {("maker", "BAAI"): (1, True), ("maker", "DeepSeek"): (1, False), ("kind", "chat"): (0, False),
                      ("kind", "embedding"): (1, False)}  # fmt: skip
    assert [chip["url"] for chip in page.context["chips"]] == ["?"]


@pytest.mark.parametrize("state", ["draft", "submitted", "paused"])
def test_only_what_is_published_can_be_called(client, yongli, model, region, now, state):
    make_endpoint(yongli, model, region, now, state=state)
    assert slugs(client.get("/models/")) == []
    assert "Nobody serves it at this moment" in text_of(client.get("/models/deepseek-v3.2/"))


def test_a_suspended_provider_is_not_on_the_shelf(client, endpoint):
    Organisation.objects.filter(pk=endpoint.provider_id).update(state="suspended")
    assert slugs(client.get("/models/")) == []
    assert "Nobody serves it" in text_of(client.get("/models/deepseek-v3.2/"))


def test_the_price_is_that_of_the_hour(client, yongli, model, region, now, later, monkeypatch):
    made = make_endpoint(yongli, model, region, now)
    night = Line(window=(22 * 60, 8 * 60), prices={"input": YUAN // 2})
    price(made, later(seconds=1), night, input=2, output=8)
    shown = {}
    for hours in (1, 13):  # 10:12 and 22:12 in Shanghai
        monkeypatch.setattr("portal.core.clock.now", lambda hours=hours: later(hours=hours))
        shown[hours] = client.get("/models/").context["shelf"].cards[0].input_uy
    assert shown == {1: 2 * YUAN, 13: YUAN // 2}


def test_a_model_shows_every_provider_and_what_is_announced(client, shop, jiangnan, now, later):
    dear, *_rest = shop
    price(dear, now, input=5, output=8, starts_at=later(days=1))
    page = text_of(client.get("/models/deepseek-v3.2/"))
    assert jiangnan.name in page and "Yongli Mould" in page and "From 24 Nov, 09:12 on:" in page and "5.00" in page
    assert "answers of at most 8,192 tokens" in page and "Reasoning costs what output costs." in page


def test_a_name_of_any_form_has_its_page(client, yongli, region, now):
    make_endpoint(yongli, make_model("deepseek-ai/DeepSeek-R1:free"), region, now)
    [card] = client.get("/models/").context["shelf"].cards
    assert client.get(f"/models/{card.model.slug}/").status_code == 200
    assert client.get("/models/nothing/").status_code == 404


def test_it_speaks_chinese(client, shop):
    page = text_of(client.get("/models/deepseek-v3.2/", headers={"accept-language": "zh-CN"}))
    assert "会写也会推理。" in page and "每百万词元" in page and "任何时段" in page


def test_the_shelf_takes_two_queries_however_long_it_is(
    client, yongli, shop, region, now, django_assert_num_queries
):
    client.get("/models/")
    with django_assert_num_queries(2):
        client.get("/models/")
    for n in range(5):
        make_endpoint(yongli, make_model(f"m{n}", name=f"M{n}"), region, now)
    with django_assert_num_queries(2):
        assert len(slugs(client.get("/models/"))) == 7
    with django_assert_num_queries(3):
        client.get("/models/deepseek-v3.2/")


def test_a_long_shelf_has_pages(client, yongli, region, now, monkeypatch):
    monkeypatch.setattr("marketplace.gateway.shelf.PAGE_SIZE", 2)
    for n in range(5):
        make_endpoint(yongli, make_model(f"m{n}", name=f"M{n}"), region, now)
    page = client.get("/models/?q=m&page=2")
    assert slugs(page) == ["m2", "m3"]
    assert (page.context["previous_url"], page.context["next_url"]) == ("?q=m&page=1", "?q=m&page=3")


def test_what_was_archived_leaves_the_shelf(client, endpoint, now):
    listing.archive(endpoint=endpoint, actor=ACTOR, now=now)
    assert slugs(client.get("/models/")) == []
