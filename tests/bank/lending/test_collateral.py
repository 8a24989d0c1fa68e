"""Pure arithmetic of pledges and interest, as properties."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bank.lending import collateral as c

money = st.integers(1, 10**15)
cms = st.integers(1, 10**12)
price = st.integers(1, 10**9)
haircut = st.integers(1, 1_000_000)
level = st.integers(100_000, 990_000)


def test_an_hour_counts_for_nine_tenths_of_its_price():
    assert c.value_uy(300 * 3_600_000, 6_080_000, 900_000) == 1_641_600_000
    assert c.ltv_ppm(760_000_000, 1_641_600_000) == 462_963
    assert c.most_uy(1_641_600_000, 550_000) == 902_880_000


@given(money, level)
def test_the_most_one_may_borrow_is_within_the_limit_and_one_more_is_not(value, limit):
    most = c.most_uy(value, limit)
    assert most * 1_000_000 <= value * limit < (most + 1) * 1_000_000


@given(money, money, level)
def test_the_cash_that_answers_a_call_is_enough_and_no_more_than_needed(debt, value, tau):
    x = c.cash_to_cure(debt, value, tau)
    assert not c.is_reached(debt - x, value, tau)
    if x:
        assert c.is_reached(debt - x + 1, value, tau)


@given(money, cms, price, haircut, level)
def test_the_hours_that_answer_a_call_are_enough_and_no_more_than_needed(debt, pledged, index, cut, tau):
    y = c.hours_to_cure(debt, pledged, index, cut, tau)
    assert not c.is_reached(debt, c.value_uy(pledged + y, index, cut), tau)
    if y:
        assert c.is_reached(debt, c.value_uy(pledged + y - 1, index, cut), tau)


@given(money, cms, haircut, level)
def test_the_index_named_for_a_level_is_the_highest_at_which_it_is_reached(debt, pledged, cut, tau):
    p = c.index_at(debt, pledged, cut, tau)
    assert c.is_reached(debt, c.value_uy(pledged, p, cut), tau)
    assert not c.is_reached(debt, c.value_uy(pledged, p + 1, cut), tau)


@given(money, st.integers(0, 240_000), st.lists(st.integers(0, 40), max_size=12))
def test_interest_is_the_same_however_often_it_is_booked(principal, rate, batches):
    booked = rest = 0
    for nights in batches:
        whole, rest = c.accrue(principal, rate, nights, rest)
        booked += whole
    assert (booked, rest) == c.accrue(principal, rate, sum(batches), 0)


@given(money, st.integers(0, 240_000), st.integers(1, 36), st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_a_schedule_sums_to_the_principal(principal, rate, months, start):
    plan = c.schedule(principal, rate, months, start)
    assert sum(p.principal_uy for p in plan) == principal
    assert plan[-1].left_uy == 0 and len(plan) == months
    assert all(a.due_date < b.due_date for a, b in pairwise(plan))
    assert c.planned_left(principal, months, start, start) == principal
    assert c.planned_left(principal, months, start, date(2060, 1, 1)) == 0


def test_three_business_days_from_a_thursday_end_on_tuesday():
    assert c.business_days_later(date(2026, 11, 26), 3) == date(2026, 12, 1)


def test_a_month_after_the_thirty_first_is_the_last_day():
    assert c.months_later(date(2027, 1, 31), 1) == date(2027, 2, 28)


def test_instalments_are_whole_fen_and_the_last_one_takes_the_rest():
    plan = c.schedule(400_000_000, 73_000, 6, date(2026, 11, 23))
    assert [p.principal_uy for p in plan] == [66_660_000, 66_670_000, 66_670_000, 66_660_000, 66_670_000, 66_670_000]
    assert c.planned_left(400_000_000, 6, date(2026, 11, 23), date(2026, 12, 24)) == 333_340_000


@given(money, st.integers(0, 240_000), st.integers(1, 36), st.integers(0, 1500), st.integers(0, 10**6), st.data())
def test_what_is_still_to_be_paid_sums_to_what_is_owed(principal, rate, months, days, interest, data):
    start = date(2026, 1, 31)
    plan, today = c.schedule(principal, rate, months, start), start + timedelta(days=days)
    owed = data.draw(st.integers(0, principal))
    rows = c.still_to_pay(plan, principal_uy=owed, interest_uy=interest, rest=0, rate_ppm=rate, today=today)
    assert sum(r.principal_uy for r in rows) == owed
    assert sum(r.interest_uy for r in rows) >= interest
    assert all(r.due_date >= today and r.total_uy > 0 for r in rows)
    assert not rows or rows[-1].left_uy == 0


def test_who_keeps_to_the_plan_owes_the_plan():
    start = date(2026, 11, 23)
    plan = c.schedule(400_000_000, 73_000, 6, start)
    assert plan == c.still_to_pay(plan, principal_uy=400_000_000, interest_uy=0, rest=0, rate_ppm=73_000, today=start)
