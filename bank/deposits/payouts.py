"""What is paid after the close: firm idle hours, hold-backs that are over, and Monday's payout.

Each function finds what is due, pays each thing once, and may be repeated, lost, or run twice at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account
from marketplace.billing import actions as billing
from marketplace.dispatch.models import Slot
from portal import policy
from portal.accounts.models import Organisation
from portal.core.money import share
from portal.core.words import floor_fen, local
from portal.history import actions as history

from . import close, queries
from .models import Deposit, HoldBack, IdleDay, Payout, SlotClose

LATEST = timedelta(hours=24)  # an hour of the day whose closes do not all come is settled without them then


@transaction.atomic
def settle_idle(*, hour: datetime, now: datetime) -> int:
    """Pay the firm idle hours of one hour, all cut alike when the budget is short; returns micro-yuan of worth.

    Waits until every deposited slot of that hour is closed.
    """
    waiting = Slot.objects.filter(hour=hour, closed_at=None, source__startswith="deposit:").exists()
    if waiting and now - hour < LATEST:
        return 0
    here = local(hour)
    reserve = ledger.open(owner=None, kind=Kind.RESERVE)
    day = _day(here.date(), reserve, now)
    rows = list(
        SlotClose.objects.select_for_update(no_key=True, of=("self",))
        .filter(hour=hour, idle_paid_uy=None, idle_due_uy__gt=0)
        .select_related("organisation", "deposit")
        .order_by("pk")
    )
    if not rows:
        return 0
    targets = {row.pk: _target(row) for row in rows}
    ledger.lock(reserve, *targets.values())
    there = max(
        0,
        min(
            close.hour_budget(day_budget=day.budget_uy, paid=day.paid_uy, hours_left=24 - here.hour),
            queries.free_reserve(now),
        ),
    )
    paid = 0
    for row, amount in zip(rows, close.cut([r.idle_due_uy for r in rows], there), strict=True):
        _pay_idle(row, amount, targets[row.pk], reserve, now)
        paid += amount
    IdleDay.objects.filter(pk=day.pk).update(paid_uy=day.paid_uy + paid)
    return paid


def _day(on: date, reserve: Account, now: datetime) -> IdleDay:
    """The day's budget, fixed by whoever settles its first hour; locked."""
    if not IdleDay.objects.filter(date=on).exists():
        IdleDay.objects.bulk_create(
            [IdleDay(date=on, budget_uy=share(max(0, queries.free_reserve(now)), policy.IDLE_BUDGET_PPM))],
            ignore_conflicts=True,
        )
    return IdleDay.objects.select_for_update(no_key=True).get(date=on)


def _target(row: SlotClose) -> Account:
    if row.deposit is not None and row.deposit.payout == Deposit.Payout.HOURS:
        return ledger.open(owner=row.organisation, kind=Kind.CLAIMS, asset=row.asset)
    return ledger.open(owner=row.organisation, kind=Kind.PROVIDER_DUE)


def _pay_idle(row: SlotClose, amount_uy: int, target: Account, reserve: Account, now: datetime) -> None:
    cms = 0
    if target.kind == Kind.CLAIMS:
        cms = row.idle_due_cms * amount_uy // row.idle_due_uy
        # no cash moves: what the reserve has above all other hours banked stands behind these from now on
        backing = ledger.open(owner=None, kind=Kind.CLAIMS_BACKING, asset=row.asset)
        lot = ledger.LotSpec(
            expires_at=row.hour + timedelta(hours=1, days=policy.CLAIM_LIFE_DAYS),
            origin=row.deposit.source if row.deposit else "",
        )
        legs = [ledger.Leg(backing, -cms), ledger.Leg(target, cms, lot)]
    else:
        legs = [ledger.Leg(reserve, -amount_uy), ledger.Leg(target, amount_uy)]
    legs = [leg for leg in legs if leg.amount]
    if legs:
        ledger.post(
            key=f"idle:{row.public_id}",
            reason=Reason.IDLE_PAY,
            cause=f"slotclose:{row.public_id}",
            legs=legs,
            now=now,
        )
    SlotClose.objects.filter(pk=row.pk).update(idle_paid_uy=amount_uy, idle_paid_cms=cms)


def settle_idle_due(*, now: datetime, limit: int = 500) -> int:
    """Every hour with firm idle pay that is not settled yet, oldest first."""
    hours = SlotClose.objects.filter(idle_paid_uy=None, idle_due_uy__gt=0).values_list("hour", flat=True)
    return sum(settle_idle(hour=hour, now=now) for hour in list(hours.order_by("hour").distinct()[:limit]))


def release_holdbacks(*, now: datetime, limit: int = 500) -> int:
    """What was held back and not needed becomes earned; returns how many."""
    due = HoldBack.objects.filter(released_at=None, due_at__lte=now).values_list("pk", flat=True)
    done = 0
    for pk in list(due[:limit]):
        with transaction.atomic():
            row = (
                HoldBack.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
                .select_related("organisation", "close")
                .filter(pk=pk, released_at=None)
                .first()
            )
            if row is None:
                continue
            if row.left_uy:
                ledger.transfer(
                    key=f"holdback:{row.close.public_id}",
                    reason=Reason.HOLDBACK_RELEASE,
                    cause=f"slotclose:{row.close.public_id}",
                    amount=row.left_uy,
                    now=now,
                    source=ledger.open(owner=row.organisation, kind=Kind.HOLDBACK),
                    target=ledger.open(owner=row.organisation, kind=Kind.PROVIDER_DUE),
                )
            HoldBack.objects.filter(pk=row.pk).update(released_at=now)
            done += 1
    return done


@dataclass(frozen=True)
class WhenPaid:
    """When cash that is earned now comes into the wallet: all but the part held back, and that part."""

    next_date: date
    rest_date: date
    held_ppm: int
    held_h: int


def when_paid(now: datetime) -> WhenPaid:
    """What is earned before a Monday is paid on it; what is held back, on the first Monday after it is released."""
    released = now + timedelta(seconds=policy.HOLDBACK_S)
    week = timedelta(days=7)
    first, second = queries.monday_of(now) + week, queries.monday_of(released) + week
    return WhenPaid(first, second, policy.HOLDBACK_PPM, policy.HOLDBACK_S // 3600)


@transaction.atomic
def pay_out(*, organisation: Organisation, now: datetime) -> Payout | None:
    """What a company had earned by this week's Monday goes into its wallet, once; None when there is nothing."""
    monday = queries.monday_of(now)
    due = ledger.open(owner=organisation, kind=Kind.PROVIDER_DUE)
    wallet = billing.wallet_of(organisation)
    ledger.lock(due, wallet)
    if Payout.objects.filter(organisation=organisation, monday=monday).exists():
        return None
    start = queries.start_of_day(monday)
    earned = min(books.balance(due).available or 0, books.balance_at(due, start - timedelta(microseconds=1)))
    amount = floor_fen(earned)  # what is not a fen yet waits for the next payout
    if amount <= 0:
        return None
    made = Payout.objects.create(organisation=organisation, monday=monday, amount_uy=amount, paid_at=now)
    ledger.transfer(
        key=f"payout:{made.public_id}",
        reason=Reason.PAYOUT,
        cause=history.subject_of(made),
        source=due,
        target=wallet,
        amount=amount,
        now=now,
    )
    return made


def pay_out_due(*, now: datetime) -> int:
    """Monday's payout for everybody who earned something; a missed Monday is made up for. Returns how many."""
    monday = queries.monday_of(now)
    owners = (
        Organisation.objects.filter(
            pk__in=Account.objects.filter(kind=Kind.PROVIDER_DUE, posted__gt=0).values("owner_id")
        )
        .exclude(payouts__monday=monday)
        .order_by("pk")
    )
    return sum(pay_out(organisation=one, now=now) is not None for one in owners)
