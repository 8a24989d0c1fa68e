"""Depositing, taking back, ending; the coming hours in the pool."""

from datetime import date, timedelta

import pytest

from bank.deposits import actions, estimates
from bank.deposits.models import Deposit, IdleDay, SlotClose
from marketplace.catalogue.models import IndexPrice
from marketplace.dispatch.models import Site, Slot
from portal.core.errors import Refused
from portal.history.models import Step

from .conftest import ACTOR, CMS, HOUR

pytestmark = pytest.mark.django_db


def refused(factory, **fields) -> Refused:
    before = Slot.objects.count()
    with pytest.raises(Refused) as error:
        factory.deposit(**fields)
    assert (Deposit.objects.filter(state="open").count(), Slot.objects.count()) == (before > 0, before)
    return error.value


def test_painted_hours_become_slots_of_the_coming_week(factory, now):
    # Monday 09:12 in Shanghai; Monday 22:00 to 24:00 and Tuesday 00:00
    made = factory.deposit(hours=[22, 23, 24])
    slots = list(Slot.objects.filter(source=made.source).order_by("hour"))
    assert [s.hour.strftime("%d %H") for s in slots] == ["23 14", "23 15", "23 16"]
    assert {(s.quantity_cms, s.sellable_cms) for s in slots} == {(2 * CMS, 2 * CMS)}
    assert [s.weight_ppm for s in slots] == [652_000, 598_000, 553_000]
    assert Step.objects.get(subject=f"deposit:{made.public_id}").after == "open"


def test_only_so_much_is_sold_as_the_site_is_there(factory):
    Site.objects.update(availability_ppm=850_000)
    factory.deposit()
    slot = factory.slot()
    assert (slot.quantity_cms, slot.sellable_cms) == (7_200_000, 6_120_000)


def test_the_hour_that_has_begun_is_not_deposited(factory, now):
    made = factory.deposit()
    assert min(Slot.objects.filter(source=made.source).values_list("hour", flat=True)) > now


def test_the_sweep_adds_the_coming_days_and_ends_what_is_over(factory, later):
    made = factory.deposit(to_date=date(2026, 12, 2))
    first = Slot.objects.count()
    assert actions.open_all(now=later(days=1)) == 24
    assert actions.open_all(now=later(days=1)) == 0
    assert Slot.objects.count() == first + 24
    actions.open_all(now=later(days=10))
    made.refresh_from_db()
    assert made.state == Deposit.State.ENDED


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"hours": []}, "no_hours_painted"),
        ({"hours": [168]}, "no_hours_painted"),
        ({"hours": [-1]}, "no_hours_painted"),
        ({"cards": 3}, "too_many_cards"),
        ({"cards": 0}, "too_many_cards"),
        ({"from_date": date(2026, 11, 22)}, "dates_wrong"),
        ({"to_date": date(2026, 11, 22)}, "dates_wrong"),
        ({"to_date": date(2028, 11, 22)}, "dates_wrong"),
        ({"notice_h": -1}, "notice_wrong"),
    ],
)
def test_what_makes_no_sense_is_refused(factory, fields, code):
    assert refused(factory, **fields).code == code


def test_a_site_that_is_not_verified_cannot_deposit(factory):
    Site.objects.update(state=Site.State.FAILED)
    assert refused(factory).code == "site_not_verified"


def test_hours_cannot_be_banked_without_a_market_price(factory):
    IndexPrice.objects.all().delete()
    assert refused(factory, payout="hours").code == "no_index"
    assert factory.deposit(payout="cash").state == "open"


def test_an_hour_has_one_owner(factory):
    factory.deposit(hours=[22, 23])
    error = refused(factory, hours=[23, 24])
    assert (error.code, error.params["count"], error.params["first"]) == ("hours_taken", 1, "Monday 23:00")


def test_other_hours_and_other_weeks_of_the_same_site_are_free(factory):
    factory.deposit(hours=[22, 23], to_date=date(2026, 11, 29))
    factory.deposit(hours=[24])
    factory.deposit(hours=[22, 23], from_date=date(2026, 11, 30))
    assert Deposit.objects.count() == 3


def test_ending_takes_back_what_is_free_and_a_new_deposit_gets_the_hours(factory, now):
    made = factory.deposit(hours=[22, 23])
    done = actions.end(deposit=made, now=now, actor=ACTOR)
    assert (done.slots, done.quantity_cms, done.fee_uy) == (
        2,
        4 * CMS,
        0,
    )  # 13 and 14 hours ahead: within the notice
    again = factory.deposit(hours=[22, 23], cards=1)
    slots = list(Slot.objects.filter(source=again.source))
    assert {(s.quantity_cms, s.recalled_cms, s.sellable_cms) for s in slots} == {(CMS, 0, CMS)}
    with pytest.raises(Refused, match="ended already"):
        actions.end(deposit=made, now=now, actor=ACTOR)


def test_hours_taken_back_stay_out_of_the_pool(factory, now):
    made = factory.deposit()
    slot = factory.slot(20)
    actions.recall(deposit=made, hours=[slot.hour], now=now, actor=ACTOR)
    actions.open_all(now=now)
    slot.refresh_from_db()
    assert (slot.recalled_cms, slot.free_cms) == (2 * CMS, 0)


def test_deposited_hours_are_sold_before_the_houses_own(factory, buyer, platform, now):
    from marketplace.dispatch import actions as dispatch

    hall = dispatch.register_site(
        organisation=platform,
        name="Hall A",
        region=factory.site.region,
        resource_class=factory.cpu,
        cards=64,
        now=now,
        actor=ACTOR,
        always_open=True,
    )
    Site.objects.filter(pk=hall.pk).update(state=Site.State.VERIFIED)
    dispatch.open_always(now=now)
    factory.deposit()
    order = factory.order(buyer, at=now + HOUR)
    assert order.quote.reservation.site == factory.site


def test_the_estimate_can_be_worked_out_by_hand_from_what_is_shown(factory, reserve, now):
    found = estimates.estimate(site=factory.site, hours=range(168), cards=2, mode="consignment", now=now)
    assert (found.hours, found.painted_cms, found.weight_ppm, found.weight_text) == (168, 336 * CMS, 750_000, "0.75")
    assert found.full_uy == 25_200_000  # 336 × 0.75 × 0.10
    assert (found.record, found.by_record, found.lead) == (None, None, found.assumed)
    case = found.assumed
    assert (case.work_ppm, case.work_text) == (397_200, "39.72")
    assert (case.gross_uy, case.fee_uy, case.work_uy) == (10_010_000, 800_000, 9_210_000)  # × 39.72 % − 8 %
    assert case.work_cms == 336 * CMS * 3_972 // 10_000 * 75 // 100 * 92 // 100
    assert (found.none.most_uy, found.none.work_cms) == (0, 0)
    firm = estimates.estimate(site=factory.site, hours=range(168), cards=2, mode="firm", now=now)
    assert firm.assumed.idle_uy == 3_800_000  # (336 × 100 % − 133.4592) × 0.75 × 0.10 × 25 % = 3.7976
    assert firm.assumed.most_uy == case.work_uy + 3_800_000
    assert firm.none.most_uy == 6_300_000  # 336 × 100 % × 0.75 × 0.10 × 25 %


def test_what_standing_ready_may_bring_is_no_more_than_the_reserve_pays_in_a_week(factory, now):
    def firm():
        found = estimates.estimate(site=factory.site, hours=range(168), cards=2, mode="firm", now=now)
        return found.budget_uy, found.none.idle_uy, found.none.ready_uy, found.none.is_cut

    assert firm() == (0, 6_300_000, 0, True)
    actions.fund_reserve(amount_uy=10_000_000, key="little", now=now, actor=ACTOR)
    assert firm() == (500_000, 6_300_000, 3_500_000, True)  # 5 % of CNY 10 a day
    actions.fund_reserve(amount_uy=90_000_000, key="more", now=now, actor=ACTOR)
    assert firm() == (5_000_000, 6_300_000, 6_300_000, False)
    IdleDay.objects.create(date=now.date(), budget_uy=100_000)  # fixed when the first hour of the day was settled
    assert firm() == (100_000, 6_300_000, 700_000, True)


def closed(factory, *, days_ago: int, quantity: int, delivered: int, recalled: int = 0) -> None:
    """An hour of a deposit that was closed so many days ago."""
    slot = Slot.objects.filter(close=None).earliest("hour")
    factory.close(slot)
    SlotClose.objects.filter(slot=slot).update(
        hour=factory.now - timedelta(days=days_ago), quantity_cms=quantity, delivered_cms=delivered,
        recalled_cms=recalled, failed_cms=0, idle_verified_cms=0, idle_unverified_cms=quantity - delivered - recalled,
    )


def test_the_record_is_of_the_last_thirty_days_or_else_of_ninety(factory, now, django_assert_num_queries):
    cpu = factory.site.resource_class_id
    assert estimates.record(cpu, now) is None
    factory.deposit()
    closed(factory, days_ago=91, quantity=10 * CMS, delivered=10 * CMS)
    assert estimates.record(cpu, now) is None
    closed(factory, days_ago=60, quantity=10 * CMS, delivered=2 * CMS, recalled=2 * CMS)
    found = estimates.record(cpu, now)
    assert (found.days, found.hours, found.offered_cms, found.delivered_cms) == (90, 1, 8 * CMS, 2 * CMS)
    assert (found.work_ppm, found.simulated) == (250_000, 0)
    closed(factory, days_ago=29, quantity=30 * CMS, delivered=CMS)
    with django_assert_num_queries(1):
        found = estimates.record(cpu, now)
    assert (found.days, found.hours, found.offered_cms, found.work_ppm) == (30, 1, 30 * CMS, 33_300)  # 3.33 %


def test_availability_is_what_was_seen_and_a_newcomers_guess_for_the_rest(factory, now):
    factory.deposit()
    for n in (1, 2):
        slot = factory.slot(n)
        factory.beat(slot, 60 if n == 1 else 30)
        factory.close(slot)
    assert SlotClose.objects.count() == 2
    assert actions.refresh_availability(site=factory.site, now=now) == (1_500_000 + 718 * 850_000) // 720


def test_every_hour_of_the_deposit_is_found_once(factory, now):
    made = factory.deposit(hours=[0, 23])
    found = actions.hours_between(made, now, now + timedelta(days=14))
    assert len(found) == len(set(found)) == 4
