"""The pages of an order: whose they are, how many queries they cost, what they say."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import override

from bank.ledger import actions as ledger
from marketplace.billing.models import TopUp
from marketplace.catalogue.models import Package
from marketplace.orders import actions as orders
from marketplace.orders import again, queries, support, uploads
from marketplace.orders.models import Order, Quote, Upload
from marketplace.provisioning.models import Allocation, ResultFile
from portal.core.words import local
from tests.marketplace.catalogue.goods import make_offering
from tests.marketplace.conftest import ACTOR, HELLO

pytestmark = pytest.mark.django_db


def test_a_stranger_finds_neither_quote_nor_order(client, market, funded, zhao):
    quote, order = market.quote(funded), market.place(funded)
    client.force_login(zhao)
    for page in (
        f"quotes/{quote.public_id}/",
        f"orders/{order.public_id}/",
        f"orders/{order.public_id}/why/",
        "orders/",
    ):
        assert client.get(f"/c/jiangnan/{page}").status_code == 404


def test_another_company_finds_nothing_under_its_own_name(client, market, funded, zhao, yongli):
    order = market.place(funded)
    client.force_login(zhao)
    assert client.get(f"/c/yongli/orders/{order.public_id}/").status_code == 404


def test_finance_may_look_but_not_buy(client, market, funded, mei):
    quote = market.quote(funded)
    client.force_login(mei)
    address = f"/c/jiangnan/quotes/{quote.public_id}/"
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 403
    assert not Order.objects.exists()


def test_one_button_places_the_order(client, market, funded, bo, now, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    quote = market.quote(funded)
    client.force_login(bo)
    answer = client.post(f"/c/jiangnan/quotes/{quote.public_id}/", {"do": "place"})
    order = Order.objects.get()
    assert answer["Location"] == f"/c/jiangnan/orders/{order.public_id}/"
    page = client.get(answer["Location"]).content.decode()
    assert "CNY 6.00 set aside" in page


def test_the_list_of_orders_costs_the_same_for_one_and_for_many(
    client, market, funded, bo, monkeypatch, django_assert_num_queries
):
    from portal import policy

    monkeypatch.setattr(policy, "OPEN_QUOTES_PER_COMPANY", 99)
    client.force_login(bo)
    market.place(funded)
    client.get("/c/jiangnan/orders/")
    with django_assert_num_queries(10):
        client.get("/c/jiangnan/orders/")
    for _ in range(4):
        market.place(funded, HELLO)
    with django_assert_num_queries(10):
        client.get("/c/jiangnan/orders/")


def test_placing_takes_at_most_25_queries(market, funded, now, django_assert_max_num_queries):
    quote = market.quote(funded)
    with django_assert_max_num_queries(25):
        orders.place(quote=quote, user=None, now=now, actor=ACTOR)


def test_a_package_that_cannot_run_is_shown_and_not_sold(client, market):
    type(market.package).objects.filter(pk=market.package.pk).update(is_runnable=False)
    page = client.get("/p/sof-core/").content.decode()
    assert "Not yet available" in page
    assert 'type="file"' not in page


def test_every_step_is_told_in_words_and_by_name(client, market, funded, bo, now):
    order = orders.place(quote=market.quote(funded), user=bo, now=now, actor=f"user:{bo.pk}")
    orders.stop(order=order, now=now, actor="key:key_1")
    client.force_login(bo)
    page = client.get(f"/c/jiangnan/orders/{order.public_id}/why/").content.decode()
    assert "Order: <b>cancelled, nothing charged</b>" in page
    assert bo.email in page and "a program of yours" in page and "before it began" in page
    assert "order:ord_" not in page and "system:" not in page


def test_a_price_that_is_kept_is_found_again_among_the_orders(client, market, funded, bo, now, later, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: later(hours=1))
    quote = market.quote(funded)
    orders.expire_quotes(now=later(minutes=20))
    client.force_login(bo)
    address = f"/c/jiangnan/quotes/{quote.public_id}/"
    assert address in client.get("/c/jiangnan/orders/").content.decode()
    assert address in client.get("/dashboard/").content.decode()
    page = client.get(address).content.decode()
    assert "The price is still yours" in page and 'value="place"' in page
    client.post(address, {"do": "give_back"})
    assert address not in client.get("/c/jiangnan/orders/").content.decode()


def test_a_transfer_on_its_way_is_named_instead_of_asked_for_again(client, market, jiangnan, bo, now, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    quote = market.quote(jiangnan)
    client.force_login(bo)
    address = f"/c/jiangnan/quotes/{quote.public_id}/"
    asked = client.get(address).content.decode()
    assert "is missing" in asked and "/wallet/top-up/" in asked
    client.post(f"/c/jiangnan/wallet/top-up/?missing=6000000&quote={quote.public_id}", {"amount": "6"})
    topup = TopUp.objects.get()
    page = client.get(address).content.decode()
    assert f"is announced under {topup.reference}" in page and "Top up CNY" not in page


def test_a_buyer_chooses_among_providers(client, market, funded, bo, now, yongli, cpu, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    dear = make_offering(
        yongli,
        market.package,
        market.offering.region,
        cpu,
        now - timedelta(days=1),
        base_uy=9_000_000,
        per_unit_uy=0,
        rate_uy_per_hour=10_000_000,
        core_limit_cms=300_000,
        cores=1,
    )
    upload = market.upload(funded)
    client.force_login(bo)
    page = client.get(f"/p/sof-core/?file={upload.public_id}").content.decode()
    assert f"offering={dear.public_id}" in page
    client.post(f"/p/sof-core/?file={upload.public_id}&offering={dear.public_id}", {"again": "1"})
    assert not Quote.objects.exists()  # no site of its provider is listed, so it is refused and not replaced
    client.post(f"/p/sof-core/?file={upload.public_id}", {"again": "1"})
    assert Quote.objects.get().offering == market.offering


def test_a_suspended_company_is_told_before_it_clicks(client, market, funded, bo, now):
    quote_of = market.upload(funded)
    type(funded).objects.filter(pk=funded.pk).update(state="suspended")
    client.force_login(bo)
    assert "is suspended: nothing can be bought" in client.get("/dashboard/").content.decode()
    client.post(f"/p/sof-core/?file={quote_of.public_id}", {"again": "1"})
    assert not Quote.objects.exists()


def test_a_customer_reads_who_stopped_his_order_and_why(client, market, funded, bo, now):
    order = market.place(funded)
    support.stop_and_release(order=order, why="You rang us", now=now, actor="user:1")
    client.force_login(bo)
    page = client.get(f"/c/jiangnan/orders/{order.public_id}/").content.decode()
    assert "Our staff stopped this order. You rang us" in page
    assert "You stopped" not in page


@pytest.mark.parametrize(
    ("params", "days_ago", "old"),
    [
        ({"period": "day", "horizon": 28}, 27, False),
        ({"period": "day", "horizon": 28}, 28, True),
        ({"period": "month", "horizon": 6}, 13, False),
        ({"period": "month", "horizon": 6}, 14, True),
    ],
)
def test_a_file_that_ends_too_early_for_tomorrow_is_said_to(market, funded, now, params, days_ago, old):
    upload = market.upload(funded)
    upload.package.params = params
    assert uploads.ends_on(upload) is None and not uploads.is_old(upload, now)
    last = local(now).date() - timedelta(days=days_ago)
    upload.size["last_ordinal"] = last.toordinal()
    assert uploads.ends_on(upload) == last
    assert uploads.is_old(upload, now) is old
    assert uploads.plan_day(upload, now) == (last if old else local(now).date()) + timedelta(days=1)


def test_a_quote_says_which_day_the_plan_is_for(client, market, funded, bo, now, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    quote, today = market.quote(funded), local(now).date()
    client.force_login(bo)
    address = f"/c/jiangnan/quotes/{quote.public_id}/"
    assert "The plan is for" not in client.get(address).content.decode()
    for days, said in ((-1, "tomorrow, 24 Nov 2026"), (1, "25 Nov 2026")):
        quote.upload.size["last_ordinal"] = today.toordinal() + days
        quote.upload.save(update_fields=["size"])
        assert f"<dt>The plan is for</dt><dd>{said}</dd>" in client.get(address).content.decode()


def test_a_run_is_told_which_day_is_tomorrow_when_it_runs_and_which_column_it_forecasts(market, funded, now, later):
    order = market.place(funded)
    assert orders._launched(order.quote, now) == order.quote.params  # a script has no day it is for
    order.quote.upload.size["last_ordinal"] = local(now).date().toordinal()
    order.quote.upload.notes = [["bom_removed", {}], ["column_read", {"column": "客单数"}]]
    for at in (now, later(days=3)):  # a price is kept for days: tomorrow is that of the run, not of the quote
        lead = (local(at).date() + timedelta(days=1)).isoformat()
        told = {**order.quote.params, "lead_day": lead, "value_column": "客单数"}
        assert orders._launched(order.quote, at) == told


def test_the_day_a_result_is_about_is_tomorrow_only_the_day_before(market, now):
    day = local(now).date() + timedelta(days=1)
    found = {"headline": {"value": 3, "unit_key": "value", "on": day.isoformat(), "label": {"en": "x", "zh": "x"}}}
    shown = [queries.worded_result(found, market.package, now + timedelta(days=k))["when"] for k in (-1, 0, 1, 2)]
    assert shown == ["", "Tomorrow", "Today", ""]


def test_a_figure_is_counted_in_the_word_of_the_file_where_it_has_its_own(market, now):
    own = {"headline": {"value": 3, "unit_key": "value", "unit": {"en": "客单数", "zh": "客单数"}}}
    assert queries.worded_result(own, market.package, now)["unit"] == "客单数"


def test_the_same_file_again_is_said_before_anything_is_paid(client, market, funded, bo, now, yongli, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    first = market.place(funded)
    client.force_login(bo)

    def page(script=HELLO):
        quote = market.quote(funded, script)
        shown = client.get(f"/c/jiangnan/quotes/{quote.public_id}/").content.decode()
        orders.cancel_quote(quote=quote, now=now, actor=ACTOR)
        return shown

    assert "this very file" not in page()  # it was placed and not delivered
    Order.objects.filter(pk=first.pk).update(state="delivered", ended_at=now)
    shown = page()
    assert "You have run this very file on" in shown and f"/c/jiangnan/orders/{first.public_id}/" in shown
    assert 'value="place"' in shown  # she may buy it all the same
    assert "this very file" not in page(b"print('other')\n")
    Order.objects.filter(pk=first.pk).update(organisation=yongli)
    assert "this very file" not in page()


def test_the_page_names_the_columns_before_a_file_is_chosen(client, market):
    Package.objects.filter(pk=market.package.pk).update(
        recipe="forecast",
        sample="samples/cat-fc.csv",
        params={"period": "day"},
        unit_key="series",
        columns_en=["date", "outlet", "sold"],
        columns_zh=["日期", "门店", "份数"],
    )
    page = client.get("/p/sof-core/").content.decode()
    assert page.index("names its columns") < page.index('type="file"')
    assert "<b>outlet</b></dt><dd>for example Wulin" in page
    with override("en"):  # a request leaves its language behind
        page = client.get("/p/sof-core/", headers={"accept-language": "zh-hans"}).content.decode()
    assert "<b>门店</b></dt><dd>例如 Wulin" in page and "剩下唯一的一列数字" in page


def test_what_is_there_to_spend_is_rounded_down_and_what_is_missing_up(client, market, funded, bo, now, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    wallet = ledger.open(owner=funded, kind="wallet")
    order = ledger.open(owner=None, kind="clearing_order", ref="o")
    legs = [ledger.Leg(wallet, -78_503_961), ledger.Leg(order, 78_503_961)]
    ledger.post(key="spent", reason="order_charge", cause="order:o", legs=legs, now=now)
    payers, missing = queries.payers(funded, 79_000_000, "CNY")
    assert [payer.label for payer in payers] == ["Wallet, 21.49 available"]  # 21.496039
    assert missing == 57_510_000
    client.force_login(bo)
    assert "CNY 57.51 is missing" in client.get(f"/c/jiangnan/wallet/top-up/?missing={missing}").content.decode()
    page = "/c/jiangnan/wallet/top-up/?needs=79000000&order=ord_1"
    assert "CNY 57.51 is missing" in client.get(page).content.decode()
    client.post(page, {"amount": "57.51"})
    assert TopUp.objects.get().return_to == "/c/jiangnan/orders/ord_1/"


def test_an_offerings_own_title_and_note_stand_on_its_page_as_staff_approved_them(client, market):
    type(market.offering).objects.filter(pk=market.offering.pk).update(
        name="Night runs at Hall A", notes="We call back within the hour."
    )
    own = client.get(f"/p/sof-core/?offering={market.offering.public_id}").content.decode()
    assert "Night runs at Hall A" in own
    assert "We call back within the hour." in own
    assert "We call back" not in client.get("/p/sof-core/").content.decode()


def test_what_was_assumed_about_a_file_stands_in_a_note_before_it_is_paid(client, market, funded, bo, monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    upload = market.upload(funded)
    upload.notes = [["bom_removed", {}], ["one_series", {"series": "outlet", "series_zh": "门店"}]]
    upload.save()
    quote = orders.quote(organisation=funded, offering=market.offering, upload=upload, units=1, now=now, actor=ACTOR)
    client.force_login(bo)
    for address in (f"/c/jiangnan/quotes/{quote.public_id}/", f"/p/sof-core/?file={upload.public_id}"):
        page = client.get(address).content.decode()
        said = page.index('<div class="note mt2"><p>Your file has no column “outlet”, so all lines are added up')
        assert said < page.index('<p class="sm mut mt1">An invisible mark')
        assert said < page.index('class="side"')  # where the button is


def test_kept_prices_are_told_apart_by_their_file_and_when_they_were_made(
    client, market, funded, bo, now, later, monkeypatch
):
    monkeypatch.setattr("portal.core.clock.now", lambda: later(hours=1))
    market.quote(funded)
    client.force_login(bo)
    page = client.get("/c/jiangnan/orders/").content.decode()
    assert f"{market.package.name_en}, job.py</a>" in page
    assert f'Made <time datetime="{now.isoformat()}">' in page


def test_a_result_in_a_column_of_its_own_promises_no_portions(market, now):
    head = {"value": 7, "unit": {"en": "客单数", "zh": "客单数"}}
    shown = queries.worded_result({"headline": head, "use": {"en": "Go by the forecast."}}, market.package, now)
    assert (shown["is_own"], shown["use"]) == (True, "Go by the forecast.")
    assert not queries.worded_result({"headline": {"value": 7}}, market.package, now)["is_own"]


def test_a_stopped_order_offers_to_run_its_file_again(client, market, funded, bo, now):
    order = market.place(funded)
    orders.stop(order=order, now=now, actor=ACTOR)
    client.force_login(bo)
    page = client.get(f"/c/jiangnan/orders/{order.public_id}/").content.decode()
    assert f'action="/p/sof-core/?file={order.quote.upload.public_id}"' in page
    assert "Run again with this file" in page and "To all orders" in page


def drop(client, script: bytes = HELLO, **more):
    """The file of a buyer on the package's page; where it leads."""
    file = SimpleUploadedFile("job.py", script, "text/x-python")
    return client.post("/p/sof-core/", {"file": file, "core_hours": "1", "units": "1", **more})["Location"]


def test_the_same_file_dropped_again_leads_to_its_kept_price(client, market, funded, bo, now, later, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    client.force_login(bo)
    first = drop(client)
    assert drop(client) == first
    assert "has its price already" in client.get(first).content.decode()
    quote = Quote.objects.get()
    orders.expire_quotes(now=later(minutes=20))
    monkeypatch.setattr("portal.core.clock.now", lambda: later(hours=1))
    assert drop(client) == first
    assert list(Quote.objects.all()) == [quote]


def test_another_file_or_another_size_has_a_price_of_its_own(client, market, funded, bo, now, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    client.force_login(bo)
    assert len({drop(client), drop(client, HELLO + b"\n"), drop(client, units="2", core_hours="2")}) == 3
    assert Quote.objects.count() == 3


@pytest.mark.parametrize("end", ["given back", "ordered", "too old", "cheaper today"])
def test_a_price_that_cannot_be_had_or_is_above_todays_is_not_led_to(
    market, funded, now, end
):
    quote = market.quote(funded)
    if end == "given back":
        orders.cancel_quote(quote=quote, now=now, actor=ACTOR)
    elif end == "ordered":
        orders.place(quote=quote, user=None, now=now, actor=ACTOR)
    elif end == "too old":
        Quote.objects.update(created_at=now - timedelta(days=7))
    elif end == "cheaper today":
        Quote.objects.update(cap=quote.cap + 1)
    upload = market.upload(funded)
    made, was_kept = orders.kept_or_quote(
        organisation=funded, upload=upload, units=1, params={}, now=now, actor=ACTOR
    )
    assert not was_kept and made != quote and made.upload == upload


def test_another_company_is_not_led_to_it(market, funded, yongli, now):
    quote = market.quote(funded)
    made, was_kept = orders.kept_or_quote(
        organisation=yongli, upload=market.upload(yongli), units=1, params={}, now=now, actor=ACTOR
    )
    assert not was_kept and made.organisation == yongli and made != quote


def test_run_it_again_leads_to_the_file_of_the_same_package_offer_and_size(market, funded, client, bo):
    order = market.place(funded)
    address = again.address_of(order)
    package, offering = order.quote.offering.package, order.quote.offering
    assert address.startswith(reverse("orders:package", args=[package.code]) + "?")
    assert f"offering={offering.public_id}&units=1" in address and address.endswith("#job")
    client.force_login(bo)
    page = client.get(address.partition("#")[0].replace("units=1", "units=2")).content.decode()
    assert 'id="job"' in page and 'name="units" value="2"' in page


def test_it_is_said_how_far_one_run_reaches_and_what_running_it_every_day_costs(market):
    daily = Package(recipe="forecast", params={"period": "day", "horizon": 14})
    assert again.reach_of(daily, 58_000_000) == again.Reach(14, False, 14 * 58_000_000)
    monthly = Package(recipe="forecast", params={"period": "month", "horizon": 6}, unit_key="series")
    assert again.reach_of(monthly, 1_000_000) == again.Reach(6, True, 6_000_000)
    of_days = Upload(package=monthly, size={"series": 1, "last_ordinal": 739_947})
    assert again.reach_of(monthly, 1_000_000, of_days) == again.Reach(14, False, 14_000_000)
    assert again.reach_of(market.package, 1_000_000) is None


def test_a_file_of_days_is_short_until_it_has_a_year():
    def of(periods, **more):
        return Upload(size={"periods": periods, **more})

    assert uploads.is_short(of(364, last_ordinal=739_947)) and not uploads.is_short(of(365, last_ordinal=739_947))
    assert not uploads.is_short(of(48))  # of months


def test_a_result_file_is_taken_home_with_the_day_of_its_plan_in_its_name(now):
    allocation = Allocation(result={"headline": {"on": "2026-11-29"}}, ended_at=now)
    assert again.dated(ResultFile(name="plan.csv", allocation=allocation)) == "plan-2026-11-29.csv"
    of_no_day = Allocation(result={"headline": {}}, ended_at=now)
    assert again.dated(ResultFile(name="routes.csv", allocation=of_no_day)) == f"routes-{local(now):%Y-%m-%d}.csv"
    assert again.dated(ResultFile(name="LICENSE", allocation=allocation)) == "LICENSE"
