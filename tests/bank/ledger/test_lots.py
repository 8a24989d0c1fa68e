"""Banked hours come in lots: used earliest expiry first, expired on time, never lost or doubled."""

from datetime import timedelta

import pytest

from bank.ledger import actions, queries
from bank.ledger.actions import Leg
from bank.ledger.models import Lot
from portal.core.errors import Refused

HOUR = 3_600_000


def left(account) -> list[tuple[str, int, int]]:
    """(origin, remaining, pinned) of what is left, in the order in which it is used."""
    return list(queries.open_lots(account).values_list("origin", "remaining", "pinned"))


@pytest.fixture
def claims(books, yongli):
    """Three hours that expire last, two that expire first, one between."""
    books.earn(yongli, 3 * HOUR, days=30, origin="slot:last")
    books.earn(yongli, 2 * HOUR, days=10, origin="slot:first")
    books.earn(yongli, 1 * HOUR, days=20, origin="slot:between")
    return books.claims(yongli)


def spend(books, claims, amount, key=None, now=None):
    return actions.transfer(
        key=key or next(books.keys),
        reason="claim_spent",
        cause="order:ord_1",
        source=claims,
        target=books.order(asset="CH:CPU"),
        amount=amount,
        now=now or books.now,
    )


def test_what_expires_first_is_used_first(books, claims):
    spend(books, claims, 2 * HOUR + 1)
    assert left(claims) == [("slot:between", HOUR - 1, 0), ("slot:last", 3 * HOUR, 0)]
    assert books.posted(claims) == 4 * HOUR - 1


def test_a_hold_pins_its_lots_and_the_next_one_takes_others(books, claims):
    first = books.hold(claims, 2 * HOUR)
    books.hold(claims, HOUR)
    assert left(claims) == [
        ("slot:first", 2 * HOUR, 2 * HOUR),
        ("slot:between", HOUR, HOUR),
        ("slot:last", 3 * HOUR, 0),
    ]
    actions.release(key="r", hold=first, now=books.now)
    assert left(claims)[0] == ("slot:first", 2 * HOUR, 0)


def test_charging_a_hold_uses_the_lots_it_pinned(books, claims):
    hold = books.hold(claims, 2 * HOUR + 10)
    actions.settle(
        key="s",
        hold=hold,
        target=books.order(asset="CH:CPU"),
        amount=2 * HOUR + 4,
        reason="claim_spent",
        now=books.now,
    )
    assert left(claims) == [("slot:between", HOUR - 4, 6), ("slot:last", 3 * HOUR, 0)]
    actions.settle(
        key="s2",
        hold=hold,
        target=books.order(asset="CH:CPU"),
        amount=1,
        reason="claim_spent",
        now=books.now,
        final=True,
    )
    assert left(claims) == [("slot:between", HOUR - 5, 0), ("slot:last", 3 * HOUR, 0)]


def test_overdue_hours_are_booked_out_and_named(books, claims, later):
    assert actions.expire_lots(now=later(days=20)) == 2
    assert left(claims) == [("slot:last", 3 * HOUR, 0)]
    assert books.posted(claims) == 3 * HOUR
    assert books.posted(books.backing) == -3 * HOUR
    assert [line.reason for line in queries.statement(claims)][:2] == ["lot_expired", "lot_expired"]
    assert actions.expire_lots(now=later(days=20)) == 0


def test_overdue_hours_cannot_be_spent_before_the_sweep_finds_them(books, claims, later, totals):
    before = totals()
    with pytest.raises(Refused) as refusal:
        spend(books, claims, 4 * HOUR + 1, now=later(days=15))
    assert refusal.value.code == "insufficient_hours"
    amounts = {k: v for k, v in refusal.value.params.items() if k.endswith("_cms")}
    assert amounts == {"needed_cms": 4 * HOUR + 1, "available_cms": 4 * HOUR, "missing_cms": 1}
    assert totals() == before


def test_pinned_hours_do_not_expire_but_do_so_at_once_when_released(books, claims, later):
    hold = books.hold(claims, 2 * HOUR)
    assert actions.expire_lots(now=later(days=25)) == 1  # between; first is pinned
    assert left(claims) == [("slot:first", 2 * HOUR, 2 * HOUR), ("slot:last", 3 * HOUR, 0)]
    actions.release(key="r", hold=hold, now=later(days=25))
    assert left(claims) == [("slot:last", 3 * HOUR, 0)]
    assert (books.posted(claims), books.held(claims)) == (3 * HOUR, 0)


def test_pinned_hours_may_be_charged_after_their_expiry(books, claims, later):
    hold = books.hold(claims, 2 * HOUR)
    actions.settle(
        key="s",
        hold=hold,
        target=books.order(asset="CH:CPU"),
        amount=2 * HOUR,
        reason="claim_spent",
        now=later(days=25),
    )
    assert books.posted(books.order(asset="CH:CPU")) == 2 * HOUR


def test_pledged_hours_keep_expiry_and_origin_and_come_back_with_them(books, claims, yongli, later):
    pledged = books.pledged(yongli)
    actions.transfer(
        key="p",
        reason="pledge",
        cause="loan:lon_1",
        source=claims,
        target=pledged,
        amount=2 * HOUR + 1,
        now=books.now,
    )
    assert left(pledged) == [("slot:first", 2 * HOUR, 0), ("slot:between", 1, 0)]
    assert actions.expire_lots(now=later(days=15)) == 0  # kept for the lender
    with pytest.raises(Refused):
        spend(books, claims, 4 * HOUR)
    actions.transfer(
        key="u",
        reason="pledge_released",
        cause="loan:lon_1",
        source=pledged,
        target=claims,
        amount=2 * HOUR + 1,
        now=later(days=15),
    )
    assert books.posted(pledged) == 0
    assert actions.expire_lots(now=later(days=15)) == 1
    assert left(claims) == [("slot:between", HOUR - 1, 0), ("slot:between", 1, 0), ("slot:last", 3 * HOUR, 0)]


def test_a_reversal_puts_the_parts_back_into_their_lots(books, claims):
    before = left(claims)
    journal = spend(books, claims, 2 * HOUR + 5)
    actions.reverse(key="r", journal=journal, reason="wrong order", actor="user:1", now=books.now)
    assert left(claims) == before


def test_hours_earned_by_mistake_are_taken_out_of_their_own_lot(books, claims, yongli, totals):
    wrong = books.earn(yongli, HOUR, days=40, origin="slot:wrong")
    actions.reverse(key="r", journal=wrong, reason="counted twice", actor="user:1", now=books.now)
    assert "slot:wrong" not in [origin for origin, *_ in left(claims)]
    wrong = books.earn(yongli, HOUR, days=1, origin="slot:spent")
    spend(books, claims, 1)
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.reverse(key="r2", journal=wrong, reason="counted twice", actor="user:1", now=books.now)
    assert refusal.value.code == "lot_spent"
    assert totals() == before


def test_hours_put_back_after_their_expiry_expire_again(books, claims, later):
    journal = spend(books, claims, HOUR)
    assert actions.expire_lots(now=later(days=10)) == 1
    actions.reverse(key="r", journal=journal, reason="failed", actor="user:1", now=later(days=11))
    assert left(claims)[0] == ("slot:first", HOUR, 0)
    assert actions.expire_lots(now=later(days=11)) == 1
    assert Lot.objects.get(origin="slot:first").remaining == 0


def test_hours_need_an_origin_and_an_expiry(books, yongli, totals):
    claims = books.claims(yongli)
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.post(
            key="k",
            reason="claim_earned",
            cause="slot:slt_1",
            now=books.now,
            legs=[Leg(books.backing, -5), Leg(claims, 5)],
        )
    assert refusal.value.code == "lot_needed"
    assert totals() == before


def test_hours_are_refused_in_hours(books, claims, totals):
    before = totals()
    with pytest.raises(Refused) as refusal:
        spend(books, claims, 7 * HOUR)
    assert refusal.value.code == "insufficient_hours"
    assert refusal.value.params["missing_cms"] == HOUR
    assert totals() == before


def test_the_same_key_spends_once(books, claims):
    first = spend(books, claims, HOUR, key="k")
    assert spend(books, claims, HOUR, key="k").pk == first.pk
    assert books.posted(claims) == 5 * HOUR
    assert sum(lot.remaining for lot in queries.open_lots(claims)) == 5 * HOUR
    assert timedelta(days=10) == Lot.objects.get(origin="slot:first").expires_at - books.now
