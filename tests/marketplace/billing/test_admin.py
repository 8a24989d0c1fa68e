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
from marketplace.billing.models import Booking, Correction, TopUp
from portal.accounts.models import User
from portal.core.ids import made_at
from portal.core.templatetags.suanli import time_text
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
    desk.post(url(topup, "book"), {**sent, "sure": "5000", "reason": "They sent it all at once."})
    assert available(jiangnan) == 0  # far from what was announced: a second person must confirm it
    less = {"amount": "1500", "bank_reference": "B-9", "sure": "1500", "reason": "They sent it all at once."}
    assert "A second" not in text_of(desk.post(url(topup, "book"), less))
    assert available(jiangnan) == 0


def test_a_difference_up_to_the_limit_is_booked_by_one_with_a_reason(desk, topup, jiangnan):
    sent = {"amount": "1500", "bank_reference": "B-9", "sure": "1500", "reason": "They sent it all at once."}
    assert desk.post(url(topup, "book"), sent).status_code == 302
    assert available(jiangnan) == 1_500_000_000


def test_what_a_second_person_must_confirm_shows_all_that_the_first_saw(desk, client, topup, jiangnan, mei, wang, fang):
    client.force_login(wang)
    sent = {"amount": "60000", "bank_reference": "B-9"}
    asked = text_of(client.post(url(topup, "book"), sent))
    assert "500.00 announced, 60,000.00 entered: 59,500.00 more" in asked
    assert "a second person must confirm it" in asked
    said = text_of(client.post(url(topup, "book"), {**sent, "sure": "60000", "reason": "All at once"}, follow=True))
    assert "Kept: CNY 60,000.00 for Jiangnan Kitchen" in said
    waits = Booking.objects.get()
    page, decide = f"/admin/billing/booking/{waits.pk}/change/", f"/admin/billing/booking/{waits.pk}/decide/"
    board = text_of(client.get("/admin/"))
    assert "0 Payments to confirm 1 that you asked for waits for somebody else" in board
    assert "0 Payments to book" in board
    assert 'name="confirm"' not in client.get(page).content.decode()
    client.post(decide, {"confirm": "1"})
    assert available(jiangnan) == 0
    client.force_login(mei)
    theirs = text_of(client.get(f"/c/jiangnan/wallet/top-up/{topup.public_id}/"))
    assert "The payment is being checked" in theirs
    client.force_login(fang)
    assert client.get(url(topup, "book")).url == page
    text = text_of(client.get(page))
    assert "500.00 announced, 60,000.00 entered: 59,500.00 more" in text
    for what in ("CNY 500.00", "CNY 60,000.00", "B-9", "Why the amounts differ: All at once", "wang@suanli.test",
                 "Confirm: carry it out now"):  # fmt: skip
        assert what in text or what in client.get(page).content.decode(), what
    client.post(decide, {"confirm": "1"})
    client.post(decide, {"confirm": "1"})
    assert available(jiangnan) == 60_000_000_000
    money = text_of(client.get(f"/admin/company/{jiangnan.pk}/money/"))
    assert "wang@suanli.test, confirmed by fang@suanli.test" in money


def test_a_transfer_that_nobody_announced_is_entered_from_the_companys_page(client, jiangnan, wang, fang):
    client.force_login(wang)
    page = f"/admin/billing/booking/unannounced/{jiangnan.pk}/"
    assert page in client.get(f"/admin/company/{jiangnan.pk}/money/").content.decode()
    client.post(page, {"amount": "88.50", "bank_reference": "B-1", "reason": " "})
    assert not Booking.objects.exists()
    client.post(page, {"amount": "88.50", "bank_reference": "B-1", "reason": "The sender's name is theirs"})
    waits = Booking.objects.get()
    assert available(jiangnan) == 0
    client.force_login(fang)
    shown = text_of(client.get(f"/admin/billing/booking/{waits.pk}/change/"))
    assert "Announced: nobody announced it" in shown
    assert "How it is known to be theirs: The sender" in shown
    assert "Announced by" not in shown and "amounts differ" not in shown
    client.post(f"/admin/billing/booking/{waits.pk}/decide/", {"confirm": "1"})
    assert available(jiangnan) == 88_500_000
    whole = text_of(client.get(url(waits.topup, "change")))
    assert "Announced by: nobody; entered by wang@suanli.test, our staff" in whole


def test_the_page_of_a_booking_says_what_was_corrected_since(client, topup, wang, fang):
    client.force_login(wang)
    sent = {"amount": "5000", "bank_reference": "B-9", "sure": "5000", "reason": "All at once"}
    client.post(url(topup, "book"), sent)
    booking = Booking.objects.get()
    client.force_login(fang)
    client.post(f"/admin/billing/booking/{booking.pk}/decide/", {"confirm": "1"})
    correct(client, topup, "500")
    client.force_login(wang)
    client.post(f"/admin/billing/correction/{Correction.objects.get().pk}/decide/", {"confirm": "1"})
    for page in (f"/admin/billing/booking/{booking.pk}/change/", url(topup, "change")):
        text = text_of(client.get(page))
        assert "from CNY 5,000.00 to CNY 500.00. A nought too many." in text
        assert "5,000.00 entered" not in text  # the red sentence is for what waits
    for step in ("payment announced", "put into the wallet fang@suanli.test wang@suanli.test: All at once",
                 "booking corrected wang@suanli.test fang@suanli.test: A nought too many."):  # fmt: skip
        assert step in text, step


def test_less_is_asked_about_too(desk, topup):
    asked = desk.post(url(topup, "book"), {"amount": "499.99", "bank_reference": "B-9"})
    assert "500.00 announced, 499.99 entered: 0.01 less" in text_of(asked)


def test_what_is_booked_shows_by_whom_and_no_form(desk, topup, chen):
    book(topup, 500 * YUAN, chen)
    page = desk.get(url(topup, "book"))
    assert f"Already booked: CNY 500.00 on 25 Nov, 12:20 by {chen.email}" in text_of(page)
    assert 'name="amount"' not in page.content.decode()
    assert f"25 November 2026, 12:20 put into the wallet {chen.email}" in text_of(desk.get(url(topup, "change")))
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
    sent = {"booking": booking.public_id, "amount": amount, "reason": reason, "sure": amount}
    return client.post(url(topup, "correct"), sent, follow=True)


def test_a_booking_is_corrected_with_a_reason(desk, topup, jiangnan, chen):
    book(topup, 5_000 * YUAN, chen)
    assert (
        "A second person must confirm it when the booked or the right amount is above CNY 10,000.00, or when the right"
        " amount is more than was booked and differs by more than CNY 1,000.00 from the"
    ) in text_of(desk.get(url(topup, "correct")))
    correct(desk, topup, "500", reason="")
    assert available(jiangnan) == 5_000_000_000
    page = text_of(correct(desk, topup, "500.00"))
    assert "Corrected: CNY 5,000.00 was taken back and CNY 500.00 booked." in page
    assert "booking corrected" in page
    assert available(jiangnan) == 500_000_000


def test_the_announced_amount_is_suggested_and_an_empty_one_takes_nothing_back(desk, topup, jiangnan, chen):
    book(topup, 600 * YUAN, chen)
    assert 'name="amount" value="500.00"' in desk.get(url(topup, "correct")).content.decode()
    correct(desk, topup, "")
    assert (available(jiangnan), Correction.objects.count()) == (600_000_000, 0)


def test_what_will_happen_is_shown_in_figures_before_it_does(desk, topup, jiangnan, chen):
    book(topup, 600 * YUAN, chen)
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=590 * YUAN - 1, now=AT)
    sent = {"booking": corrections.booking_of(topup).public_id, "amount": "500", "reason": "A nought too many."}
    text = text_of(desk.post(url(topup, "correct"), sent))
    for what in ("Announced CNY 500.00", "Was booked CNY 600.00", "Leaves the wallet CNY 100.00",
                 "Available in the wallet now CNY 10.00", "CNY 90.00 is missing"):  # fmt: skip
        assert what in text, what
    assert Correction.objects.count() == 0


def test_a_correction_of_spent_money_waits_on_the_board_and_is_carried_out_later(desk, topup, jiangnan, chen):
    book(topup, 500 * YUAN, chen)
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=400 * YUAN, now=AT)
    page = text_of(correct(desk, topup, "0"))
    assert "Kept. The money was spent, so nothing has moved: it waits for money." in page
    made = Correction.objects.get()
    assert (made.state, available(jiangnan)) == ("short", 100_000_000)
    assert "1 Corrections that wait for money" in text_of(desk.get("/admin/"))
    money = f"/admin/company/{jiangnan.pk}/money/"
    assert f"The correction of {topup.reference} waits for money: CNY 400.00 missing" in text_of(desk.get(money))
    change, decide = f"/admin/billing/correction/{made.pk}/change/", f"/admin/billing/correction/{made.pk}/decide/"
    assert 'name="execute"' not in desk.get(change).content.decode()
    assert "CNY 400.00 missing in the wallet" in text_of(desk.get(change))
    desk.post(decide, {"execute": "1"})
    assert available(jiangnan) == 100_000_000
    billing.release(cause="order:ord_1", now=AT)
    assert 'name="execute"' in desk.get(change).content.decode()
    desk.post(decide, {"execute": "1"})
    desk.post(decide, {"execute": "1"})
    assert (available(jiangnan), Correction.objects.get().state) == (0, "done")


def test_the_customers_page_says_what_was_corrected(desk, client, topup, jiangnan, chen, mei):
    book(topup, 5_000 * YUAN, chen)
    correct(desk, topup, "500.00")
    client.force_login(mei)
    page = text_of(client.get(f"/c/jiangnan/wallet/top-up/{topup.public_id}/"))
    assert "from CNY 5,000.00 to CNY 500.00: A nought too many." in page


def test_a_second_person_confirms_what_is_large(desk, client, topup, jiangnan, chen):
    book(topup, 20_000 * YUAN, chen)
    assert "a second person must confirm it" in text_of(correct(desk, topup, "500"))
    made = Correction.objects.get()
    page, decide = f"/admin/billing/correction/{made.pk}/change/", f"/admin/billing/correction/{made.pk}/decide/"
    assert "0 Corrections to confirm 1 that you asked for waits for somebody else" in text_of(desk.get("/admin/"))
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
    journal = Journal.objects.get()
    recorded = time_text(made_at(journal.public_id), "long")
    row = "Top-up by bank transfer Cash at the bank Wallet CNY 500.00 Jiangnan Kitchen"
    assert f"25 November 2026, 12:20 {recorded} {row}" in listed
    assert "500000000" not in listed
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
    assert " 1 row " in found
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
