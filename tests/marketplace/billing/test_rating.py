"""What a run costs, to the micro-yuan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.billing import rating
from marketplace.billing.rating import Terms

FORECAST = Terms(base_uy=22_500_000, per_unit_uy=2_800_000, rate_uy_per_hour=98_000, core_limit_cms=600_000)


def test_twenty_outlets_can_never_cost_more_than_79_yuan():
    quoted = rating.quote(FORECAST, units=20)
    assert quoted.cap == 79_000_000
    assert [(x.code, x.amount) for x in quoted.lines] == [
        ("package", 22_500_000),
        ("units", 56_000_000),
        ("computing", 16_333),
        ("rounding", 483_667),
    ]
    assert sum(x.amount for x in quoted.lines) == quoted.cap


def test_a_delivered_run_pays_for_the_units_done_and_the_time_used():
    rated = rating.delivered(FORECAST, units_quoted=20, units_done=18, used_cms=36_000, cap=79_000_000)
    assert (rated.total, rated.computing) == (22_500_000 + 18 * 2_800_000, 980)  # 980 are the package's, not lost
    assert [x.amount for x in rated.lines if x.code == "to_fen"] == [-980]


def test_more_units_than_were_quoted_are_not_charged():
    rated = rating.delivered(FORECAST, units_quoted=20, units_done=25, used_cms=0, cap=79_000_000)
    assert rated.total == 78_500_000


def test_time_beyond_the_limit_is_not_charged():
    rated = rating.delivered(FORECAST, units_quoted=20, units_done=20, used_cms=10**12, cap=79_000_000)
    assert (rated.total, rated.computing) == (78_520_000, 16_333)


def test_a_stopped_run_pays_only_its_computing():
    rated = rating.stopped(FORECAST, used_cms=36_000, cap=79_000_000)
    assert (rated.total, rated.computing) == (10_000, 980)


@given(st.integers(0, 10**8), st.integers(0, 50), st.integers(0, 10**10))
def test_a_charge_is_in_whole_fen_and_never_below_what_the_site_gets(base_fen, units, used_cms):
    terms = Terms(base_uy=base_fen * 10_000, per_unit_uy=10_000, rate_uy_per_hour=98_000, core_limit_cms=10**9)
    cap = rating.quote(terms, units=max(1, units)).cap
    for rated in (rating.delivered(terms, units_quoted=50, units_done=units, used_cms=used_cms, cap=cap),
                  rating.stopped(terms, used_cms=used_cms, cap=cap)):
        assert rated.total % 10_000 == 0 and rated.computing <= rated.total <= cap
        assert sum(x.amount for x in rated.lines) == rated.total


def test_nobody_pays_for_a_failure():
    assert rating.failed(cap=79_000_000).total == 0


def test_a_withdrawal_counts_each_hour_at_its_weight():
    assert rating.quote_hours(cores=2, wall_s=1800, weight_ppm=710_000).cap == 2_556_000
    assert rating.used_hours(used_cms=1_000_001, weight_ppm=710_000, cap=2_556_000).total == 710_001


def test_a_price_is_never_negative():
    with pytest.raises(ValueError):
        Terms(base_uy=-1, per_unit_uy=0, rate_uy_per_hour=0, core_limit_cms=1)


amounts = st.integers(0, 10**12)


@given(
    amounts,
    amounts,
    st.integers(0, 10**9),
    st.integers(1, 10**9),
    st.integers(1, 500),
    st.integers(-5, 600),
    st.integers(0, 10**10),
)
def test_whatever_happens_the_charge_stays_below_the_cap(base, each, rate, limit, units, done, used):
    terms = Terms(base, each, rate, limit)
    quoted = rating.quote(terms, units=units)
    for rated in (
        rating.delivered(terms, units_quoted=units, units_done=done, used_cms=used, cap=quoted.cap),
        rating.stopped(terms, used_cms=used, cap=quoted.cap),
    ):
        assert 0 <= rated.computing <= rated.total <= quoted.cap
        assert sum(x.amount for x in rated.lines) == rated.total
