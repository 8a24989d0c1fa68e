"""After the close: firm idle pay, hold-backs, Monday's payout; and the demonstration's clock."""

from datetime import date, timedelta

import pytest

from bank.deposits import actions, payouts, queries, sweep
from bank.deposits.models import Deposit, HoldBack, IdleDay, Payout, SlotClose
from bank.ledger.chart import Kind
from marketplace.dispatch.models import Slot
from portal.history.models import ClockJump

from .conftest import ACTOR, CMS, CORE, HOUR, INDEX_UY, posted

pytestmark = pytest.mark.django_db


def close_idle(factory, n: int) -> SlotClose:
    slot = factory.slot(n)
    factory.beat(slot, 60)
    return factory.close(slot)


def earn(factory, buyer, n: int = 1) -> SlotClose:
    """An hour with work for CNY 1.00: 0.828 due, 0.092 held back."""
    slot = factory.slot(n)
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    return factory.close(slot)


def test_firm_hours_are_paid_a_part_while_they_stand_ready(factory, yongli, reserve):
    factory.deposit(mode="firm")
    row = close_idle(factory, 1)
    due = 7_200_000 * 1_102 // 1000 * 25 // 100
    assert (row.idle_due_cms, row.idle_due_uy) == (due, due * INDEX_UY // CMS) == (1_983_600, 55_100)
    paid = payouts.settle_idle(hour=row.hour, now=row.closed_at)
    row.refresh_from_db()
    assert paid == row.idle_paid_uy == posted(Kind.PROVIDER_DUE, yongli) == 55_100
    assert posted(Kind.RESERVE) == 1_000_000_000 - 55_100
    assert payouts.settle_idle(hour=row.hour, now=row.closed_at) == 0
    assert posted(Kind.PROVIDER_DUE, yongli) == 55_100


def test_firm_hours_paid_in_hours_are_backed_by_what_the_reserve_has_free(factory, yongli, reserve, now):
    factory.deposit(mode="firm", payout=Deposit.Payout.HOURS)
    row = close_idle(factory, 1)
    assert queries.free_reserve(now) == 1_000_000_000
    payouts.settle_idle_due(now=row.closed_at)
    row.refresh_from_db()
    assert row.idle_paid_cms == posted(Kind.CLAIMS, yongli, CORE) == 1_983_600
    assert posted(Kind.RESERVE) == 1_000_000_000
    assert queries.free_reserve(now) == 1_000_000_000 - 55_100


def test_consignment_pays_nothing_for_idle_hours(factory, reserve):
    factory.deposit()
    row = close_idle(factory, 1)
    assert (row.idle_verified_cms, row.idle_due_uy) == (2 * CMS, 0)


def test_an_empty_reserve_pays_nothing_and_the_hour_is_settled(factory, yongli):
    factory.deposit(mode="firm")
    row = close_idle(factory, 1)
    assert payouts.settle_idle(hour=row.hour, now=row.closed_at) == 0
    row.refresh_from_db()
    assert (row.idle_paid_uy, posted(Kind.PROVIDER_DUE, yongli)) == (0, 0)


def test_all_shares_of_an_hour_are_cut_alike_when_the_budget_is_short(factory, yongli, jiangnan, now):
    from marketplace.dispatch import actions as dispatch
    from marketplace.dispatch.models import Site

    actions.fund_reserve(
        amount_uy=14_000_000, key="small", now=now, actor=ACTOR
    )  # 5 % a day: 700,000 for 14 hours left
    other = dispatch.register_site(
        organisation=jiangnan,
        name="Office",
        region=factory.site.region,
        resource_class=factory.cpu,
        cards=4,
        now=now,
        actor=ACTOR,
    )
    Site.objects.filter(pk=other.pk).update(state=Site.State.VERIFIED)
    other.refresh_from_db()
    factory.deposit(mode="firm")
    actions.deposit(
        organisation=jiangnan,
        site=other,
        hours=range(168),
        cards=4,
        from_date=date(2026, 11, 23),
        to_date=date(2026, 12, 1),
        now=now,
        actor=ACTOR,
        mode="firm",
        payout="cash",
    )
    hour = factory.slot(1).hour
    assert payouts.settle_idle(hour=hour, now=hour + HOUR) == 0  # waits until both are closed
    for slot in Slot.objects.filter(hour=hour):
        factory.beat(slot, 60)
        factory.close(slot)
    paid = payouts.settle_idle(hour=hour, now=hour + HOUR)
    assert IdleDay.objects.get().budget_uy == 700_000
    assert posted(Kind.PROVIDER_DUE, yongli) == 55_100 * 50_000 // 165_300 == 16_666
    assert posted(Kind.PROVIDER_DUE, jiangnan) == 110_200 * 50_000 // 165_300 == 33_333
    assert paid == IdleDay.objects.get().paid_uy == 49_999


def test_what_is_held_back_is_released_after_72_hours(factory, buyer, yongli):
    factory.deposit()
    row = earn(factory, buyer)
    early = row.closed_at + timedelta(hours=71, minutes=59)
    assert payouts.release_holdbacks(now=early) == 0
    assert payouts.release_holdbacks(now=row.closed_at + timedelta(hours=72)) == 1
    assert payouts.release_holdbacks(now=row.closed_at + timedelta(hours=73)) == 0
    assert (posted(Kind.HOLDBACK, yongli), posted(Kind.PROVIDER_DUE, yongli)) == (0, 920_000)
    assert HoldBack.objects.get().released_at is not None


def test_monday_pays_what_was_earned_before_it(factory, buyer, yongli, later):
    factory.deposit()
    earn(factory, buyer)
    assert payouts.pay_out_due(now=later(days=2)) == 0  # earned after this week's Monday began
    assert queries.earnings(yongli, later(days=2)).next_uy == 920_000
    payouts.release_holdbacks(now=later(days=6))
    assert payouts.pay_out_due(now=later(days=6)) == 0  # Sunday
    assert payouts.pay_out_due(now=later(days=8)) == 1  # a missed Monday is made up for on Tuesday
    assert payouts.pay_out_due(now=later(days=8)) == 0
    made = Payout.objects.get()
    assert (made.monday, made.amount_uy) == (date(2026, 11, 30), 920_000)
    assert (posted(Kind.WALLET, yongli), posted(Kind.PROVIDER_DUE, yongli)) == (920_000, 0)


def test_a_night_lived_through_in_seconds_is_marked_and_closed(
    factory, yongli, reserve, now, later, monkeypatch
):
    monkeypatch.setattr(sweep, "is_there", lambda site: True)  # the engine is proved elsewhere
    factory.deposit(mode="firm", payout=Deposit.Payout.HOURS)
    ClockJump.objects.create(from_at=now, to_at=later(hours=3))
    sweep.tick(later(hours=3))
    rows = list(SlotClose.objects.order_by("hour"))
    assert [(r.is_simulated, r.idle_verified_cms) for r in rows] == [(True, 2 * CMS)] * 2
    assert posted(Kind.CLAIMS, yongli, CORE) == sum(r.idle_due_cms for r in rows)
    partly = factory.slot(3)
    assert (partly.is_simulated, partly.live_minutes) == (True, 12)
    sweep.tick(later(hours=3))
    partly.refresh_from_db()
    assert (SlotClose.objects.count(), partly.live_minutes) == (2, 12)


def test_skipped_time_proves_nothing_when_the_engine_is_away(factory, now, later, monkeypatch):
    monkeypatch.setattr(sweep, "is_there", lambda site: False)
    factory.deposit()
    ClockJump.objects.create(from_at=now, to_at=later(hours=2))
    sweep.tick(later(hours=2))
    row = SlotClose.objects.get()
    assert (row.is_simulated, row.idle_verified_cms, row.idle_unverified_cms) == (True, 0, 2 * CMS)
