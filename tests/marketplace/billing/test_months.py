"""A month becomes a bill, once."""

from datetime import UTC, date, datetime

import pytest

from marketplace.billing import actions as billing
from marketplace.billing import months
from marketplace.billing.models import Bill, Charge
from marketplace.billing.rating import Line, Rated
from portal.core.errors import Refused

pytestmark = pytest.mark.django_db
DECEMBER = datetime(2026, 12, 1, 2, tzinfo=UTC)


@pytest.fixture
def charged(jiangnan, platform, now):
    billing.ensure_wallet(jiangnan, now)
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=79_000_000, now=now)
    rated = Rated(lines=(Line("package", 78_500_000),), total=78_500_000, computing=0, cap=79_000_000)
    return billing.charge(
        cause="order:ord_1",
        organisation=jiangnan,
        provider=platform,
        rated=rated,
        outcome=Charge.Outcome.DELIVERED,
        what=("Forecast", "预测"),
        now=now,
    )


def test_a_bill_shows_where_the_money_stood_and_what_was_charged(charged, jiangnan):
    bill = months.close_month(organisation=jiangnan, month=date(2026, 11, 1), now=DECEMBER)
    assert (bill.opening_uy, bill.came_in_uy, bill.charged_uy, bill.closing_uy) == (
        0,
        100_000_000,
        78_500_000,
        21_500_000,
    )
    assert list(bill.charges.all()) == [charged]


def test_a_bill_adds_up_when_a_part_was_paid_from_the_credit_limit():
    bill = Bill(opening_uy=10_000_000, came_in_uy=0, charged_uy=15_000_000, credit_used_uy=5_000_000, closing_uy=0)
    assert bill.opening_uy + bill.came_in_uy - bill.from_wallet_uy == bill.closing_uy


def test_a_month_is_closed_once(charged, jiangnan, platform):
    assert months.close_due(now=DECEMBER) == 1
    assert months.close_due(now=DECEMBER) == 0
    assert Bill.objects.count() == 1


def test_a_month_that_is_not_over_is_refused(charged, jiangnan, now):
    with pytest.raises(Refused):
        months.close_month(organisation=jiangnan, month=date(2026, 11, 1), now=now)
    assert not Bill.objects.exists()


def test_midnight_is_that_of_the_platform_not_of_utc(charged, jiangnan):
    last_hour = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    with pytest.raises(Refused):
        months.close_month(organisation=jiangnan, month=date(2026, 11, 1), now=last_hour)
    assert months.close_month(
        organisation=jiangnan, month=date(2026, 11, 1), now=datetime(2026, 11, 30, 16, tzinfo=UTC)
    )


def test_the_bill_page_is_for_the_company_only(client, charged, jiangnan, mei, zhao):
    bill = months.close_month(organisation=jiangnan, month=date(2026, 11, 1), now=DECEMBER)
    client.force_login(mei)
    page = client.get(f"/c/jiangnan/bills/{bill.public_id}/")
    assert "78.50" in page.content.decode()
    client.force_login(zhao)
    assert client.get(f"/c/jiangnan/bills/{bill.public_id}/").status_code == 404


def test_staff_open_a_charge_and_a_bill_in_the_admin(client, chen, charged, jiangnan):
    bill = months.close_month(organisation=jiangnan, month=date(2026, 11, 1), now=DECEMBER)
    client.force_login(chen)
    for address in (f"charge/{charged.pk}", f"bill/{bill.pk}"):
        assert client.get(f"/admin/billing/{address}/change/").status_code == 200
