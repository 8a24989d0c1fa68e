"""The pages of an order: whose they are, how many queries they cost, what they say."""

from datetime import timedelta

import pytest

from bank.ledger import actions as ledger
from marketplace.billing.models import TopUp
from marketplace.orders import actions as orders
from marketplace.orders import queries, support
from marketplace.orders.models import Order, Quote
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
    assert f"is on its way under {topup.reference}" in page and "Top up CNY" not in page


def test_a_buyer_chooses_among_providers(client, market, funded, bo, now, yongli, cpu, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    dear = make_offering(
        yongli, market.package, market.offering.region, cpu, now - timedelta(days=1),
        base_uy=9_000_000, per_unit_uy=0, rate_uy_per_hour=10_000_000, core_limit_cms=300_000, cores=1,
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


@pytest.mark.parametrize(("days_ago", "old"), [(0, False), (1, False), (2, True)])
def test_a_file_that_ends_too_early_for_tomorrow_is_said_to(market, funded, now, days_ago, old):
    upload = market.upload(funded)
    assert queries.ends_on(upload) is None and not queries.is_old(upload, now)
    last = local(now).date() - timedelta(days=days_ago)
    upload.size["last_ordinal"] = last.toordinal()
    assert queries.ends_on(upload) == last
    assert queries.is_old(upload, now) is old
    assert queries.is_for_today(upload, now) is (days_ago == 1)


def test_a_file_that_ends_yesterday_is_said_to_plan_for_today_before_anything_is_paid(
    client, market, funded, bo, now, monkeypatch
):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    quote = market.quote(funded)
    client.force_login(bo)
    address = f"/c/jiangnan/quotes/{quote.public_id}/"
    assert "the first day of the plan is today" not in client.get(address).content.decode()
    quote.upload.size["last_ordinal"] = (local(now).date() - timedelta(days=1)).toordinal()
    quote.upload.save(update_fields=["size"])
    assert "the first day of the plan is today" in client.get(address).content.decode()


def test_what_is_there_to_spend_is_rounded_down_and_what_is_missing_up(client, market, funded, bo, now, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    wallet = ledger.open(owner=funded, kind="wallet")
    order = ledger.open(owner=None, kind="clearing_order", ref="o")
    legs = [ledger.Leg(wallet, -78_503_961), ledger.Leg(order, 78_503_961)]
    ledger.post(key="spent", reason="order_charge", cause="order:o", legs=legs, now=now)
    payers, missing = queries.payers(funded, 79_000_000, "CNY")
    assert [payer.label for payer in payers] == ["Wallet, 21.49 available"]  # 21.496039
    assert missing == 57_503_961
    client.force_login(bo)
    assert "CNY 57.51 is missing" in client.get(f"/c/jiangnan/wallet/top-up/?missing={missing}").content.decode()


def test_an_offerings_own_title_and_note_stand_on_its_page_as_staff_approved_them(client, market):
    type(market.offering).objects.filter(pk=market.offering.pk).update(
        name="Night runs at Hall A", notes="We call back within the hour."
    )
    own = client.get(f"/p/sof-core/?offering={market.offering.public_id}").content.decode()
    assert "Night runs at Hall A" in own
    assert "We call back within the hour." in own
    assert "We call back" not in client.get("/p/sof-core/").content.decode()
