"""What was reserved, paid and given back, as it is shown."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.billing.movements import SHOWN_CMS, Sums
from portal.core.templatetags.suanli import hours

part = st.integers(0, 10**8)


def test_hours_with_four_decimals_add_up():
    found = Sums(reserved=358_750, paid=1_820, back=356_930)
    shown = [hours(x, "four") for x in (found.reserved, found.paid, found.back, found.back_of_hours)]
    assert shown == ["0.0997", "0.0005", "0.0991", "0.0992"]  # 0.0005 + 0.0991 would be 0.0996


@given(part, part, part)
def test_what_is_shown_as_given_back_is_nearly_that(paid, back, still):
    found = Sums(reserved=paid + back + still, paid=paid, back=back)
    assert abs(found.back_of_hours - found.back) <= 2 * SHOWN_CMS and found.back_of_hours % SHOWN_CMS == 0
