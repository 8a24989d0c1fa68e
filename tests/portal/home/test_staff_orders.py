"""What staff do about orders: found, seen whole, moved on or stopped with a reason."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from bank.ledger import queries as books
from marketplace.billing import actions as billing
from marketplace.billing.rating import Line, Rated
from marketplace.dispatch.models import Site
from marketplace.orders import actions as orders
from marketplace.orders.models import Order
from portal.accounts.models import User
from portal.core import clock
from portal.history.models import Step
from tests.conftest import join
from tests.marketplace.conftest import SLEEPY
from tests.portal.home.test_staff import text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/orders/order/"


@pytest.fixture
def desk(client, chen):
    client.force_login(chen)
    return client


def wallet(company) -> tuple[int, int]:
    balance = books.balance(billing.wallet_of(company))
    return balance.posted, balance.held


def ask(order, what: str) -> str:
    return f"{LIST}{order.pk}/{what}/ask/"


@pytest.mark.parametrize("query", ["number", "public_id", "江南"])
def test_orders_are_found_by_number_public_id_and_company(desk, market, funded, query):
    order = market.place(funded)
    text = text_of(desk.get(LIST, {"q": getattr(order, query, query)}))
    assert order.number in text
    assert "1 result" in text
    assert order.number not in text_of(desk.get(LIST, {"q": "Yongli"}))


def test_the_list_takes_the_same_queries_for_one_and_many(
    desk,
    market,
    funded,
    django_assert_max_num_queries,
):
    market.place(funded)
    desk.get(LIST)
    with django_assert_max_num_queries(20) as seen:
        desk.get(LIST)
    one = len(seen)
    for _ in range(4):
        market.place(funded)
    with django_assert_max_num_queries(one):
        desk.get(LIST)


def test_the_filter_shows_only_what_is_stuck(desk, market, funded):
    old, fresh = market.place(funded), market.place(funded)
    at = clock.now()
    Order.objects.filter(pk=old.pk).update(placed_at=at - timedelta(hours=3), due_at=at)
    Order.objects.filter(pk=fresh.pk).update(placed_at=at, due_at=at)
    text = text_of(desk.get(LIST, {"stuck": "yes"}))
    assert old.number in text
    assert fresh.number not in text


def test_an_order_is_seen_whole(desk, market, funded):
    order = market.place(funded)
    text = text_of(desk.get(f"{LIST}{order.pk}/change/"))
    for part in ("money reserved", "Room is kept at Hall A", "job.py", "Agreed at most", "What happened to the money?",
                 "Stop and release the money …", "Every step", "begun: money reserved"):  # fmt: skip
        assert part in text, part
    assert "Reserved Wallet Reserved CNY" in text


def test_an_order_paid_long_ago_shows_every_movement_of_its_money_and_who_got_it(desk, market, funded, now):
    order = market.place(funded)
    rated = Rated(lines=(Line("package", 5_000_000),), total=5_000_000, computing=0, cap=6_000_000)
    billing.charge(cause=order.cause, organisation=funded, provider=None, rated=rated, outcome="delivered",
                   what=("Hours", "核时"), now=now)  # fmt: skip
    text = text_of(desk.get(f"{LIST}{order.pk}/change/"))
    for part in ("Reserved Wallet Reserved CNY 6.00", "Paid Reserved Payment for the order CNY 5.00",
                 "Given back Reserved Wallet CNY 1.00", "The platform the package and its core-hours CNY 5.00",
                 "Every movement in the books"):  # fmt: skip
        assert part in text, part


def test_stopping_asks_first_and_needs_a_reason(desk, market, funded):
    order = market.place(funded)
    assert f"{order.number}" in text_of(desk.get(ask(order, "stop")))
    assert "Write a reason. Nothing was changed." in text_of(
        desk.post(ask(order, "stop"), {"sure": "1", "text": " "})
    )
    order.refresh_from_db()
    assert order.state == "placed"
    assert wallet(funded) == (100_000_000, 6_000_000)


def test_stopping_releases_the_money_and_keeps_who_and_why(desk, chen, market, funded):
    order = market.place(funded)
    sent = {"sure": "1", "text": "Machine down, customer rang", "kind": "theirs"}
    page = desk.post(ask(order, "stop"), sent, follow=True)
    order.refresh_from_db()
    assert order.state == "cancelled"
    assert wallet(funded) == (100_000_000, 0)
    steps = Step.objects.filter(subject=f"order:{order.public_id}").order_by("id")
    assert [(s.before, s.after, s.reason, s.actor) for s in steps][1:] == [
        ("placed", "placed", "staff_stop", f"user:{chen.pk}"),
        ("placed", "cancelled", "staff_stop", f"user:{chen.pk}"),
    ]
    text = text_of(page)
    assert f"{order.number} is now: cancelled, nothing charged." in text
    assert "Machine down, customer rang" in text
    assert chen.email in text


def test_a_stop_says_whose_cause_it_is_and_ours_costs_nothing(desk, market, funded):
    order = market.place(funded)
    form = text_of(desk.get(ask(order, "stop")))
    assert "Reason; the customer reads it word for word:" in form
    desk.post(ask(order, "stop"), {"sure": "1", "text": "Disk broke"})  # without whose cause nothing happens
    order.refresh_from_db()
    assert order.state == "placed"
    page = desk.post(ask(order, "stop"), {"sure": "1", "text": "Disk broke", "kind": "us"}, follow=True)
    order.refresh_from_db()
    assert (order.state, order.reason) == ("cancelled", "platform_stop")
    assert wallet(funded) == (100_000_000, 0)
    text = text_of(page)
    assert "our staff stopped it for a cause on our side" in text
    assert f"Order {order.number} begun: money reserved" in text
    for code in ("platform_stop", "system:", "→ placed"):
        assert code not in text, code


def test_an_order_that_is_over_is_left_as_it_is(desk, market, funded, now):
    order = market.place(funded)
    orders.stop(order=order, now=now, actor="user:1")
    before = Step.objects.count()
    text = text_of(desk.post(ask(order, "stop"), {"sure": "1", "text": "again", "kind": "us"}, follow=True))
    assert "is over already" in text
    assert Step.objects.count() == before


def test_advancing_moves_the_order_on_at_once(desk, chen, market, funded, needs_sandbox):
    order = market.place(funded, SLEEPY)
    desk.post(ask(order, "advance"), {"sure": "1", "text": "Customer waits"})
    order.refresh_from_db()
    assert order.state == "running"
    step = Step.objects.get(subject=f"order:{order.public_id}", reason="staff_advance")
    assert (step.actor, step.params["text"]) == (f"user:{chen.pk}", "Customer waits")
    orders.stop(order=order, now=clock.now(), actor="user:1")
    orders.advance(order_id=order.pk, now=clock.now(), actor="user:1")


def test_many_orders_are_stopped_from_the_list_each_for_itself(desk, market, funded, now):
    first, over = market.place(funded), market.place(funded)
    orders.stop(order=over, now=now, actor="user:1")
    body = {"action": "stop", "_selected_action": [first.pk, over.pk]}
    assert first.number in text_of(desk.post(LIST, body))
    first.refresh_from_db()
    assert first.state == "placed"
    text = text_of(desk.post(LIST, {**body, "sure": "1", "text": "Hall A is closed", "kind": "theirs"}, follow=True))
    assert f"{first.number} is now: cancelled" in text
    assert f"{over.number} is over already" in text
    assert wallet(funded) == (100_000_000, 0)


def test_staff_who_may_only_look_do_nothing(client, db, market, funded):
    clerk = User.objects.create_user("clerk@suanli.test", "correct horse battery", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(clerk)
    order = market.place(funded)
    assert "Stop and release" not in text_of(client.get(f"{LIST}{order.pk}/change/"))
    for what in ("advance", "stop"):
        assert client.post(ask(order, what), {"sure": "1", "text": "x"}).status_code == 403
    client.post(LIST, {"action": "stop", "_selected_action": [order.pk], "sure": "1", "text": "x"})
    order.refresh_from_db()
    assert order.state == "placed"
    assert wallet(funded) == (100_000_000, 6_000_000)
    assert not Step.objects.filter(reason__startswith="staff_").exists()


def test_customers_reach_neither_list_nor_action(client, lin, market, funded):
    order = market.place(funded)
    client.force_login(lin)
    assert client.get(LIST).status_code == 302
    assert client.post(ask(order, "stop"), {"sure": "1", "text": "x"}).status_code == 302
    order.refresh_from_db()
    assert order.state == "placed"


def test_a_site_that_failed_is_tried_again_with_a_reason(desk, chen, market):
    Site.objects.filter(pk=market.site.pk).update(state="failed")
    body = {"action": "verify", "_selected_action": [market.site.pk]}
    url = "/admin/dispatch/site/"
    assert "A test job really runs at the site." in text_of(desk.post(url, body))
    desk.post(url, {**body, "sure": "1", "text": "Disk replaced"})
    market.site.refresh_from_db()
    assert market.site.state == "verifying"
    step = Step.objects.get(subject=f"site:{market.site.public_id}", reason="staff_verify")
    assert (step.actor, step.params["text"]) == (f"user:{chen.pk}", "Disk replaced")


@pytest.mark.parametrize("what", ["advance", "stop"])
def test_nobody_acts_on_an_order_of_a_company_he_belongs_to(client, wang, market, funded, what):
    order = market.place(funded)
    join(wang, funded, "buyer")
    client.force_login(wang)
    page = text_of(client.get(f"{LIST}{order.pk}/change/"))
    assert "You belong to this company" in page and "Stop and release" not in page
    before = wallet(funded), Step.objects.count(), Order.objects.values_list("state", flat=True).get()
    sent = client.post(ask(order, what), {"sure": "1", "text": "For us", "kind": "us"}, follow=True)
    assert "somebody else on the desk decides" in text_of(sent)
    assert (wallet(funded), Step.objects.count(), Order.objects.values_list("state", flat=True).get()) == before


def test_nobody_runs_the_benchmark_of_a_site_of_his_own_company(client, wang, market, yongli):
    Site.objects.filter(pk=market.site.pk).update(organisation=yongli)
    join(wang, yongli, "owner")
    client.force_login(wang)
    before = Site.objects.values("state", "verify_attempts", "verify_due_at").get(), Step.objects.count()
    sent = {"action": "verify", "_selected_action": [market.site.pk], "sure": "1", "text": "again"}
    said = text_of(client.post("/admin/dispatch/site/", sent, follow=True))
    assert "somebody else on the desk decides" in said
    assert (Site.objects.values("state", "verify_attempts", "verify_due_at").get(), Step.objects.count()) == before


def test_runs_quotes_and_steps_are_called_by_what_they_are(desk, market, funded):
    order = market.place(funded)
    orders.advance(order_id=order.pk, now=market.now, actor="system:test")
    order.refresh_from_db()
    runs = text_of(desk.get("/admin/provisioning/allocation/"))
    assert f"Order {order.number}" in runs and order.allocation.public_id not in runs
    assert f"Order {order.number}" in text_of(desk.get(f"/admin/provisioning/allocation/{order.allocation.pk}/change/"))
    quotes = text_of(desk.get("/admin/orders/quote/"))
    assert market.offering.title in quotes and "CNY" in quotes and order.quote.public_id not in quotes
    steps = text_of(desk.get("/admin/history/step/"))
    assert f"Run {order.number}" in steps and f"Quote {market.offering.title}, " in steps
    assert order.quote.public_id[-6:].upper() not in steps


def test_a_page_that_is_only_read_ends_with_the_way_back_to_its_list(desk, market, funded):
    order = market.place(funded)
    page = text_of(desk.get(f"/admin/orders/quote/{order.quote.pk}/change/"))
    assert "Back to the list" in page and "Close" not in page
