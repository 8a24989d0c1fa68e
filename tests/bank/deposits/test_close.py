"""Closing an hour: every outcome and every way of being paid, to the micro-yuan."""

from datetime import timedelta

import pytest

from bank.deposits import actions, closing
from bank.deposits.models import Deposit, HoldBack, SlotClose
from bank.ledger.chart import Kind
from bank.ledger.models import Journal, Lot
from marketplace.billing.models import Charge
from marketplace.dispatch.models import Slot
from marketplace.orders.models import Order
from portal import policy
from portal.core.errors import Refused

from .conftest import CMS, CORE, HOUR, INDEX_UY, clearing, posted

pytestmark = pytest.mark.django_db

WEIGHT = 1_102_000  # Monday 10:00 in Shanghai: 0.4 + 0.9 × 0.78


def outcomes(row: SlotClose) -> tuple[int, ...]:
    return (
        row.delivered_cms,
        row.failed_cms,
        row.idle_verified_cms,
        row.idle_unverified_cms,
        row.recalled_cms,
    )


def test_an_hour_that_lasts_is_not_closed(factory):
    factory.deposit()
    slot = factory.slot()
    assert factory.close(slot, after=timedelta(minutes=59)) is None
    assert not SlotClose.objects.exists()


def test_an_idle_hour_is_verified_as_far_as_the_site_answered(factory):
    factory.deposit()
    slot = factory.slot()
    factory.beat(slot, 45)
    row = factory.close(slot)
    assert outcomes(row) == (0, 0, 5_400_000, 1_800_000, 0)
    assert (row.cash_uy, row.idle_due_uy, Journal.objects.count()) == (0, 0, 0)
    slot.refresh_from_db()
    assert slot.closed_at == slot.hour + HOUR


def test_cash_goes_to_the_provider_less_fee_and_holdback(factory, buyer, yongli):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    charge = factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    assert (charge.total, charge.computing, clearing(order)) == (1_000_000, 1_000_000, 1_000_000)
    row = factory.close(slot)
    assert outcomes(row) == (360_000, 0, 0, 6_840_000, 0)  # the metered run proves its own time only
    assert (row.cash_uy, row.fee_uy, row.held_uy, row.due_uy) == (1_000_000, 80_000, 92_000, 828_000)
    assert posted(Kind.PROVIDER_DUE, yongli) == 828_000
    assert posted(Kind.HOLDBACK, yongli) == 92_000
    assert posted(Kind.FEES) == 80_000
    assert clearing(order) == 0
    assert HoldBack.objects.get().due_at == slot.hour + HOUR + timedelta(hours=72)


def test_banked_hours_are_weighted_less_the_fee_and_the_cash_stands_behind_them(factory, buyer, yongli):
    factory.deposit(payout=Deposit.Payout.HOURS)
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    row = factory.close(slot)
    assert slot.weight_ppm == order.quote.reservation.weight_ppm == WEIGHT
    assert row.earned_cms == 360_000 * 1_102 // 1_000 * 92 // 100 == 364_982
    assert posted(Kind.CLAIMS, yongli, CORE) == 364_982
    assert posted(Kind.CLAIMS_BACKING, None, CORE) == -364_982
    assert (row.to_reserve_uy, posted(Kind.RESERVE), posted(Kind.PROVIDER_DUE, yongli)) == (
        1_000_000,
        1_000_000,
        0,
    )
    assert clearing(order) == 0
    lot = Lot.objects.get()
    assert (lot.expires_at, lot.origin) == (row.hour + timedelta(days=365, hours=1), row.deposit.source)


def test_hours_banked_are_never_more_than_the_cash_covers(factory, buyer, yongli):
    factory.deposit(payout=Deposit.Payout.HOURS)
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1), rate=50_000)  # half the index
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    row = factory.close(slot)
    assert row.cash_uy == 5_000
    assert row.earned_cms == posted(Kind.CLAIMS, yongli, CORE) == 5_000 * CMS // INDEX_UY == 180_000


def bank_hours(factory, buyer, yongli) -> None:
    """Yongli has banked 364,982 cms with an hour's work."""
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    factory.close(slot)


def withdraw(factory, yongli, slot, used):
    from marketplace.catalogue import actions as catalogue

    catalogue.set_price(
        offering=factory.offering,
        base_uy=0,
        per_unit_uy=0,
        rate_uy_per_hour=10_000_000,
        core_limit_cms=120_000,
        cores=1,
        actor="user:1",
        now=slot.hour,
    )
    order = factory.order(yongli, at=slot.hour + timedelta(minutes=1), asset=CORE)
    charge = factory.run(order, used_cms=used, at=slot.hour + timedelta(minutes=2))
    return order, charge


def test_a_withdrawal_at_a_site_paid_in_hours_moves_hours_and_retires_the_fee(factory, buyer, yongli):
    factory.deposit(payout=Deposit.Payout.HOURS)
    bank_hours(factory, buyer, yongli)
    slot = factory.slot(2)
    order, charge = withdraw(factory, yongli, slot, 100_000)
    weight = order.quote.reservation.weight_ppm
    assert charge.total == -(-100_000 * weight // 1_000_000)
    row = factory.close(slot)
    earned = 100_000 * weight // 1_000_000 * 92 // 100
    assert (row.spent_cms, row.earned_cms, row.retired_cms) == (charge.total, earned, charge.total - earned)
    assert posted(Kind.CLAIMS, yongli, CORE) == 364_982 - charge.total + earned
    assert posted(Kind.CLAIMS, yongli, CORE) == -posted(Kind.CLAIMS_BACKING, None, CORE)
    assert clearing(order) == 0


def test_a_withdrawal_at_a_site_paid_in_cash_is_paid_from_the_reserve(factory, buyer, yongli):
    made = factory.deposit(payout=Deposit.Payout.HOURS)
    bank_hours(factory, buyer, yongli)
    Deposit.objects.filter(pk=made.pk).update(payout=Deposit.Payout.CASH)
    slot = factory.slot(2)
    order, charge = withdraw(factory, yongli, slot, 100_000)
    row = factory.close(slot)
    worth = charge.total * INDEX_UY // CMS
    assert (row.cash_uy, row.from_reserve_uy, row.retired_cms) == (0, worth, charge.total)
    assert row.due_uy + row.held_uy + row.fee_uy == worth
    assert posted(Kind.RESERVE) == 1_000_000 - worth
    assert posted(Kind.CLAIMS_BACKING, None, CORE) == -(364_982 - charge.total)
    assert clearing(order) == 0


def test_an_order_over_two_hours_empties_its_clearing_exactly(factory, buyer, yongli):
    factory.deposit()
    first, second = factory.slot(1), factory.slot(2)
    order = factory.order(buyer, at=second.hour - timedelta(minutes=8), rate=7_777_777)
    charge = factory.run(
        order, used_cms=700_001, at=second.hour - timedelta(minutes=7), lasts=timedelta(minutes=13)
    )
    one = factory.close(second)  # the later hour may be closed first
    two = factory.close(first, after=2 * HOUR)
    assert min(one.cash_uy, two.cash_uy) > 0
    assert one.cash_uy + two.cash_uy == charge.computing
    assert clearing(order) == 0


def test_the_platforms_own_site_earns_for_the_platform(factory, buyer, platform):
    factory.deposit()
    slot = factory.slot()
    type(factory.site).objects.filter(pk=factory.site.pk).update(organisation=platform)
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    row = factory.close(slot)
    assert (row.income_uy, posted(Kind.PACKAGE_INCOME), clearing(order)) == (1_000_000, 1_000_000, 0)


def test_nobody_pays_for_a_failed_hour_and_the_customer_is_compensated_from_the_reserve(
    factory, buyer, yongli, reserve
):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(
        order, used_cms=360_000, at=slot.hour + timedelta(minutes=2), outcome="failed", site_failed=True
    )
    row = factory.close(slot)
    assert outcomes(row) == (0, 360_000, 0, 6_840_000, 0)
    assert (row.compensation_uy, row.compensation_held_uy) == (200_000, 0)
    assert posted(Kind.WALLET, buyer) == 100_200_000
    assert posted(Kind.RESERVE) == 999_800_000
    assert posted(Kind.PROVIDER_DUE, yongli) == 0


def test_compensation_comes_from_what_is_held_back_first(factory, buyer, yongli, reserve):
    factory.deposit()
    slot, later = factory.slot(1), factory.slot(2)
    good = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(good, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    factory.close(slot)
    bad = factory.order(buyer, at=later.hour + timedelta(minutes=1))
    factory.run(
        bad, used_cms=360_000, at=later.hour + timedelta(minutes=2), outcome="failed", site_failed=True
    )
    row = factory.close(later)
    assert (row.compensation_uy, row.compensation_held_uy) == (200_000, 92_000)
    assert (posted(Kind.HOLDBACK, yongli), HoldBack.objects.get().left_uy) == (0, 0)
    assert posted(Kind.RESERVE) == 1_000_000_000 - 108_000


def test_where_the_reserve_is_short_the_customer_gets_the_whole_fen_that_are_there(factory, buyer, yongli):
    factory.deposit()
    slot, later = factory.slot(1), factory.slot(2)
    good = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(good, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    factory.close(slot)
    bad = factory.order(buyer, at=later.hour + timedelta(minutes=1))
    factory.run(
        bad, used_cms=360_000, at=later.hour + timedelta(minutes=2), outcome="failed", site_failed=True
    )
    row = factory.close(later)
    assert (row.compensation_uy, row.compensation_held_uy) == (90_000, 90_000)  # of 200,000; 92,000 are held back
    assert (posted(Kind.HOLDBACK, yongli), HoldBack.objects.get().left_uy, posted(Kind.RESERVE)) == (2_000, 2_000, 0)
    assert posted(Kind.WALLET, buyer) % 10_000 == 0


def test_nobody_is_compensated_for_his_own_machines_failure(factory, yongli, reserve, now):
    from marketplace.billing import actions as billing

    billing.ensure_wallet(yongli, now)
    factory.deposit()
    slot = factory.slot()
    order = factory.order(yongli, at=slot.hour + timedelta(minutes=1))
    factory.run(
        order, used_cms=360_000, at=slot.hour + timedelta(minutes=2), outcome="failed", site_failed=True
    )
    row = factory.close(slot)
    assert (row.failed_cms, row.compensation_uy, posted(Kind.RESERVE)) == (360_000, 0, 1_000_000_000)


def test_a_run_that_ends_by_its_own_files_fault_leaves_idle_verified_time(factory, buyer):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2), outcome="failed")
    row = factory.close(slot)
    assert outcomes(row) == (0, 0, 360_000, 6_840_000, 0)
    assert (row.cash_uy, row.compensation_uy) == (0, 0)


def test_an_hour_with_an_open_order_waits(factory, buyer):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    assert factory.close(slot) is None
    assert slot.pk not in closing.due_slots(now=slot.hour + HOUR)
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    assert factory.close(slot, after=2 * HOUR).delivered_cms == 360_000


def test_closing_twice_is_closing_once(factory, buyer, yongli):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    first, second = factory.close(slot), factory.close(slot, after=5 * HOUR)
    assert first == second
    assert second.closed_at == slot.hour + HOUR
    assert posted(Kind.PROVIDER_DUE, yongli) == 828_000


def test_a_close_that_breaks_leaves_nothing_and_can_be_repeated(factory, buyer, yongli, monkeypatch):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))

    def broken(hour) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(closing, "_late_fee", broken)  # after the money was posted, before the row is written
        assert closing.close_due(now=slot.hour + HOUR) == 0
    assert (SlotClose.objects.count(), clearing(order), posted(Kind.PROVIDER_DUE, yongli)) == (
        0,
        1_000_000,
        0,
    )
    assert closing.close_due(now=slot.hour + HOUR) == 1
    assert (clearing(order), posted(Kind.PROVIDER_DUE, yongli)) == (0, 828_000)


def test_hours_taken_back_in_time_are_free_and_too_late_cost_a_tenth(factory, yongli, now):
    from marketplace.billing import actions as billing

    billing.ensure_wallet(yongli, now)
    made = factory.deposit(notice_h=2)
    soon, far = factory.slot(1), factory.slot(3)
    done = actions.recall(deposit=made, hours=[soon.hour, far.hour], now=now, actor="user:1")
    fee = 2 * INDEX_UY * soon.weight_ppm // 1_000_000 // 10 // 10_000 * 10_000  # whole fen
    assert fee > 0
    assert (done.slots, done.quantity_cms, done.fee_uy) == (2, 4 * CMS, fee)
    late, free = factory.close(soon), factory.close(far)
    assert outcomes(late) == outcomes(free) == (0, 0, 0, 0, 2 * CMS)
    assert (late.late_fee_uy, free.late_fee_uy) == (fee, 0)
    assert posted(Kind.RESERVE) == fee
    assert posted(Kind.WALLET, yongli) == policy.WELCOME_CREDIT_UY - fee


def test_a_booked_hour_cannot_be_taken_back(factory, buyer, now):
    made = factory.deposit()
    slot = factory.slot()
    factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    slot.refresh_from_db()
    booked = slot.reserved_cms
    done = actions.recall(deposit=made, hours=[slot.hour], now=now, actor="user:1")
    slot.refresh_from_db()
    assert (done.kept, slot.recalled_cms, slot.reserved_cms) == (1, 2 * CMS - booked, booked)
    with pytest.raises(Refused):
        actions.recall(deposit=made, hours=[slot.hour], now=now, actor="user:1")


def test_the_houses_hours_of_an_earlier_clock_wait_for_the_demonstration(factory):
    factory.deposit()
    slot = factory.slot()
    Slot.objects.filter(pk=slot.pk).update(is_simulated=True, source="site:sit_x")
    after = slot.hour + HOUR
    assert slot.pk not in closing.due_slots(now=after)
    assert slot.pk in closing.due_slots(now=after, house_past=True)


@pytest.mark.parametrize(("outcome", "is_failed", "for_us", "paid"), [
    ("delivered", False, False, True), ("stopped", False, False, True), ("stopped", False, True, False),
    ("failed", False, False, False), ("delivered", True, False, False),
])  # fmt: skip
def test_a_stop_for_us_is_idle_time_of_the_site_like_a_failure(outcome, is_failed, for_us, paid):
    line = closing.Line(
        reservation=None,
        charge=Charge(outcome=outcome, total=0),
        used_cms=1,
        is_failed=is_failed,
        amount=0,
        is_stopped_for_us=for_us,
    )
    assert line.is_paid is paid


@pytest.mark.parametrize(("reason", "delivered"), [
    ("cancelled", 360_000), ("staff_stop", 360_000), ("platform_stop", 0),
])  # fmt: skip
def test_work_that_costs_nothing_by_its_plan_is_told_from_a_stop_for_us_by_the_orders_reason(
    factory, buyer, reason, delivered
):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1), rate=0)
    charge = factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2), outcome="stopped")
    assert (charge.total, charge.outcome) == (0, "stopped")
    Order.objects.filter(pk=order.pk).update(reason=reason)
    factory.beat(slot, 60)
    assert outcomes(factory.close(slot)) == (delivered, 0, 7_200_000 - delivered, 0, 0)
