"""One payment, entered and confirmed by many at once."""

import pytest

from bank.ledger import queries as books
from bank.ledger.models import Journal
from marketplace.billing import actions as billing
from marketplace.billing import bookings, corrections
from marketplace.billing.models import Booking, Correction, TopUp
from portal.core.errors import Refused
from tests.conftest import make_user
from tests.races.test_last_unit import ran

LARGE = 20_000_000_000


@pytest.fixture
def topup(jiangnan, now) -> TopUp:
    return billing.request_topup(organisation=jiangnan, amount_uy=LARGE, user=None, now=now, actor="user:1")


def moved(company) -> tuple[int, int]:
    return books.balance(billing.wallet_of(company)).posted, Journal.objects.count()


@pytest.mark.slow
def test_entered_by_many_at_once_one_waits_and_nothing_moves(topup, jiangnan, at_once, now):
    people = [make_user(f"p{n}@suanli.test", is_staff=True) for n in range(8)]

    def enter(n: int) -> Booking | None:
        return bookings.book(topup=topup, amount_uy=LARGE, bank_reference="B", user=people[n], now=now)

    assert len(ran(at_once(8, enter))) == 1
    assert (Booking.objects.count(), moved(jiangnan)) == (1, (0, 0))


@pytest.mark.slow
def test_confirmed_by_many_and_declined_at_once_it_ends_once(topup, jiangnan, chen, at_once, now):
    made = bookings.book(topup=topup, amount_uy=LARGE, bank_reference="B", user=chen, now=now)
    people = [make_user(f"p{n}@suanli.test", is_staff=True) for n in range(8)]

    def decide(n: int) -> Booking:
        mine = Booking.objects.get(pk=made.pk)
        if n % 4 == 3:
            return bookings.decline(booking=mine, reason="no", user=people[n], now=now)
        return bookings.confirm(booking=mine, user=people[n], now=now)

    results = at_once(8, decide)
    assert len(ran(results)) == 1
    assert all(isinstance(r, (Refused, Booking)) for r in results)
    made.refresh_from_db()
    assert moved(jiangnan) == ((LARGE, 1) if made.state == "done" else (0, 0))


@pytest.mark.slow
def test_what_waited_for_money_is_carried_out_once_by_many(topup, jiangnan, chen, at_once, now):
    billing.book_payment(topup=topup, amount_uy=LARGE, bank_reference="B", now=now, actor="user:1")
    booking = corrections.booking_of(topup)
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=1, now=now)
    made = corrections.correct(topup=topup, booking=booking, to_uy=0, reason="wrong", user=chen, now=now)
    second = make_user("second@suanli.test", is_staff=True)
    corrections.confirm(correction=made, user=second, now=now)
    assert made.state == "short"
    billing.release(cause="order:ord_1", now=now)

    def execute(n: int) -> Correction:
        return corrections.execute(correction=Correction.objects.get(pk=made.pk), user=chen, now=now)

    results = at_once(8, execute)
    assert len(ran(results)) == 1
    assert all(isinstance(r, (Refused, Correction)) for r in results)
    assert moved(jiangnan) == (0, 2)
