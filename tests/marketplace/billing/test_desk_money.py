"""What a clerk reads of money that came in: who announced it, what was corrected, who stands behind it, what comes."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from bank.ledger.models import Journal
from marketplace.billing import actions as billing
from marketplace.billing import bookings, corrections
from marketplace.billing.models import Booking, Correction, TopUp

pytestmark = pytest.mark.django_db
YUAN = 1_000_000
AT = datetime(2026, 11, 25, 4, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def desk(client, wang):
    client.force_login(wang)
    return client


@pytest.fixture
def entered(jiangnan, wang) -> Booking:
    """A transfer without a code, entered by Wang, waiting for the second person."""
    return bookings.unannounced(
        organisation=jiangnan, amount_uy=500 * YUAN, bank_reference="B-1", reason="Their name is on it.", user=wang,
        now=AT,
    )  # fmt: skip


@pytest.fixture
def booked(entered, fang) -> TopUp:
    return bookings.confirm(booking=entered, user=fang, now=AT + HOUR).topup


@pytest.fixture
def asked(booked, wang) -> Correction:
    topup = TopUp.objects.get(pk=booked.pk)
    return corrections.correct(
        topup=topup, booking=corrections.booking_of(topup), to_uy=50 * YUAN, reason="A nought too many.", user=wang,
        now=AT + 2 * HOUR,
    )  # fmt: skip


@pytest.fixture
def corrected(asked, fang) -> Correction:
    return corrections.confirm(correction=asked, user=fang, now=AT + 3 * HOUR)


def test_what_nobody_announced_is_called_so_on_every_page(desk, corrected, jiangnan):
    topup = corrected.topup
    again = {"booking": corrections.booking_of(topup).public_id, "amount": "60", "reason": "Read once more."}
    pages = {
        "money": desk.get(f"/admin/company/{jiangnan.pk}/money/"),
        "correction": desk.get(f"/admin/billing/correction/{corrected.pk}/change/"),
        "preview": desk.post(f"/admin/billing/topup/{topup.pk}/correct/", again),
    }
    for name, page in pages.items():
        assert "nobody announced it" in text_of(page), name
    assert "Announced CNY 500.00" not in text_of(pages["preview"]) + text_of(pages["correction"])


def test_a_top_up_that_was_corrected_says_so_beside_its_state(desk, corrected, jiangnan):
    link = f'<a href="/admin/billing/correction/{corrected.pk}/change/">corrected'
    money = desk.get(f"/admin/company/{jiangnan.pk}/money/").content.decode()
    assert f"in the wallet<br>{link} from CNY 500.00 to CNY 50.00</a>" in money
    page = desk.get(f"/admin/billing/topup/{corrected.topup_id}/change/").content.decode()
    assert f"in the wallet · {link}</a>" in page


def test_a_top_up_that_was_never_corrected_does_not_say_so(desk, booked, jiangnan):
    assert "corrected from" not in text_of(desk.get(f"/admin/company/{jiangnan.pk}/money/"))


def test_an_entry_of_two_clerks_names_both_and_their_reason(desk, booked):
    journal = Journal.objects.get(cause=f"topup:{booked.public_id}")
    page = text_of(desk.get(f"/admin/ledger/journal/{journal.pk}/change/"))
    assert "Who: wang@suanli.test, confirmed by fang@suanli.test" in page
    assert "Why: Their name is on it." in page


def test_both_entries_of_a_correction_name_both_clerks_and_their_reason(desk, corrected):
    journals = list(Journal.objects.filter(memo__why="A nought too many."))
    assert len(journals) == 2
    for journal in journals:
        page = text_of(desk.get(f"/admin/ledger/journal/{journal.pk}/change/"))
        assert "Who: wang@suanli.test, confirmed by fang@suanli.test" in page
        assert "Why: A nought too many." in page


def test_what_no_person_decided_is_the_programs(desk, jiangnan):
    billing.ensure_wallet(jiangnan, AT)
    page = text_of(desk.get(f"/admin/ledger/journal/{Journal.objects.get().pk}/change/"))
    assert "Who: the program" in page


# the order of a correction's two entries


def balances_of(company) -> list[int]:
    """The wallet after each of its entries, in the order of booking."""
    wallet = billing.wallet_of(company)
    amounts = wallet.postings.order_by("id").values_list("amount", flat=True)
    return [sum(list(amounts)[: n + 1]) for n in range(len(amounts))]


def test_between_the_two_entries_of_a_correction_no_balance_holds_both_amounts(corrected, jiangnan):
    assert balances_of(jiangnan) == [500_000_000, 0, 50_000_000]


def test_where_a_part_was_spent_the_right_amount_is_booked_first(asked, jiangnan, fang):
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=40 * YUAN, now=AT)
    done = corrections.confirm(correction=asked, user=fang, now=AT + 3 * HOUR)
    assert done.state == "done"
    assert balances_of(jiangnan) == [500_000_000, 550_000_000, 50_000_000]


def test_a_finished_booking_leads_to_its_correction(desk, booked, fang):
    page = f"/admin/billing/booking/{Booking.objects.get().pk}/change/"
    link = f'href="/admin/billing/topup/{booked.pk}/correct/"'
    assert link in desk.get(page).content.decode()
    topup = TopUp.objects.get()
    corrections.correct(
        topup=topup, booking=corrections.booking_of(topup), to_uy=0, reason="Not theirs.", user=fang, now=AT
    )
    assert link not in desk.get(page).content.decode()  # one correction waits already


# what the second person sees


def test_the_second_person_sees_the_balance_afterwards_and_decides_above_the_rest(client, entered, fang):
    client.force_login(fang)
    page = client.get(f"/admin/billing/booking/{entered.pk}/change/").content.decode()
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Available in the wallet now CNY 0.00 Available afterwards CNY 500.00" in said
    places = [page.index(x) for x in ('name="confirm"', 'id="text"', 'name="decline"', "Technical:", 'id="confirm-it"')]
    assert places == sorted(places)
    assert "Or decline it. Why; it stays in the history with your name:" in said


def test_the_second_person_of_a_correction_sees_the_balance_afterwards(client, asked, fang):
    client.force_login(fang)
    page = text_of(client.get(f"/admin/billing/correction/{asked.pk}/change/"))
    assert "Available in the wallet now CNY 500.00 Available afterwards CNY 50.00" in page


def test_who_asked_is_told_to_wait_and_may_only_withdraw(desk, entered):
    page = desk.get(f"/admin/billing/booking/{entered.pk}/change/")
    assert "Why you withdraw it; it stays in the history with your name:" in text_of(page)
    assert 'form="confirm-it"' not in page.content.decode()


# words and looks


def test_a_payment_that_nobody_announced_is_not_called_announced(desk, booked, jiangnan, mei):
    other = billing.request_topup(organisation=jiangnan, amount_uy=YUAN, user=mei, now=AT, actor="user:1")
    pages = {topup: text_of(desk.get(f"/admin/billing/topup/{topup.pk}/change/")) for topup in (booked, other)}
    assert "Payment that nobody announced" in pages[booked] and "View payment" not in pages[booked]
    assert "Payment by bank transfer" in pages[other] and "View payment" not in pages[other]


def test_heads_filters_and_counts_are_in_the_readers_language(desk, booked):
    zh = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
    listed = text_of(desk.get("/admin/billing/topup/", **zh))
    assert "银行流水号或待办" in listed and " 共 1 行 " in listed and "以 状态" not in listed
    board = text_of(desk.get("/admin/", **zh))
    assert "Model name" not in board and "Add link" not in board


def test_amounts_of_a_preview_stand_beside_their_labels(desk, booked):
    sent = {"booking": corrections.booking_of(booked).public_id, "amount": "50", "reason": "A nought too many."}
    page = desk.post(f"/admin/billing/topup/{booked.pk}/correct/", sent).content.decode()
    assert '<table class="desk-table desk-facts">' in page
