"""Many at once on real connections and real commits."""

from datetime import timedelta

import pytest

from bank.deposits import payouts
from bank.deposits.models import Deposit, Payout, SlotClose
from bank.ledger import proof
from bank.ledger.chart import Kind
from marketplace.dispatch.models import Slot
from portal.core.errors import Refused

from .conftest import HOUR, clearing, posted
from .test_listed import own  # noqa: F401


@pytest.fixture
def db(own_database):
    """The cast and the books of this file live in a database of their own."""


def sound() -> None:
    assert [str(o.wrong) for o in proof.prove() if o.wrong] == []


def test_eight_at_once_close_an_hour_once(factory, buyer, yongli, at_once):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    found = at_once(8, lambda i: factory.close(slot).pk)
    assert len(set(found)) == 1 and SlotClose.objects.count() == 1
    assert posted(Kind.PROVIDER_DUE, yongli) == 828_000
    assert clearing(order) == 0
    sound()


def test_hours_closed_beside_each_other_do_not_wait_for_ever(factory, buyer, yongli, at_once):
    factory.deposit()
    orders = []
    for hour in (1, 2, 3):
        slot = factory.slot(hour)
        order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
        factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
        orders.append((order, slot))
    found = at_once(9, lambda i: factory.close(orders[i % 3][1]).pk)
    assert sorted(set(found)) == sorted(SlotClose.objects.values_list("pk", flat=True))
    assert [clearing(order) for order, _slot in orders] == [0, 0, 0]
    assert posted(Kind.PROVIDER_DUE, yongli) == 3 * 828_000
    sound()


def test_one_of_many_overlapping_deposits_gets_the_hours(factory, at_once):
    def work(i: int):
        try:
            return factory.deposit(hours=range(i, 60)).pk
        except Refused as refused:
            return refused.code

    found = at_once(6, work)
    assert found.count("hours_taken") == 5


def test_mondays_payout_is_paid_once(factory, buyer, yongli, at_once, later):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    factory.close(slot)
    at_once(6, lambda i: payouts.pay_out(organisation=yongli, now=later(days=7)))
    assert Payout.objects.get().amount_uy == posted(Kind.WALLET, yongli) == 820_000
    assert posted(Kind.PROVIDER_DUE, yongli) == 8_000  # not a fen yet: it waits for the next Monday
    assert slot.hour + HOUR < later(days=7)
    sound()


def test_a_deposit_and_buyers_come_for_the_same_listed_hours(own, buyer, at_once, now):  # noqa: F811
    wanted = [own.slot(hour).hour + timedelta(minutes=1) for hour in (1, 2, 3)]

    def work(i: int):
        return own.deposit(hours=[10, 11, 12, 13]) if i == 2 else own.order(buyer, at=wanted[i // 2])

    found = at_once(6, work)
    assert not [x for x in found if isinstance(x, Exception) and not isinstance(x, Refused)], found
    made = next(x for x in found if hasattr(x, "source"))
    for slot in Slot.objects.filter(hour__in=[at.replace(minute=0) for at in wanted]).prefetch_related("lines"):
        lines = [line.reserved_cms for line in slot.lines.all()]
        assert slot.reserved_cms == sum(lines)
        assert slot.source.startswith("listed:") or slot.source == made.source
    assert Deposit.objects.count() == 1 and Slot.objects.filter(source=made.source).exists()
    sound()


def test_of_many_that_register_the_same_cores_at_once_as_many_succeed_as_there_are(factory, at_once, jiangnan, now):
    from bank.deposits import registration
    from marketplace.dispatch.models import Site

    def work(i: int) -> str:
        try:
            return registration.register(
                organisation=(factory.site.organisation, jiangnan)[i % 2], name=f"Hall {i}", region=factory.site.region,
                cards=4, now=now, actor="user:1",
            ).state
        except Refused as refused:
            return refused.code

    found = at_once(8, work)  # of eight cores two are taken
    assert sorted(found) == ["cores_registered"] * 7 + ["verifying"]
    assert sorted(Site.objects.values_list("cards", flat=True)) == [2, 4]
