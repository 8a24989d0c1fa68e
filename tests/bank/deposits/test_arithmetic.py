"""The close as arithmetic: bank.md's invariants 10–16 for any numbers."""

from hypothesis import given
from hypothesis import strategies as st

from bank.deposits import close
from marketplace.billing import rating
from portal.core.money import CARD_HOUR_CMS, PPM

quantities = st.integers(1, 64 * CARD_HOUR_CMS)
weights = st.integers(400_000, 1_300_000)
money = st.integers(0, 10**12)
shares = st.integers(0, PPM)


@st.composite
def hours(draw):
    """What may happen in an hour: recalled + delivered + failed never above the quantity."""
    quantity = draw(quantities)
    recalled = draw(st.integers(0, quantity))
    delivered = draw(st.integers(0, quantity - recalled))
    failed = draw(st.integers(0, quantity - recalled - delivered))
    uncharged = draw(st.integers(0, quantity - recalled - delivered - failed))
    return {
        "quantity": quantity,
        "recalled": recalled,
        "delivered": delivered,
        "failed": failed,
        "seen_alive": delivered + uncharged,
        "live_minutes": draw(st.integers(0, 60)),
    }


@given(hours())
def test_the_five_outcomes_sum_to_the_quantity_and_none_is_negative(hour):
    found = close.outcomes(**hour)
    assert found.total == hour["quantity"]
    assert min(found.delivered, found.failed, found.idle_verified, found.idle_unverified, found.recalled) >= 0


@given(hours())
def test_delivered_is_what_was_charged_and_a_failed_hour_is_never_delivered(hour):
    found = close.outcomes(**hour)
    assert (found.delivered, found.failed, found.recalled) == (
        hour["delivered"],
        hour["failed"],
        hour["recalled"],
    )


@given(hours())
def test_idle_time_is_verified_only_while_the_site_was_seen(hour):
    found = close.outcomes(**hour)
    seen = max(hour["quantity"] * hour["live_minutes"] // 60, hour["seen_alive"])
    assert found.delivered + found.idle_verified <= max(seen, found.delivered)
    if hour["live_minutes"] == 60:
        assert found.idle_unverified == 0 or found.failed == 0
    if hour["live_minutes"] == 0 and hour["seen_alive"] == hour["delivered"]:
        assert found.idle_verified == 0


@given(money, st.lists(quantities, min_size=1, max_size=6))
def test_an_orders_parts_sum_to_its_computing(amount, used):
    found = close.parts(amount, used)
    assert sum(found) == amount
    assert min(found) >= 0


@given(money, shares, shares)
def test_cash_goes_somewhere_to_the_last_micro_yuan(amount, fee, held):
    found = close.cash(amount, fee_ppm=fee, holdback_ppm=held)
    assert found.due + found.held + found.fee == amount
    assert min(found.due, found.held, found.fee) >= 0


@given(quantities, weights, weights, shares)
def test_depositing_then_withdrawing_the_same_time_never_profits(used, slot_weight, paid_weight, fee):
    earned = close.earned(used, slot_weight=slot_weight, paid_weight=paid_weight, fee_ppm=fee)
    price = rating.used_hours(used_cms=used, weight_ppm=paid_weight, cap=10**15).total
    assert earned <= price
    assert earned <= rating.used_hours(used_cms=used, weight_ppm=slot_weight, cap=10**15).total


@given(money, st.integers(1, 10**9))
def test_hours_banked_for_cash_are_worth_no_more_than_the_cash(cash, index):
    assert close.worth(close.backed_by(cash, index), index) <= cash


@given(st.lists(money, max_size=8), money)
def test_idle_pay_stays_within_the_budget_and_is_cut_alike(dues, budget):
    found = close.cut(dues, budget)
    assert sum(found) <= max(budget, 0)
    assert all(0 <= paid <= due for paid, due in zip(found, dues, strict=True))
    if sum(dues) > budget:
        total = sum(dues)
        assert all(paid == due * budget // total for paid, due in zip(found, dues, strict=True))
    else:
        assert found == dues


@given(money, st.lists(st.integers(0, 10**12), min_size=24, max_size=24))
def test_a_day_of_hours_never_passes_the_days_budget(budget, wanted):
    paid = 0
    for hour, due in enumerate(wanted):
        paid += min(due, close.hour_budget(day_budget=budget, paid=paid, hours_left=24 - hour))
    assert paid <= budget


def test_more_used_than_there_is_is_an_error():
    import pytest

    with pytest.raises(ValueError):
        close.outcomes(quantity=10, recalled=5, delivered=6, failed=0, seen_alive=6, live_minutes=60)
