"""What was reserved, paid and given back, as it is shown."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.billing.movements import Sums
from portal.core.words import BANKED_UNIT_CMS, banked

part = st.integers(0, 10**8)


def test_hours_with_four_decimals_add_up():
    found = Sums(reserved=358_750, paid=1_820, back=356_930)
    shown = [banked(x) for x in (found.reserved, found.paid, found.back, found.back_of_hours)]
    assert shown == ["0.0996", "0.0005", "0.0991", "0.0991"]


@given(part, part, part)
def test_what_is_shown_as_given_back_is_nearly_that_and_adds_up(paid, back, still):
    found = Sums(reserved=paid + back + still, paid=paid, back=back)
    reserved, taken, left, returned = (
        round(10_000 * float(banked(x).replace(",", "")))
        for x in (found.reserved, found.paid, found.still, found.back_of_hours)
    )
    assert reserved == taken + left + returned
    assert abs(found.back_of_hours - found.back) <= 2 * BANKED_UNIT_CMS
