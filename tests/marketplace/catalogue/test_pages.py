import pytest

from marketplace.catalogue import actions, queries
from marketplace.catalogue.models import Interest, Offering, Package
from tests.marketplace.catalogue.goods import CNY, make_offering, make_package, make_region, place_somewhere

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(yongli, jiangnan, package, region, cpu, now):
    """Three catering packages: 60 and 80 yuan in Zhejiang, 200 in Jiangsu; and one of retail."""
    jiangnan.is_provider = True
    jiangnan.save()
    east = make_region("jiangsu", "江苏", "Jiangsu")
    cheap = make_offering(yongli, package, region, cpu, now, base_uy=19 * CNY)  # 19 + 40 + 0.90 → 60
    rounds = make_package("cat-deliver", name_en="Delivery rounds", name_zh="配送线路", data_class="internal")
    middle = make_offering(yongli, rounds, region, cpu, now, base_uy=39 * CNY)
    spare = make_package("cat-x", name_en="Another", name_zh="另一个")
    dear = make_offering(jiangnan, spare, east, cpu, now, base_uy=159 * CNY)
    retail = make_package("ret-fc", industry="retail", name_en="Shop ordering", name_zh="门店要货")
    make_offering(yongli, retail, region, cpu, now, base_uy=39 * CNY)
    make_package("cat-hyg", recipe="", is_runnable=False, name_en="Kitchen hygiene", name_zh="明厨亮灶")
    return cheap, middle, dear


def codes(cards):
    return [card.package.code for card in cards]


@pytest.fixture(autouse=True)
def _clock(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def test_a_shelf_shows_its_trade_with_the_lowest_cap_first(client, shelf):
    response = client.get("/industry/catering/")
    assert response.status_code == 200
    found = response.context["shelf"]
    assert codes(found.cards) == ["cat-fc", "cat-deliver", "cat-x"]
    assert [card.best.cap_uy for card in found.cards] == [60 * CNY, 80 * CNY, 200 * CNY]
    assert codes(found.coming) == ["cat-hyg"]
    html = response.content.decode()
    assert "Delivery rounds" in html and "never more" in html and "Kitchen hygiene" in html


def test_a_shelf_speaks_chinese(client, shelf):
    html = client.get("/industry/catering/", headers={"accept-language": "zh-CN"}).content.decode()
    assert "备货与销量预测" in html and "浙江" in html and "Zhejiang" not in html


def test_an_unknown_trade_is_a_404(client, db):
    assert client.get("/industry/circus/").status_code == 404


def test_an_empty_trade_says_so(client, shelf):
    html = client.get("/industry/post/").content.decode()
    assert "Nothing can be bought here yet" in html


def test_facets_count_packages_with_the_other_groups_as_chosen(client, shelf):
    found = client.get("/industry/catering/?region=zhejiang").context["shelf"]
    assert codes(found.cards) == ["cat-fc", "cat-deliver"]
    counts = {(facet.name, option.value): option.count for facet in found.facets for option in facet.options}
    assert counts[("region", "zhejiang")] == 2
    assert counts[("region", "jiangsu")] == 1
    assert counts[("band", "100")] == 2
    assert counts[("band", "300")] == 0
    assert counts[("data", "confidential")] == 1
    assert counts[("provider", "yongli")] == 2
    assert found.filters.query() == "region=zhejiang"


def test_what_fits_nothing_offers_to_show_everything(client, shelf):
    html = client.get("/industry/catering/?region=zhejiang&provider=jiangnan").content.decode()
    assert "Nothing fits all of this" in html


def test_nonsense_in_the_url_is_ignored(client, shelf):
    found = client.get("/industry/catering/?band=9&sort=colour&page=-2&x=1").context["shelf"]
    assert (found.filters.sort, found.page, found.cards) == ("price", 1, [])
    assert client.get("/industry/catering/?page=99999999999").status_code == 200


def test_it_sorts_by_name_in_the_language_of_the_page(client, shelf):
    english = client.get("/industry/catering/?sort=name").context["shelf"]
    chinese = client.get("/industry/catering/?sort=name", headers={"accept-language": "zh-CN"}).context[
        "shelf"
    ]
    assert codes(english.cards) == ["cat-x", "cat-deliver", "cat-fc"]
    assert codes(chinese.cards) == ["cat-fc", "cat-x", "cat-deliver"]  # bei, ling, pei


def test_it_puts_the_soonest_start_first_and_the_unknown_last(client, shelf):
    _cheap, middle, dear = shelf
    actions.set_start(offering=dear, starts_in_s=5)
    actions.set_start(offering=middle, starts_in_s=90)
    response = client.get("/industry/catering/?sort=start")
    assert codes(response.context["shelf"].cards) == ["cat-x", "cat-deliver", "cat-fc"]
    html = response.content.decode()
    assert "In about 5 seconds" in html and "In 2 minutes" in html and "As soon as a machine is free" in html


def test_a_package_with_two_providers_is_one_card_with_the_lower_price(
    client, shelf, jiangnan, package, region, cpu, now
):
    make_offering(jiangnan, package, region, cpu, now, base_uy=9 * CNY)
    card = client.get("/industry/catering/").context["shelf"].cards[0]
    assert (card.package.code, card.best.cap_uy, card.best.provider, card.others) == (
        "cat-fc",
        50 * CNY,
        jiangnan,
        1,
    )


@pytest.mark.parametrize("state", ["draft", "submitted", "paused"])
def test_only_what_is_published_is_on_the_shelf(yongli, package, region, cpu, now, state):
    make_offering(yongli, package, region, cpu, now, state=state)
    shelf = queries.published(now=now, industry="catering")
    assert (shelf.cards, codes(shelf.coming)) == ([], ["cat-fc"])


def test_a_price_shows_from_the_instant_it_holds(offering, now, later):
    actions.set_price(
        offering=offering, base_uy=99 * CNY, core_limit_cms=3_600_000, actor="user:1", now=later(hours=1)
    )
    assert queries.published(now=now).cards[0].best.cap_uy == 60 * CNY
    assert queries.published(now=later(hours=1)).cards[0].best.cap_uy == 99 * CNY


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("how much should I prepare tomorrow?", "cat-fc"),
        ("明天备多少货", "cat-fc"),
        ("plan rounds for 30 vans", "tra-route"),
        ("forcast demand for my restarant", "cat-fc"),
        ("怎么安排送货路线", "tra-route"),
        ("酒店入住率", "acc-price"),
    ],
)
def test_a_plain_sentence_finds_the_package(sentence, code, now):
    from marketplace.catalogue import reference

    reference.load()
    found = queries.search(text=sentence, now=now)
    assert code in codes([*found.cards, *found.coming])[:4], codes([*found.cards, *found.coming])


@pytest.mark.parametrize(
    "sentence",
    ["火锅店明天进多少货", "食材采购", "外卖", "备货", "火锅店采购", "餐厅进货", "饭店订货", "奶茶店明天备多少",
     "外卖备货", "食堂采购", "烧烤店要进多少货", "小吃店备料", "餐厅补货", "hotpot",
     "how much should my restaurant order", "bubble tea stock", "takeaway: what to buy for tomorrow",
     "canteen", "how much meat for my barbecue",
     "noodle bar, how much to prepare"],
)  # fmt: skip
def test_the_words_of_a_restaurant_find_its_forecast_first(sentence, now):
    assert _runnable(sentence, now)[0] == "cat-fc"


@pytest.mark.parametrize("sentence", ["进货", "订货", "采购", "备货", "明天进多少货"])
def test_the_words_of_buying_in_find_the_forecast_of_restaurants_and_of_shops(sentence, now):
    assert {"cat-fc", "ret-fc"} & set(_runnable(sentence, now)[:2])
    assert "cat-fc" in _runnable(sentence, now)[:3]


@pytest.mark.parametrize(
    ("sentence", "code"),
    [("便利店订货", "ret-fc"), ("门店补货", "ret-fc"), ("采购计划", "who-repl"), ("中央厨房配送", "cat-deliver"),
     ("central kitchen delivery", "cat-deliver"), ("canteen delivery route", "cat-deliver"),
     ("shop ordering", "ret-fc")],
)  # fmt: skip
def test_the_words_of_another_trade_still_find_its_own(sentence, code, now):
    assert _runnable(sentence, now)[0] == code


def _runnable(sentence, now):
    from marketplace.catalogue import reference

    reference.load()
    found = queries.search(text=sentence, now=now)
    return [card.package.code for card in [*found.cards, *found.coming] if card.package.is_runnable]


def test_what_can_be_bought_stands_above_what_cannot(client, shelf):
    response = client.get("/search/", {"q": "备货"})
    assert codes(response.context["found"].cards) == ["cat-fc"]
    assert "never more" in response.content.decode()


def test_a_slip_of_the_finger_is_mended_and_said(client, shelf):
    response = client.get("/search/", {"q": "delivry roundz"})
    assert codes(response.context["found"].cards)[0] == "cat-deliver"
    assert "Spelled a little differently" in response.content.decode()


def test_nothing_found_offers_the_trades_and_the_nearest(client, shelf):
    response = client.get("/search/", {"q": "备料"})
    assert codes(response.context["found"].nearest) == ["cat-fc"]
    html = response.content.decode()
    assert "Nothing answers that yet" in html and "/industry/catering/" in html
    assert client.get("/search/", {"q": "%%%"}).status_code == 200


def test_the_comparison_takes_codes_and_offerings_up_to_four(client, shelf):
    cheap, middle, dear = shelf
    response = client.get(f"/compare/?p={dear.public_id}&p=cat-fc&p=nothing&p={middle.public_id}")
    assert [offer.offering for offer in response.context["offers"]] == [dear, cheap, middle]
    assert client.get("/compare/").status_code == 200


def test_the_front_counts_what_each_trade_finds(shelf, now):
    front = queries.front(now=now)
    by_key = {row.key: row for row in front.industries}
    assert (by_key["catering"].available, by_key["catering"].coming, by_key["catering"].lowest_cap_uy) == (
        3,
        1,
        60 * CNY,
    )
    assert by_key["post"].lowest_cap_uy is None
    assert front.covered == 2
    assert codes(front.featured) == ["cat-fc", "ret-fc"] or codes(front.featured) == ["ret-fc", "cat-fc"]


def test_a_package_page_has_offers_and_the_sample(shelf, now):
    page = queries.package_page("cat-fc", now=now, units=10)
    assert (page.best.cap_uy, page.best.units) == (40 * CNY, 10)
    assert queries.package_page("nothing", now=now) is None


def test_the_sample_is_an_attachment(client, shelf):
    Package.objects.filter(code="cat-fc").update(sample="samples/cat-fc.csv")
    response = client.get("/p/cat-fc/sample")
    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="cat-fc.csv"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("path", ["", "../../manage.py", "/etc/passwd", "samples/none.csv"])
def test_no_other_file_leaves_as_a_sample(client, shelf, path):
    Package.objects.filter(code="cat-fc").update(sample=path)
    assert client.get("/p/cat-fc/sample").status_code == 404


def test_signed_in_one_click_asks_to_be_told_and_one_undoes_it(client, shelf, lin):
    client.force_login(lin)
    assert "Tell me when" in client.get("/industry/catering/").content.decode()
    response = client.post("/p/cat-hyg/tell-me/", follow=True)
    assert "We will tell you" in response.content.decode()
    assert Interest.objects.get().email == "lin@jiangnan.test"
    assert "You will be told" in client.get("/industry/catering/").content.decode()
    undone = client.post("/p/cat-hyg/tell-me/undo/", {"told": response.context["told"]})
    assert "Undone" in undone.content.decode()
    assert not Interest.objects.exists()


def test_signed_out_an_address_is_asked_for(client, shelf):
    assert 'type="email"' in client.get("/p/cat-hyg/tell-me/").content.decode()
    assert client.post("/p/cat-hyg/tell-me/", {"email": "no address"}).status_code == 400
    assert not Interest.objects.exists()
    told = client.post("/p/cat-hyg/tell-me/", {"email": "owner@shop.test"}, headers={"hx-request": "true"})
    assert "owner@shop.test" in told.content.decode() and "<html" not in told.content.decode()
    assert Interest.objects.get().user is None


def test_nobody_undoes_what_somebody_else_asked_for(client, shelf):
    client.post("/p/cat-hyg/tell-me/", {"email": "owner@shop.test"})
    assert client.post("/p/cat-hyg/tell-me/undo/", {"told": "1"}).status_code == 404
    assert Interest.objects.exists()


def test_too_many_addresses_from_one_place_are_refused(client, shelf, settings):
    settings.SUANLI_TELL_ME_PER_HOUR = 2
    for n in range(3):
        client.post("/p/cat-hyg/tell-me/", {"email": f"n{n}@shop.test"}, REMOTE_ADDR="203.0.113.9")
    assert Interest.objects.count() == 2


# --- a provider's own pages ---------------------------------------------------------------------------------


def test_a_provider_lists_prices_previews_and_submits(client, zhao, yongli, package, region, cpu, now):
    client.force_login(zhao)
    assert "Nothing offered yet" in client.get("/c/yongli/offerings/").content.decode()
    assert client.get("/c/yongli/offerings/new/").status_code == 200
    form = {
        "package": package.pk,
        "region": region.pk,
        "resource_class": cpu.pk,
        "name": "",
        "notes": "By six.",
    }
    made = client.post("/c/yongli/offerings/new/", form)
    offering = Offering.objects.get()
    url = f"/c/yongli/offerings/{offering.public_id}/"
    assert made["Location"] == url
    price = {
        "billing_mode": "on_demand",
        "base_uy": "19.5",
        "per_unit_uy": "2",
        "rate_uy_per_hour": "0.09",
        "core_limit_cms": "2.5",
        "cores": "2",
    }
    tried = client.post(url + "price/", {**price, "try": "1"})
    assert tried.context["tried_uy"] == 60 * CNY  # 19.5 + 20 × 2 + 2.5 × 0.09
    assert not offering.plans.exists()
    client.post(url + "price/", price)
    plan = offering.plans.get()
    assert (plan.base_uy, plan.rate_uy_per_hour, plan.core_limit_cms) == (19_500_000, 90_000, 9_000_000)
    preview = client.get(url + "preview/").content.decode()
    assert "never more" in preview and "By six." in preview and "What to bring" in preview
    assert "Choose first where it runs" in client.post(url + "submit/", follow=True).content.decode()
    offering.refresh_from_db()
    assert offering.state == "draft"
    place_somewhere(offering, now)
    assert client.post(url + "submit/")["Location"] == url
    offering.refresh_from_db()
    assert offering.state == "submitted"
    assert client.get(url).status_code == 200


def test_every_step_is_a_button(client, zhao, offering):
    client.force_login(zhao)
    url = f"/c/yongli/offerings/{offering.public_id}/"
    for step, state in [("pause", "paused"), ("resume", "published"), ("archive", "archived")]:
        assert client.get(url).status_code == 200
        client.post(url + step + "/")
        offering.refresh_from_db()
        assert offering.state == state
    assert client.get(url).status_code == 200


def test_archiving_is_asked_again(client, zhao, offering):
    client.force_login(zhao)
    response = client.get(f"/c/yongli/offerings/{offering.public_id}/archive/")
    assert "for good" in response.content.decode()
    offering.refresh_from_db()
    assert offering.state == "published"


def test_a_refused_step_says_why(client, zhao, draft):
    client.force_login(zhao)
    response = client.post(f"/c/yongli/offerings/{draft.public_id}/submit/", follow=True)
    assert "Set a price first" in response.content.decode()


def test_a_bad_price_stays_in_the_form(client, zhao, draft):
    client.force_login(zhao)
    url = f"/c/yongli/offerings/{draft.public_id}/price/"
    zero = {
        "billing_mode": "on_demand",
        "base_uy": "0",
        "per_unit_uy": "0",
        "rate_uy_per_hour": "0",
        "core_limit_cms": "1",
        "cores": "1",
    }
    response = client.post(url, zero)
    assert response.status_code == 400
    assert "This price would be zero" in response.content.decode()
    assert client.post(url, {**zero, "base_uy": "-3"}).status_code == 400
    assert not draft.plans.exists()


@pytest.mark.parametrize("page", ["", "preview/", "archive/"])
def test_somebody_elses_offering_is_a_404(client, lin, jiangnan, offering, page):
    client.force_login(lin)
    assert client.get(f"/c/jiangnan/offerings/{offering.public_id}/{page}").status_code == 404
    assert client.get(f"/c/yongli/offerings/{offering.public_id}/{page}").status_code == 404


def test_finance_reads_but_does_not_change(client, mei, jiangnan, package, region, cpu, now):
    jiangnan.is_provider = True
    jiangnan.save()
    offering = make_offering(jiangnan, package, region, cpu, now)
    client.force_login(mei)
    assert client.get("/c/jiangnan/offerings/").status_code == 200
    client.raise_request_exception = False
    assert client.post(f"/c/jiangnan/offerings/{offering.public_id}/pause/").status_code in (403, 409)
    offering.refresh_from_db()
    assert offering.state == "published"
