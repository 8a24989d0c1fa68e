from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.billing import rating
from marketplace.catalogue.pricing import cap_uy, expected_uy
from portal.core.money import CARD_HOUR_CMS, CNY_UY
from portal.core.words import yuan

amounts = st.integers(0, 10**12)


def plan(**fields):
    return SimpleNamespace(
        **{"base_uy": 0, "per_unit_uy": 0, "rate_uy_per_hour": 0, "core_limit_cms": 1, **fields}
    )


def test_it_adds_base_units_and_the_card_time_limit():
    p = plan(
        base_uy=19_000_000, per_unit_uy=2_500_000, rate_uy_per_hour=90_000, core_limit_cms=10 * CARD_HOUR_CMS
    )
    assert cap_uy(p, 20) == 70_000_000  # 19 + 50 + 0.90, up to whole yuan


def test_it_keeps_a_price_that_is_already_whole():
    assert cap_uy(plan(base_uy=79_000_000), 20) == 79_000_000


def test_it_goes_up_by_a_yuan_for_one_micro_yuan():
    assert cap_uy(plan(base_uy=79_000_001), 20) == 80_000_000


def test_it_refuses_no_units():
    with pytest.raises(ValueError, match="at least one"):
        cap_uy(plan(base_uy=1), 0)


def test_it_expects_what_was_measured_scaled_with_the_units():
    p = plan(
        base_uy=19_000_000, per_unit_uy=2_000_000, rate_uy_per_hour=120_000, core_limit_cms=10 * CARD_HOUR_CMS
    )
    half_an_hour = CARD_HOUR_CMS // 2
    assert expected_uy(p, 20, measured_cms=half_an_hour, measured_units=20) == 59_060_000
    assert expected_uy(p, 40, measured_cms=half_an_hour, measured_units=20) == 99_120_000


def test_it_expects_nothing_where_nothing_was_measured():
    assert expected_uy(plan(rate_uy_per_hour=1), 20, measured_cms=0, measured_units=20) is None


def test_it_needs_no_measurement_for_a_price_without_card_time():
    assert expected_uy(plan(base_uy=5_000_001), 1, measured_cms=0, measured_units=1) == 5_000_000


@pytest.mark.parametrize("measured", [2_200, 7_777, 90_001])
def test_the_shelf_expects_what_the_quote_expects(measured):
    p = rating.Terms(base_uy=22_500_000, per_unit_uy=2_800_000, rate_uy_per_hour=500_000, core_limit_cms=3_600_000)
    quoted = rating.quote(p, units=20, expected_cms=measured).expected
    assert yuan(expected_uy(p, 20, measured_cms=measured, measured_units=20)) == yuan(quoted)


@given(
    amounts, amounts, amounts, st.integers(1, 10**12), st.integers(1, 10**5), amounts, st.integers(1, 10**5)
)
def test_no_run_that_stays_in_its_limit_costs_more_than_the_cap(
    base, per_unit, rate, limit, units, measured, of
):
    p = plan(base_uy=base, per_unit_uy=per_unit, rate_uy_per_hour=rate, core_limit_cms=limit)
    cap = cap_uy(p, units)
    exact = base + units * per_unit + -(-limit * rate // CARD_HOUR_CMS)
    assert cap % CNY_UY == 0
    assert exact <= cap < exact + CNY_UY
    expected = expected_uy(p, units, measured_cms=measured, measured_units=of)
    assert expected is None or expected <= cap
