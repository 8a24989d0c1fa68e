"""One correction, pressed and confirmed by many at once."""

import pytest

from bank.ledger import queries as books
from bank.ledger.models import Journal
from marketplace.billing import actions as billing
from marketplace.billing import corrections
from marketplace.billing.models import Correction, TopUp
from portal.core.errors import Refused
from tests.conftest import make_user
from tests.races.test_last_unit import ran


@pytest.fixture
def topup(jiangnan, now) -> TopUp:
    made = billing.request_topup(organisation=jiangnan, amount_uy=20_000_000_000, user=None, now=now, actor="user:1")
    return billing.book_payment(topup=made, amount_uy=20_000_000_000, bank_reference="B", now=now, actor="user:1")


def moved(company) -> tuple[int, int]:
    return books.balance(billing.wallet_of(company)).posted, Journal.objects.count()


@pytest.mark.slow
def test_a_correction_pressed_ten_times_at_once_is_one(topup, jiangnan, chen, at_once, now, monkeypatch):
    monkeypatch.setattr("portal.policy.TWO_PERSONS_ABOVE_UY", 10**12)
    booking = corrections.booking_of(topup)

    def press(n: int) -> Correction:
        return corrections.correct(topup=topup, booking=booking, to_uy=500_000_000, reason="wrong", user=chen, now=now)

    assert {c.pk for c in ran(at_once(10, press))} == {Correction.objects.get().pk}
    assert moved(jiangnan) == (500_000_000, 3)


@pytest.mark.slow
def test_different_corrections_at_once_are_one_and_refusals(topup, jiangnan, chen, at_once, now, monkeypatch):
    monkeypatch.setattr("portal.policy.TWO_PERSONS_ABOVE_UY", 10**12)
    booking = corrections.booking_of(topup)

    def press(n: int) -> Correction:
        return corrections.correct(
            topup=topup, booking=booking, to_uy=n * 10_000, reason="wrong", user=chen, now=now
        )

    done = ran(at_once(10, press))
    assert len(done) == 1
    assert moved(jiangnan) == (done[0].to_uy, 3 if done[0].to_uy else 2)


@pytest.mark.slow
def test_confirmed_by_many_and_declined_at_once_it_ends_once(topup, jiangnan, chen, at_once, now):
    made = corrections.correct(
        topup=topup, booking=corrections.booking_of(topup), to_uy=0, reason="wrong", user=chen, now=now
    )
    people = [make_user(f"p{n}@suanli.test", is_staff=True) for n in range(8)]

    def decide(n: int) -> Correction:
        mine = Correction.objects.get(pk=made.pk)
        if n % 4 == 3:
            return corrections.decline(correction=mine, reason="no", user=people[n], now=now)
        return corrections.confirm(correction=mine, user=people[n], now=now)

    results = at_once(8, decide)
    assert len(ran(results)) == 1
    assert all(isinstance(r, (Refused, Correction)) for r in results)
    made.refresh_from_db()
    assert moved(jiangnan) == ((0, 2) if made.state == "done" else (20_000_000_000, 1))
