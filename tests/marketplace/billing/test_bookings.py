"""A large payment, or one that differs much from what was announced, is in the wallet only after a second person."""

import pytest

from bank.ledger import queries as books
from bank.ledger.models import Posting
from marketplace.billing import actions as billing
from marketplace.billing import bookings, queries
from marketplace.billing.models import Booking, TopUp
from portal import policy
from portal.core.errors import Refused
from portal.history.models import Step

pytestmark = pytest.mark.django_db
YUAN = 1_000_000
LIMIT = policy.TWO_PERSONS_ABOVE_UY


@pytest.fixture
def announced(jiangnan, mei, now):
    def announce(amount_uy: int, user=mei) -> TopUp:
        return billing.request_topup(organisation=jiangnan, amount_uy=amount_uy, user=user, now=now, actor="user:1")

    return announce


@pytest.fixture
def book(wang, now):
    def enter(topup, amount_uy, *, user=wang, reference="B-1", reason="as the bank says") -> Booking | None:
        return bookings.book(
            topup=topup, amount_uy=amount_uy, bank_reference=reference, reason=reason, user=user, now=now
        )

    return enter


def in_wallet(company) -> int:
    return books.balance(billing.wallet_of(company)).posted


def everything() -> tuple:
    return (
        list(Posting.objects.order_by("pk").values_list("account", "amount")),
        list(TopUp.objects.order_by("pk").values_list("state", "booked_uy", "bank_reference")),
        list(Booking.objects.order_by("pk").values_list("state", "decided_by")),
        Step.objects.count(),
    )


def refused(act, code: str) -> None:
    before = everything()
    with pytest.raises(Refused) as refusal:
        act()
    assert (refusal.value.code, everything()) == (code, before)


@pytest.mark.parametrize(("announced_uy", "arrived_uy"), [
    (LIMIT, LIMIT), (600 * YUAN, 1_600 * YUAN), (1_600 * YUAN, 600 * YUAN),
])  # fmt: skip
def test_up_to_the_limits_one_person_books(announced, book, jiangnan, announced_uy, arrived_uy):
    assert book(announced(announced_uy), arrived_uy) is None
    assert in_wallet(jiangnan) == arrived_uy


@pytest.mark.parametrize(("announced_uy", "arrived_uy"), [
    (LIMIT + 10_000, LIMIT + 10_000), (600 * YUAN, 12_000 * YUAN), (600 * YUAN, 60_000 * YUAN),
    (600 * YUAN, 1_600 * YUAN + 10_000), (1_600 * YUAN + 10_000, 600 * YUAN),
])  # fmt: skip
def test_beyond_them_the_money_is_there_only_after_a_second_person(
    announced, book, jiangnan, wang, fang, now, announced_uy, arrived_uy
):
    topup = announced(announced_uy)
    waits = book(topup, arrived_uy)
    topup.refresh_from_db()
    assert (waits.state, topup.state, in_wallet(jiangnan)) == ("waiting", "waiting", 0)
    refused(lambda: bookings.confirm(booking=waits, user=wang, now=now), "second_person_needed")
    bookings.confirm(booking=waits, user=fang, now=now)
    topup.refresh_from_db()
    assert (waits.state, waits.decided_by) == ("done", fang)
    assert (topup.state, topup.booked_uy, topup.bank_reference) == ("booked", arrived_uy, "B-1")
    assert in_wallet(jiangnan) == arrived_uy
    assert queries.booked_by(topup).who == "wang@suanli.test, confirmed by fang@suanli.test"
    refused(lambda: bookings.confirm(booking=Booking.objects.get(), user=fang, now=now), "bad_move")
    assert in_wallet(jiangnan) == arrived_uy


def test_pressed_twice_it_waits_once_and_nobody_books_beside_it(announced, book, fang, jiangnan):
    topup = announced(600 * YUAN)
    first = book(topup, 12_000 * YUAN)
    before = everything()
    assert book(topup, 12_000 * YUAN) == first
    assert everything() == before
    refused(lambda: book(topup, 600 * YUAN, user=fang), "booking_waits")
    refused(lambda: book(topup, 12_000 * YUAN, user=fang), "booking_waits")


def test_one_payment_waits_under_one_code_and_is_booked_once(announced, book, wang, fang, now, jiangnan):
    waits = book(announced(20_000 * YUAN), 20_000 * YUAN)
    other = announced(20_000 * YUAN)
    refused(lambda: book(other, 20_000 * YUAN), "payment_booked_before")
    assert book(announced(5 * YUAN), 5 * YUAN) is None  # the same number, smaller: whoever is first has it
    refused(lambda: bookings.confirm(booking=waits, user=fang, now=now), "payment_booked_before")
    assert (Booking.objects.get().state, in_wallet(jiangnan)) == ("waiting", 5_000_000)


def test_the_second_person_declines_and_the_first_withdraws(announced, book, wang, fang, now, jiangnan):
    topup = announced(600 * YUAN)
    waits = book(topup, 60_000 * YUAN)
    refused(lambda: bookings.decline(booking=waits, reason=" ", user=fang, now=now), "reason_needed")
    bookings.decline(booking=waits, reason="It says 600.", user=fang, now=now)
    assert (waits.state, waits.decided_by, in_wallet(jiangnan)) == ("declined", fang, 0)
    waits = book(topup, 60_000 * YUAN)
    bookings.decline(booking=waits, reason="A nought too many", user=wang, now=now)
    assert (waits.state, in_wallet(jiangnan)) == ("withdrawn", 0)
    refused(lambda: bookings.confirm(booking=waits, user=fang, now=now), "bad_move")
    assert book(topup, 600 * YUAN) is None
    assert in_wallet(jiangnan) == 600_000_000


def test_a_transfer_that_nobody_announced_always_needs_two(jiangnan, wang, fang, now):
    made = bookings.unannounced(
        organisation=jiangnan, amount_uy=3 * YUAN, bank_reference="B-9", reason="No code, name fits", user=wang, now=now
    )
    assert (made.state, in_wallet(jiangnan)) == ("waiting", 0)
    bookings.confirm(booking=made, user=fang, now=now)
    assert in_wallet(jiangnan) == 3_000_000
    refused(
        lambda: bookings.unannounced(
            organisation=jiangnan, amount_uy=YUAN, bank_reference="B-9", reason="again", user=wang, now=now
        ),
        "payment_booked_before",
    )


def test_what_staff_announced_stays_for_two_when_the_first_entry_was_withdrawn(jiangnan, wang, fang, now, book):
    made = bookings.unannounced(
        organisation=jiangnan, amount_uy=3 * YUAN, bank_reference="B-9", reason="No code", user=wang, now=now
    )
    bookings.decline(booking=made, reason="not sure", user=wang, now=now)
    assert book(made.topup, 3 * YUAN, user=fang).state == "waiting"
    assert in_wallet(jiangnan) == 0


@pytest.mark.parametrize("amount_uy", [0, -10_000, 5_000, billing.TOPUP_MOST_UY + 10_000])
def test_an_amount_that_is_none_is_refused(announced, book, amount_uy):
    topup = announced(600 * YUAN)
    refused(lambda: book(topup, amount_uy), "bad_amount")


def test_a_difference_needs_a_reason_also_from_two(announced, book):
    topup = announced(600 * YUAN)
    refused(lambda: book(topup, 60_000 * YUAN, reason=" "), "difference_needs_reason")


def test_the_desks_list_says_who_announced_who_entered_and_who_confirmed(announced, book, client, mei, wang, fang, now):
    topup = announced(LIMIT + 10_000)
    entered = book(topup, LIMIT + 10_000)
    client.force_login(wang)
    shown = client.get("/admin/billing/topup/").content.decode()
    assert mei.email in shown and "confirmed by" not in shown
    bookings.confirm(booking=entered, user=fang, now=now)
    for page in ("/admin/billing/topup/", f"/admin/billing/topup/{topup.pk}/change/"):
        shown = client.get(page).content.decode()
        assert mei.email in shown and f"{wang.email}, confirmed by {fang.email}" in shown
