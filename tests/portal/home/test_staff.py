"""The staff's desk: the board, the search, and a company's page that answers for its money."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from bank.ledger.models import Journal, Posting
from marketplace.billing import actions as billing
from marketplace.billing import corrections, rating
from marketplace.orders.models import Order
from portal.accounts.models import Organisation, User
from portal.core import clock
from portal.home import finding, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client, chen):
    client.force_login(chen)
    return client


def text_of(response) -> str:
    """What a person reads: tags gone, white space folded."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def money_url(company) -> str:
    return f"/admin/company/{company.pk}/money/"


def deliver(order, used_cms: int):
    """Settle an order as after a run that delivered, at that counter."""
    quote = order.quote
    rated = rating.delivered(
        rating.Terms(**quote.terms),
        units_quoted=quote.units,
        units_done=quote.units,
        used_cms=used_cms,
        cap=quote.cap,
    )
    now = quote.created_at + timedelta(minutes=2)
    charge = billing.charge(
        cause=order.cause,
        organisation=order.organisation,
        provider=None,
        rated=rated,
        outcome="delivered",
        what=("Script", "脚本"),
        now=now,
    )
    Order.objects.filter(pk=order.pk).update(state="delivered", ended_at=now, due_at=None)
    return charge


# the board


def test_the_board_counts_what_waits_and_how_long(desk, market, funded):
    company = Organisation.objects.get(pk=funded.pk)
    Organisation.objects.filter(pk=company.pk).update(
        state="registered", created_at=clock.now() - timedelta(days=3, hours=2)
    )
    billing.request_topup(
        organisation=company,
        amount_uy=79_000_000,
        user=None,
        now=clock.now() - timedelta(hours=5),
        actor="user:1",
    )
    page = desk.get("/admin/")
    text = text_of(page)
    assert re.search(r"1 Companies to approve the oldest waits 3\s+days", text.replace("\xa0", " "))
    assert re.search(r"1 Payments to book the oldest waits 5\s+hours", text.replace("\xa0", " "))
    assert "0 Stuck orders Every order gets on." in text
    assert "/admin/accounts/organisation/?state__exact=registered" in page.content.decode()


@pytest.mark.parametrize("url", [
    "/admin/accounts/organisation/?state__exact=registered", "/admin/catalogue/offering/?state__exact=submitted",
    "/admin/dispatch/site/?state__in=registered,failed", "/admin/billing/topup/?state__exact=waiting",
    "/admin/billing/correction/?state__exact=waiting", "/admin/billing/correction/?state__exact=short",
    "/admin/catalogue/offering/?state__exact=published&price_raised_at__isempty=0",
    "/admin/billing/booking/?state__exact=waiting", "/admin/lending/proposal/?state__exact=waiting",
    "/admin/orders/order/?stuck=yes",
])  # fmt: skip
def test_every_queue_leads_to_its_filtered_list(desk, url, now):
    assert url in [q.url for q in staff.queues(now=now)]
    assert desk.get(url).status_code == 200


def test_the_queues_take_one_query_each(db, now, django_assert_num_queries):
    with django_assert_num_queries(12):
        staff.queues(now=now)


def test_an_order_is_stuck_when_it_is_open_longer_than_its_time(market, funded, now):
    order = market.place(funded)
    wall = timedelta(seconds=order.quote.wall_s)
    Order.objects.filter(pk=order.pk).update(due_at=now + timedelta(days=1))
    stuck = {q.key: q for q in staff.queues(now=now + wall + timedelta(seconds=300))}["order"]
    assert stuck.count == 0
    stuck = {q.key: q for q in staff.queues(now=now + wall + timedelta(seconds=301))}["order"]
    assert (stuck.count, stuck.oldest_at) == (1, now)


def test_an_order_that_nobody_looks_at_is_stuck_too(market, funded, now):
    market.place(funded)
    counts = [
        {q.key: q.count for q in staff.queues(now=now + timedelta(seconds=s))}["order"] for s in (300, 301)
    ]
    assert counts == [0, 1]


def test_staff_see_only_the_queues_they_may_open(client, db):
    clerk = User.objects.create_user("clerk@suanli.test", "correct horse battery", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_topup"))
    client.force_login(clerk)
    text = text_of(client.get("/admin/"))
    assert "Payments to book" in text
    assert "Companies to approve" not in text


# the search


def test_one_answer_is_opened_at_once(desk, market, funded, lin):
    order = market.place(funded)
    assert desk.get("/admin/find/", {"q": order.number}).url == f"/admin/orders/order/{order.pk}/change/"
    assert desk.get("/admin/find/", {"q": "江南小厨"}).url == money_url(funded)
    assert desk.get("/admin/find/", {"q": "lin@jiangnan"}).url == f"{money_url(funded)}#people"


def test_a_reference_code_leads_to_the_companys_page(desk, jiangnan, now):
    topup = billing.request_topup(
        organisation=jiangnan, amount_uy=1_000_000, user=None, now=now, actor="user:1"
    )
    found = desk.get("/admin/find/", {"q": f" {topup.reference.lower()} "})
    assert found.url == f"{money_url(jiangnan)}#topup-{topup.reference}"


def test_a_code_is_found_as_it_is_said(desk, market, funded, now):
    topup = billing.request_topup(organisation=funded, amount_uy=1_000_000, user=None, now=now, actor="user:1")
    for said in (topup.reference.replace("-", ""), topup.reference.replace("-", " ").lower()):
        assert desk.get("/admin/find/", {"q": said}).url == f"{money_url(funded)}#topup-{topup.reference}"
    order = market.place(funded)
    for said in (order.number.replace("-", ""), order.number.replace("-", "－")):
        assert desk.get("/admin/find/", {"q": said}).url == f"/admin/orders/order/{order.pk}/change/"


@pytest.mark.parametrize("said", ["百兴", "味兴", "bai xing", "Catering Bai"])
def test_a_company_is_found_by_its_short_name(desk, jiangnan, said):
    Organisation.objects.filter(pk=jiangnan.pk).update(name="Bai Wei Xing Catering 百味兴隆")
    assert desk.get("/admin/find/", {"q": said}).url == money_url(jiangnan)


def test_the_characters_of_a_short_name_stand_in_order(desk, jiangnan):
    Organisation.objects.filter(pk=jiangnan.pk).update(name="Bai Wei Xing Catering 百味兴隆")
    assert "Nothing is called" in text_of(desk.get("/admin/find/", {"q": "兴百"}))


def test_the_six_characters_of_a_statement_find_the_journal(desk, funded):
    journal = Journal.objects.get()
    for text in (journal.public_id, journal.public_id[-6:].upper()):
        assert desk.get("/admin/find/", {"q": text}).url == f"/admin/ledger/journal/{journal.pk}/change/"


def test_many_answers_are_listed_and_none_is_said(desk, jiangnan, yongli):
    text = text_of(desk.get("/admin/find/", {"q": "9133"}))
    assert "Nothing is called “9133”" in text
    text = text_of(desk.get("/admin/find/", {"q": "n"}))
    assert "Nothing is called" in text  # one letter is no question
    text = text_of(desk.get("/admin/find/", {"q": "ng"}))
    assert "Jiangnan Kitchen" in text
    assert "Yongli Mould" in text


def test_a_room_one_may_not_see_answers_nothing(market, funded):
    order = market.place(funded)
    assert finding.find(order.number, may=lambda permission: permission != "orders.view_order") == []
    assert [f.name for f in finding.find(order.number, may=lambda permission: True)] == [order.number]


# one page per company


def test_the_page_says_why_a_part_of_the_money_went_back(desk, market, funded):
    order = market.place(funded)
    charge = deliver(order, used_cms=180_000)
    assert (order.quote.cap, charge.total) == (6_000_000, 5_500_000)
    text = text_of(desk.get(money_url(funded)))
    assert (
        "CNY 6.00 is the most it could cost. It came to CNY 5.50: The package CNY 5.00, Computing CNY 0.50. "
        "The unused CNY 0.50 went back. The machine counted 0.0500 core-hours." in text
    )
    assert "Together CNY 6.00 CNY 5.50" in text
    assert "CNY 94.50" in text  # available
    assert f"Order charged Order {order.number}" in text


def test_line_by_line_the_agreed_stands_beside_what_it_came_to(market, funded):
    deliver(market.place(funded), used_cms=180_000)
    row = staff.money_of(funded).orders[0]
    assert [(x["most"], x["real"]) for x in row.lines] == [
        ("CNY 5.00", "CNY 5.00"), ("CNY 0.00", "CNY 0.00"), ("CNY 0.833333", "CNY 0.50"), ("CNY 0.166667", ""),
    ]  # fmt: skip


def test_a_movement_opens_to_both_sides(desk, funded):
    page = staff.money_of(funded)
    assert [(m.what, m.cause, m.amount, m.balance) for m in page.movements] == [
        ("Welcome credit", "Registration of the company", "CNY +100.00", "CNY 100.00")
    ]
    assert [(leg.account, leg.owner, leg.amount) for leg in page.movements[0].legs] == [
        ("Welcome credit given", "the platform", "CNY −100.00"),
        ("Wallet", "Jiangnan Kitchen 江南小厨", "CNY +100.00"),
    ]
    assert (
        f"/admin/ledger/journal/{Journal.objects.get().pk}/change/"
        in desk.get(money_url(funded)).content.decode()
    )


def test_what_is_reserved_shows_its_order_and_its_age(desk, market, funded):
    order = market.place(funded)
    page = staff.money_of(funded)
    assert (page.available_uy, page.held_uy, page.wallet_uy) == (94_000_000, 6_000_000, 100_000_000)
    assert [(h.cause, h.amount) for h in page.holds] == [(f"Order {order.number}", "CNY 6.00")]
    assert "CNY 6.00 is reserved; nothing is charged until the run is over." in text_of(
        desk.get(money_url(funded))
    )


def test_a_payment_that_waits_has_its_button(desk, jiangnan, now):
    topup = billing.request_topup(
        organisation=jiangnan, amount_uy=79_000_000, user=None, now=now, actor="user:1"
    )
    assert f'href="/admin/billing/topup/{topup.pk}/book/"' in desk.get(money_url(jiangnan)).content.decode()
    billing.book_payment(
        topup=topup, amount_uy=78_990_000, bank_reference="ICBC-1", now=now, actor="user:1", reason="A fen less."
    )
    page = desk.get(money_url(jiangnan))
    assert "/book/" not in page.content.decode()
    assert f"Top-up by bank transfer Top-up {topup.reference}" in text_of(page)


def test_every_movement_is_reached_page_by_page_and_the_balances_fit(funded, now, monkeypatch):
    monkeypatch.setattr(staff, "MOVEMENTS", 3)
    for n in range(1, 9):
        topup = billing.request_topup(
            organisation=funded, amount_uy=n * 1_000_000, user=None, now=now, actor="user:1"
        )
        billing.book_payment(
            topup=topup, amount_uy=n * 1_000_000, bank_reference=f"ICBC-{n}", now=now, actor="user:1"
        )
    seen, before = [], None
    while True:
        page = staff.money_of(funded, before=before)
        seen += page.movements
        if not page.older:
            break
        before = int(page.older)
    assert [m.balance for m in seen] == [f"CNY {n}.00" for n in (136, 128, 121, 115, 110, 106, 103, 101, 100)]
    assert [m.posting_id for m in seen] == list(
        Posting.objects.filter(account__owner=funded).order_by("-id").values_list("pk", flat=True)
    )


@pytest.mark.parametrize("query", ["?before=x", "?before=-1", "?orders_before=1.5", "?before=" + "9" * 30])
def test_a_cursor_that_is_none_is_not_found(desk, jiangnan, query):
    assert desk.get(money_url(jiangnan) + query).status_code == 404


# people, accounts, the gift, holds, postings + 4 of their journals, newer, 2 of causes, 3 of orders + 3 of payments,
# 5 of top-ups, withdrawals
MONEY_QUERIES = 23


def test_the_page_takes_the_same_queries_for_one_order_and_for_five(
    market,
    funded,
    django_assert_num_queries,
    now,
):
    def live(n: int) -> None:
        deliver(market.place(funded), used_cms=90_000)
        topup = billing.request_topup(
            organisation=funded, amount_uy=1_000_000, user=None, now=now, actor="user:1"
        )
        billing.book_payment(
            topup=topup, amount_uy=1_000_000, bank_reference=f"B-{n}", now=now, actor="user:1"
        )

    live(0)
    with django_assert_num_queries(MONEY_QUERIES):
        staff.money_of(funded)
    for n in range(1, 5):
        live(n)
    with django_assert_num_queries(MONEY_QUERIES):
        staff.money_of(funded)


# who may


@pytest.mark.parametrize("path", ["/admin/", "/admin/find/?q=jiangnan", "money"])
def test_customers_and_strangers_have_no_desk(client, lin, jiangnan, path):
    path = money_url(jiangnan) if path == "money" else path
    assert client.get(path).status_code == 302
    client.force_login(lin)
    response = client.get(path)
    assert response.status_code == 302
    assert "login" in response.url


def test_staff_without_the_right_to_see_money_are_refused(client, db, jiangnan):
    clerk = User.objects.create_user("clerk@suanli.test", "correct horse battery", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_organisation"))
    client.force_login(clerk)
    assert client.get(money_url(jiangnan)).status_code == 403


@pytest.mark.parametrize(
    "path", ["company/{pk}/money/", "accounts/organisation/", "accounts/organisation/{pk}/approve/decide/"]
)
def test_what_staff_may_not_open_is_said_inside_the_desk(client, jiangnan, path):
    clerk = User.objects.create_user("clerk@suanli.test", "correct horse battery", is_staff=True)
    client.force_login(clerk)
    page = client.get("/admin/" + path.format(pk=jiangnan.pk))
    assert page.status_code == 403
    text = text_of(page)
    assert "Suanli staff desk" in text
    assert "To do" in text
    assert "Nothing was changed." in text
    assert 'class="nav"' not in page.content.decode()


def test_nothing_is_editable_in_the_books_or_the_history(desk, funded):
    journal = Journal.objects.get()
    for table in ("ledger/journal", "ledger/account", "ledger/hold", "ledger/lot", "history/step", "history/clockjump",
                  "metering/usagerecord", "provisioning/allocation", "orders/order", "orders/quote"):  # fmt: skip
        assert desk.get(f"/admin/{table}/add/").status_code == 403, table
        assert desk.get(f"/admin/{table}/").status_code == 200, table
    url = f"/admin/ledger/journal/{journal.pk}/"
    assert desk.post(f"{url}change/", {"reason": "top_up"}).status_code == 403
    assert desk.post(f"{url}delete/", {"post": "yes"}).status_code == 403
    journal.refresh_from_db()
    assert journal.reason == "welcome_credit"


def test_the_desk_speaks_chinese_and_leads_back(desk, jiangnan):
    page = desk.get("/admin/", headers={"accept-language": "zh-hans"}).content.decode()
    assert 'href="/"' in page
    assert 'lang="zh-hans"' in page
    assert ">English</button>" in page


def test_no_page_of_the_desk_has_anything_inline(desk, market, funded):
    order = market.place(funded)
    for path in ("/admin/", "/admin/find/?q=nothing", money_url(funded), f"/admin/orders/order/{order.pk}/change/",
                 f"/admin/orders/order/{order.pk}/stop/ask/", "/admin/orders/order/"):  # fmt: skip
        page = desk.get(path)
        text = page.content.decode()
        assert page.status_code == 200, path
        assert not re.search(
            r'\sstyle="|\son\w+="|<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)', text
        ), path
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]


# by amount


@pytest.mark.parametrize("said", ["78.50", "¥78.5", "78.50 元"])
def test_an_amount_finds_the_top_up_that_has_it(jiangnan, said):
    now = clock.now()
    topup = billing.request_topup(organisation=jiangnan, amount_uy=78_500_000, user=None, now=now, actor="user:1")
    billing.request_topup(organisation=jiangnan, amount_uy=79_000_000, user=None, now=now, actor="user:1")
    found = finding.find(said, may=lambda _permission: True, now=now)
    assert [(f.kind, f.name) for f in found] == [("Top-up", topup.reference)]
    assert finding.find(said, may=lambda _permission: True, now=now + timedelta(days=91)) == []
    assert finding.find(said, may=lambda permission: permission != "billing.view_topup", now=now) == []


def test_an_amount_finds_orders_by_their_cap_and_by_what_was_charged(market, funded, now):
    order = market.place(funded)
    deliver(order, used_cms=180_000)
    for said in ("6", "6.00", "5.50"):
        found = finding.find(said.ljust(2), may=lambda _permission: True, now=now)
        if len(said) > 1:
            assert order.number in [f.name for f in found], said
    note = finding.find("5.50", may=lambda _permission: True, now=now)[0].note
    assert "at most CNY 6.00, charged CNY 5.50" in note


def test_an_amount_finds_the_correction_from_and_to(jiangnan, chen, now):
    topup = billing.request_topup(organisation=jiangnan, amount_uy=12_000_000_000, user=None, now=now, actor="user:1")
    billing.book_payment(topup=topup, amount_uy=12_000_000_000, bank_reference="B", now=now, actor="user:1")
    corrections.correct(
        topup=topup, booking=corrections.booking_of(topup), to_uy=120_000_000, reason="noughts", user=chen, now=now
    )
    for said in ("12000", "12,000", "120.00"):
        found = finding.find(said, may=lambda _permission: True, now=now)
        assert "Correction" in [f.kind for f in found], said


def test_of_more_than_ten_it_is_said_that_there_are_more(desk, jiangnan):
    now = clock.now()
    for _ in range(12):
        billing.request_topup(organisation=jiangnan, amount_uy=78_500_000, user=None, now=now, actor="user:1")
    found = finding.find("78.50", may=lambda _permission: True, now=now)
    assert len(found) == 11
    assert found[-1].name == "There are more than 10"
    assert "There are more than 10" in text_of(desk.get("/admin/find/", {"q": "78.50"}))
