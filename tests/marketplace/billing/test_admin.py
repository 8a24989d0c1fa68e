"""The staff's pages of money: asked before a difference is booked, corrected with a reason, read in words."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission

from bank.ledger import queries as books
from bank.ledger import words
from bank.ledger.models import Hold, Journal
from marketplace.billing import actions as billing
from marketplace.billing import corrections
from marketplace.billing.models import Correction, TopUp
from portal.accounts.models import User
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
YUAN = 1_000_000
AT = datetime(2026, 11, 25, 4, 20, tzinfo=UTC)


@pytest.fixture
def desk(client, chen):
    client.force_login(chen)
    return client


@pytest.fixture
def topup(jiangnan, mei) -> TopUp:
    return billing.request_topup(organisation=jiangnan, amount_uy=500 * YUAN, user=mei, now=AT, actor="user:1")


def book(topup: TopUp, amount_uy: int, chen) -> TopUp:
    actor = f"user:{chen.pk}"
    return billing.book_payment(
        topup=topup, amount_uy=amount_uy, bank_reference="B-1", now=AT, actor=actor, reason="as the bank says"
    )


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def available(company) -> int:
    return books.balance(billing.wallet_of(company)).available


def url(topup: TopUp, what: str) -> str:
    return f"/admin/billing/topup/{topup.pk}/{what}/"


# booking


def test_the_announced_amount_is_suggested_to_the_fen(desk, topup):
    assert 'name="amount" value="500.00"' in desk.get(url(topup, "book")).content.decode()


def test_another_amount_is_asked_about_and_only_then_booked(desk, topup, jiangnan):
    sent = {"amount": "5000", "bank_reference": "B-9"}
    asked = desk.post(url(topup, "book"), sent)
    assert "500.00 announced, 5,000.00 entered: 4,500.00 more" in text_of(asked)
    assert available(jiangnan) == 0
    desk.post(url(topup, "book"), {**sent, "sure": "5000", "reason": " "})
    assert available(jiangnan) == 0
    desk.post(url(topup, "book"), {**sent, "sure": "500", "reason": "looked at another amount"})
    assert available(jiangnan) == 0
    done = desk.post(url(topup, "book"), {**sent, "sure": "5000", "reason": "They sent it all at once."})
    assert done.status_code == 302
    assert available(jiangnan) == 5_000_000_000


def test_less_is_asked_about_too(desk, topup):
    asked = desk.post(url(topup, "book"), {"amount": "499.99", "bank_reference": "B-9"})
    assert "500.00 announced, 499.99 entered: 0.01 less" in text_of(asked)


def test_what_is_booked_shows_by_whom_and_no_form(desk, topup, chen):
    book(topup, 500 * YUAN, chen)
    page = desk.get(url(topup, "book"))
    assert f"Already booked: CNY 500.00 on 25 Nov, 12:20 by {chen.email}" in text_of(page)
    assert 'name="amount"' not in page.content.decode()
    assert f"25 November 2026, 12:20 booked {chen.email}" in text_of(desk.get(url(topup, "change")))
    money = text_of(desk.get(f"/admin/company/{topup.organisation_id}/money/"))
    assert f"25 November 2026, 12:20 {chen.email}" in money
    assert desk.get(url(topup, "history")).status_code == 302


def test_a_cancelled_one_is_still_booked(desk, topup, jiangnan):
    billing.cancel_topup(topup=topup, now=AT, actor="user:1")
    assert "The customer has cancelled it" in text_of(desk.get(url(topup, "book")))
    desk.post(url(topup, "book"), {"amount": "500.00", "bank_reference": "B-9"})
    assert available(jiangnan) == 500_000_000


# correcting


def correct(client, topup: TopUp, amount: str, reason: str = "A nought too many."):
    booking = corrections.booking_of(topup)
    return client.post(
        url(topup, "correct"), {"booking": booking.public_id, "amount": amount, "reason": reason}, follow=True
    )


def test_a_booking_is_corrected_with_a_reason(desk, topup, jiangnan, chen):
    book(topup, 5_000 * YUAN, chen)
    assert "Above CNY 10,000.00 a second person must confirm it." in text_of(desk.get(url(topup, "correct")))
    correct(desk, topup, "500", reason="")
    assert available(jiangnan) == 5_000_000_000
    page = text_of(correct(desk, topup, "500.00"))
    assert "Corrected: CNY 5,000.00 was taken back and CNY 500.00 booked." in page
    assert "booking corrected" in page
    assert available(jiangnan) == 500_000_000


def test_a_wallet_that_is_too_small_is_told_in_figures(desk, topup, jiangnan, chen):
    book(topup, 500 * YUAN, chen)
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=400 * YUAN, now=AT)
    page = text_of(correct(desk, topup, ""))
    assert "CNY 500.00 would have to leave the wallet, and only CNY 100.00 of it is available." in page
    assert "Nothing was changed." in page
    assert (available(jiangnan), Correction.objects.count()) == (100_000_000, 0)


def test_a_second_person_confirms_what_is_large(desk, client, topup, jiangnan, chen):
    book(topup, 20_000 * YUAN, chen)
    assert "a second person must confirm it" in text_of(correct(desk, topup, "500"))
    made = Correction.objects.get()
    page, decide = f"/admin/billing/correction/{made.pk}/change/", f"/admin/billing/correction/{made.pk}/decide/"
    assert "1 Corrections to confirm" in text_of(desk.get("/admin/"))
    assert 'name="confirm"' not in desk.get(page).content.decode()
    desk.post(decide, {"confirm": "1"})
    assert available(jiangnan) == 20_000_000_000
    client.force_login(make_user("wu@suanli.test", is_staff=True, is_superuser=True))
    assert 'name="confirm"' in client.get(page).content.decode()
    client.post(decide, {"confirm": "1"})
    client.post(decide, {"confirm": "1"})
    assert available(jiangnan) == 500_000_000
    assert Journal.objects.filter(reason="reversal").count() == 1


def test_staff_who_may_only_look_neither_book_nor_correct_nor_confirm(client, topup, jiangnan, chen, db):
    book(topup, 20_000 * YUAN, chen)
    made = corrections.correct(
        topup=topup, booking=corrections.booking_of(topup), to_uy=0, reason="wrong", user=chen, now=AT
    )
    clerk = User.objects.create_user("clerk@suanli.test", "correct horse battery", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_topup", "view_correction"]))
    client.force_login(clerk)
    for path in (url(topup, "book"), url(topup, "correct"), f"/admin/billing/correction/{made.pk}/decide/"):
        assert client.post(path, {"confirm": "1", "amount": "1", "bank_reference": "B"}).status_code == 403
    assert client.get(url(topup, "change")).status_code == 200
    assert available(jiangnan) == 20_000_000_000


# reading


def test_tables_of_money_show_yuan_companies_and_the_platforms_time(desk, topup, jiangnan, chen):
    book(topup, 500 * YUAN, chen)
    listed = text_of(desk.get("/admin/ledger/journal/"))
    assert "25 November 2026, 12:20 Top-up by bank transfer CNY 500.00 Jiangnan Kitchen" in listed
    assert "500000000" not in listed
    journal = Journal.objects.get()
    page = desk.get(f"/admin/ledger/journal/{journal.pk}/change/").content.decode()
    assert f"/admin/cause/topup:{topup.public_id}/" in page
    assert "<details" in page
    assert desk.get(f"/admin/cause/topup:{topup.public_id}/").url == url(topup, "change")
    assert f"/admin/ledger/journal/{journal.pk}/change/" in desk.get(url(topup, "change")).content.decode()


def test_a_cause_that_is_none_is_not_found(desk):
    for cause in ("topup:top_none", "user:1", "nonsense"):
        assert desk.get(f"/admin/cause/{cause}/").status_code == 404


def test_the_movements_of_an_account_are_listed_from_its_page(desk, topup, jiangnan, yongli, chen):
    book(topup, 500 * YUAN, chen)
    wallet = billing.wallet_of(jiangnan)
    billing.ensure_wallet(yongli, AT)
    link = f"/admin/ledger/journal/?postings__account__id__exact={wallet.pk}"
    assert link in desk.get(f"/admin/ledger/account/{wallet.pk}/change/").content.decode()
    found = text_of(desk.get(link))
    assert "1 entry in the books" in found
    assert "Jiangnan" in found
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=4_321, now=AT)
    hold = Hold.objects.get()
    for page in (f"/admin/ledger/hold/?account__id__exact={wallet.pk}", f"/admin/ledger/hold/{hold.pk}/change/"):
        assert "CNY 0.004321" in text_of(desk.get(page))


@pytest.mark.parametrize(("uy", "signed", "text"), [
    (0, False, "CNY 0.00"), (1, False, "less than CNY 0.01"), (9_999, False, "less than CNY 0.01"),
    (10_000, False, "CNY 0.01"), (4_000, True, "+ less than CNY 0.01"), (-4_000, True, "− less than CNY 0.01"),
    (-1_234_567, True, "CNY −1.23"),
])  # fmt: skip
def test_what_is_below_a_fen_is_not_called_nothing(uy, signed, text):
    assert words.short(uy, "CNY", signed=signed) == text


@pytest.mark.parametrize("typed", ["{0}", "{1}", "sl {1}", "SL-{0}"])
def test_a_code_is_found_without_dashes_in_any_case(desk, topup, jiangnan, mei, typed):
    other = billing.request_topup(organisation=jiangnan, amount_uy=YUAN, user=mei, now=AT, actor="user:1")
    code = topup.reference.removeprefix("SL-")
    text = typed.format(code, code.replace("-", " ").lower())
    listed = desk.get("/admin/billing/topup/", {"q": text}).content.decode()
    assert topup.reference in listed
    assert other.reference not in listed
    assert desk.get("/admin/find/", {"q": text}).url.endswith(f"#topup-{topup.reference}")
