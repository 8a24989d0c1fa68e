"""Closing an hour: once per slot, in one transaction, restartable anywhere.

Billing has settled the customer's money into a clearing account per order; here each line of an order takes
its part out of that clearing and gives it to whom it belongs. When all hours of an order are closed, its
clearing is exactly zero: `close.parts` sums to the order's computing, and each part goes out whole.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet, Sum

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account
from marketplace.billing.models import Charge
from marketplace.dispatch.models import Reservation, ReservationLine, Slot
from marketplace.orders.models import STOPPED_FOR_US, Order
from portal import policy
from portal.accounts.models import Organisation
from portal.core.clock import hour_of
from portal.core.failpoints import failpoint
from portal.core.words import floor_fen

from . import close, queries
from .models import Deposit, HoldBack, Recall, SlotClose

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
OPEN_LINES = (Reservation.State.OPEN, Reservation.State.KEPT)
HOUSE = "site:"  # slots of a site that is always open


@dataclass(frozen=True)
class Line:
    """One order's time in this slot. amount: its part of the order's computing, in the charge's asset."""

    reservation: Reservation
    charge: Charge
    used_cms: int
    is_failed: bool
    amount: int
    is_stopped_for_us: bool = False

    @property
    def is_paid(self) -> bool:
        """A failure is not, nor a stop for a cause on our side: for the site that time was idle and seen alive.

        Work that costs nothing by its plan is work all the same.
        """
        return not self.is_failed and self.charge.outcome != Charge.Outcome.FAILED and not self.is_stopped_for_us


@dataclass
class Hour:
    """Everything the close of one slot knows, and the row that it writes."""

    slot: Slot
    owner: Organisation
    deposit: Deposit | None
    row: SlotClose
    lines: list[Line]
    now: datetime
    recalls_fee_uy: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)

    @property
    def is_house(self) -> bool:
        return self.owner.role == Organisation.Role.PLATFORM

    @property
    def pays_hours(self) -> bool:
        return (
            self.deposit is not None and self.deposit.payout == Deposit.Payout.HOURS and self.row.index_uy > 0
        )

    def key(self, what: str, line: Line | None = None) -> str:
        tail = f":{line.reservation.public_id}" if line else ""
        return f"{what}:{self.slot.site.public_id}:{self.slot.hour:%Y%m%d%H}{tail}"

    def of(self, kind: Kind, asset: str = "CNY", owner: Organisation | None = None, ref: str = "") -> Account:
        name = f"{kind}|{asset}|{owner.pk if owner else ''}|{ref}"
        if name not in self.accounts:
            self.accounts[name] = ledger.open(owner=owner, kind=kind, asset=asset, ref=ref)
        return self.accounts[name]


@transaction.atomic
def close_hour(*, slot_id: int, now: datetime) -> SlotClose | None:
    """Close a slot whose hour is over; the row that was written, now or before.

    None while the hour lasts, and while an order or quote in it is still open: the close waits for it.
    """
    slot = (
        Slot.objects.select_for_update(no_key=True, of=("self",))
        .select_related("site__organisation", "site__resource_class")
        .get(pk=slot_id)
    )
    known = SlotClose.objects.filter(slot=slot).first()
    if known is not None:
        return known
    if slot.hour + HOUR > now or slot.lines.filter(reservation__state__in=OPEN_LINES).exists():
        return None
    hour = _read(slot, now)
    _lock(hour)
    failpoint("close.locked")
    for line in hour.lines:
        if line.amount:
            _distribute(hour, line)
        if line.is_failed and line.used_cms:
            _compensate(hour, line)
    failpoint("close.posted")
    _late_fee(hour)
    hour.row.save(force_insert=True)
    if hour.row.held_uy:
        HoldBack.objects.create(
            close=hour.row,
            organisation=hour.owner,
            amount_uy=hour.row.held_uy,
            left_uy=hour.row.held_uy,
            due_at=now + timedelta(seconds=policy.HOLDBACK_S),
        )
    Slot.objects.filter(pk=slot.pk).update(closed_at=now)
    failpoint("close.written")
    return hour.row


def _read(slot: Slot, now: datetime) -> Hour:
    """The lines, the outcomes and the empty amounts."""
    deposit = Deposit.objects.filter(public_id=slot.source.removeprefix("deposit:")).first()
    index = queries.index_of(slot.site.resource_class_id, now)
    lines = _lines(slot)
    found = close.outcomes(
        quantity=slot.quantity_cms,
        recalled=slot.recalled_cms,
        delivered=sum(x.used_cms for x in lines if x.is_paid),
        failed=sum(x.used_cms for x in lines if x.is_failed),
        seen_alive=sum(x.used_cms for x in lines if not x.is_failed),
        live_minutes=slot.live_minutes,
    )
    row = SlotClose(
        slot=slot,
        organisation=slot.site.organisation,
        deposit=deposit,
        hour=slot.hour,
        is_simulated=slot.is_simulated,
        quantity_cms=slot.quantity_cms,
        delivered_cms=found.delivered,
        failed_cms=found.failed,
        idle_verified_cms=found.idle_verified,
        idle_unverified_cms=found.idle_unverified,
        recalled_cms=found.recalled,
        asset=slot.site.resource_class.asset,
        index_uy=index.price_uy if index else 0,
        closed_at=now,
    )
    if deposit is not None and deposit.mode == Deposit.Mode.FIRM:
        row.idle_due_cms = close.idle_due(
            found.idle_verified, weight=slot.weight_ppm, phi_ppm=policy.FIRM_IDLE_SHARE_PPM
        )
        row.idle_due_uy = close.worth(row.idle_due_cms, row.index_uy)
    fee = Recall.objects.filter(slot=slot).aggregate(total=Sum("fee_uy"))["total"] or 0
    return Hour(
        slot=slot,
        owner=slot.site.organisation,
        deposit=deposit,
        row=row,
        lines=lines,
        now=now,
        recalls_fee_uy=fee,
    )


def _lines(slot: Slot) -> list[Line]:
    mine = list(
        ReservationLine.objects.filter(slot=slot, reservation__state=Reservation.State.USED)
        .select_related("reservation__organisation")
        .order_by("pk")
    )
    charges = {c.cause: c for c in Charge.objects.filter(cause__in=[x.reservation.cause for x in mine])}
    for_us = _stopped_for_us(charges.values())
    siblings: dict[int, list[ReservationLine]] = {}
    for one in ReservationLine.objects.filter(reservation__in=[x.reservation_id for x in mine]).order_by(
        "slot__hour", "pk"
    ):
        siblings.setdefault(one.reservation_id, []).append(one)
    found = []
    for one in mine:
        charge = charges.get(one.reservation.cause)
        if charge is None:
            continue  # room that was never an order's
        whole = siblings[one.reservation_id]
        # what is paid in banked hours pays for machine time only
        computing = charge.computing if charge.asset == "CNY" else charge.total
        share = close.parts(computing, [x.used_cms or 0 for x in whole])
        found.append(
            Line(
                reservation=one.reservation,
                charge=charge,
                used_cms=one.used_cms or 0,
                is_failed=one.is_failed,
                amount=share[[x.pk for x in whole].index(one.pk)],
                is_stopped_for_us=charge.cause in for_us,
            )
        )
    return found


def _stopped_for_us(charges: Iterable[Charge]) -> set[str]:
    """Causes whose order was stopped for something on our side, by the reason that the order keeps."""
    stopped = [c.cause.removeprefix("order:") for c in charges if c.outcome == Charge.Outcome.STOPPED]
    if not stopped:
        return set()
    return {o.cause for o in Order.objects.filter(public_id__in=stopped, reason=STOPPED_FOR_US)}


def _lock(hour: Hour) -> None:
    """Every account this close may touch, in the one order; amounts that depend on balances are read after it."""
    asset, owner = hour.row.asset, hour.owner
    if any(x.is_failed for x in hour.lines):
        list(
            HoldBack.objects.select_for_update(no_key=True)
            .filter(organisation=owner, released_at=None)
            .order_by("pk")
        )
        for line in hour.lines:
            if line.is_failed:
                hour.of(Kind.WALLET, owner=line.reservation.organisation)
    for line in hour.lines:
        hour.of(Kind.CLEARING_ORDER, line.charge.asset, ref=line.charge.cause)
    if hour.lines or hour.recalls_fee_uy:
        hour.of(Kind.RESERVE)
        if not hour.is_house:
            hour.of(Kind.PROVIDER_DUE, owner=owner)
            hour.of(Kind.HOLDBACK, owner=owner)
            hour.of(Kind.WALLET, owner=owner)
        if hour.pays_hours:
            hour.of(Kind.CLAIMS, asset, owner=owner)
    ledger.lock(*hour.accounts.values())


def _distribute(hour: Hour, line: Line) -> None:
    if line.charge.asset == "CNY":
        if hour.is_house:
            _house(hour, line)
        elif hour.pays_hours:
            _cash_to_hours(hour, line)
        else:
            _cash_to_cash(hour, line)
    elif hour.pays_hours and line.charge.asset == hour.row.asset:
        _hours_to_hours(hour, line)
    else:
        _hours_to_cash(hour, line)


def _post(hour: Hour, line: Line, reason: Reason, legs: list[ledger.Leg]) -> None:
    ledger.post(
        key=hour.key("close", line),
        reason=reason,
        cause=line.charge.cause,
        now=hour.now,
        legs=[x for x in legs if x.amount],
        memo={"slot": hour.row.hour.isoformat(), "site": hour.slot.site.public_id},
    )


def _clearing(hour: Hour, line: Line) -> ledger.Leg:
    return ledger.Leg(hour.of(Kind.CLEARING_ORDER, line.charge.asset, ref=line.charge.cause), -line.amount)


def _house(hour: Hour, line: Line) -> None:
    hour.row.cash_uy += line.amount
    hour.row.income_uy += line.amount
    _post(
        hour,
        line,
        Reason.DISTRIBUTION,
        [_clearing(hour, line), ledger.Leg(hour.of(Kind.PACKAGE_INCOME), line.amount)],
    )


def _cash_to_cash(hour: Hour, line: Line) -> None:
    got = close.cash(line.amount, fee_ppm=policy.PLATFORM_FEE_PPM, holdback_ppm=policy.HOLDBACK_PPM)
    hour.row.cash_uy += line.amount
    _post(hour, line, Reason.DISTRIBUTION, [_clearing(hour, line), *_cash_legs(hour, got)])


def _cash_legs(hour: Hour, got: close.Cash) -> list[ledger.Leg]:
    hour.row.due_uy += got.due
    hour.row.held_uy += got.held
    hour.row.fee_uy += got.fee
    return [
        ledger.Leg(hour.of(Kind.PROVIDER_DUE, owner=hour.owner), got.due),
        ledger.Leg(hour.of(Kind.HOLDBACK, owner=hour.owner), got.held),
        ledger.Leg(hour.of(Kind.FEES), got.fee),
    ]


def _earned(hour: Hour, line: Line) -> int:
    return close.earned(
        line.used_cms,
        slot_weight=hour.slot.weight_ppm,
        paid_weight=line.reservation.weight_ppm,
        fee_ppm=policy.PLATFORM_FEE_PPM,
    )


def _lot(hour: Hour) -> ledger.LotSpec:
    return ledger.LotSpec(
        # from the hour and not from its close, which a standstill may put off
        expires_at=hour.slot.hour + HOUR + timedelta(days=policy.CLAIM_LIFE_DAYS),
        origin=hour.deposit.source if hour.deposit else "",
    )


def _cash_to_hours(hour: Hour, line: Line) -> None:
    """The cash stands behind the hours: it goes to the reserve whole, the fee is taken in hours."""
    banked = min(_earned(hour, line), close.backed_by(line.amount, hour.row.index_uy))
    asset = hour.row.asset
    hour.row.cash_uy += line.amount
    hour.row.to_reserve_uy += line.amount
    hour.row.earned_cms += banked
    _post(
        hour,
        line,
        Reason.CLAIM_EARNED,
        [
            _clearing(hour, line),
            ledger.Leg(hour.of(Kind.RESERVE), line.amount),
            ledger.Leg(hour.of(Kind.CLAIMS_BACKING, asset), -banked),
            ledger.Leg(hour.of(Kind.CLAIMS, asset, owner=hour.owner), banked, _lot(hour)),
        ],
    )


def _hours_to_hours(hour: Hour, line: Line) -> None:
    """A run paid in banked hours: the depositor never earns more of them than were spent."""
    banked = min(_earned(hour, line), line.amount)
    asset = hour.row.asset
    hour.row.spent_cms += line.amount
    hour.row.earned_cms += banked
    hour.row.retired_cms += line.amount - banked
    _post(
        hour,
        line,
        Reason.DISTRIBUTION,
        [
            _clearing(hour, line),
            ledger.Leg(hour.of(Kind.CLAIMS, asset, owner=hour.owner), banked, _lot(hour)),
            ledger.Leg(hour.of(Kind.CLAIMS_BACKING, asset), line.amount - banked),
        ],
    )


def _hours_to_cash(hour: Hour, line: Line) -> None:
    """The hours leave the books; what stood behind them in the reserve pays the site, as far as it is there."""
    hour.row.spent_cms += line.amount
    hour.row.retired_cms += line.amount
    legs = [_clearing(hour, line), ledger.Leg(hour.of(Kind.CLAIMS_BACKING, line.charge.asset), line.amount)]
    if not hour.is_house:
        there = books.balance(hour.of(Kind.RESERVE)).available or 0
        amount = min(close.worth(line.amount, hour.row.index_uy), there)
        got = close.cash(amount, fee_ppm=policy.PLATFORM_FEE_PPM, holdback_ppm=policy.HOLDBACK_PPM)
        hour.row.from_reserve_uy += amount
        legs += [ledger.Leg(hour.of(Kind.RESERVE), -amount), *_cash_legs(hour, got)]
    _post(hour, line, Reason.DISTRIBUTION, legs)


def _compensate(hour: Hour, line: Line) -> None:
    """A customer whose run the site did not deliver: from what is held back of this owner, then from the reserve.

    Nobody is compensated for a failure of his own machine.
    """
    customer = line.reservation.organisation
    if customer.pk == hour.owner.pk:
        return
    order = (
        Order.objects.select_related("quote")
        .filter(public_id=line.charge.cause.removeprefix("order:"))
        .first()
    )
    rate = (
        order.quote.terms["rate_uy_per_hour"] if order and line.charge.asset == "CNY" else hour.row.index_uy
    )
    wanted = close.compensation(
        line.used_cms, rate_uy_per_hour=rate, share_ppm=policy.FAILURE_COMPENSATION_PPM
    )
    if not wanted:
        return
    if hour.is_house:
        legs = [ledger.Leg(hour.of(Kind.COMPENSATION), -wanted)]
        held, paid = 0, wanted
    else:
        there = _held_back(hour).aggregate(there=Sum("left_uy"))["there"] or 0
        there += books.balance(hour.of(Kind.RESERVE)).available or 0
        paid = min(wanted, floor_fen(there))  # a wallet moves in whole fen also where not all of it is there
        held = _draw_holdback(hour, paid)
        rest = paid - held
        legs = [
            ledger.Leg(hour.of(Kind.HOLDBACK, owner=hour.owner), -held),
            ledger.Leg(hour.of(Kind.RESERVE), -rest),
        ]
    if not paid:
        return
    hour.row.compensation_uy += paid
    hour.row.compensation_held_uy += held
    legs.append(ledger.Leg(hour.of(Kind.WALLET, owner=customer), paid))
    ledger.post(
        key=hour.key("compensate", line),
        reason=Reason.COMPENSATION,
        cause=line.charge.cause,
        now=hour.now,
        legs=[x for x in legs if x.amount],
    )


def _held_back(hour: Hour) -> QuerySet[HoldBack]:
    """What can still be taken from (locked by now), the next to be released first."""
    rows = HoldBack.objects.filter(organisation=hour.owner, released_at=None, left_uy__gt=0)
    return rows.order_by("due_at", "pk")


def _draw_holdback(hour: Hour, wanted: int) -> int:
    """Take from the rows; returns how much they gave."""
    drawn = 0
    for row in _held_back(hour):
        part = min(wanted - drawn, row.left_uy)
        HoldBack.objects.filter(pk=row.pk).update(left_uy=row.left_uy - part)
        drawn += part
        if drawn == wanted:
            break
    return drawn


def _late_fee(hour: Hour) -> None:
    """What taking hours back too late costs: from what is earned, then from the wallet, as far as it is there."""
    left, legs = hour.recalls_fee_uy, []
    for kind in (Kind.PROVIDER_DUE, Kind.WALLET) if left else ():
        account = hour.of(kind, owner=hour.owner)
        part = min(left, floor_fen(books.balance(account).available or 0))
        if part:
            legs.append(ledger.Leg(account, -part))
            left -= part
    taken = hour.recalls_fee_uy - left
    if taken:
        hour.row.late_fee_uy = taken
        ledger.post(
            key=hour.key("late"),
            reason=Reason.LATE_RECALL,
            cause=hour.slot.source,
            now=hour.now,
            legs=[*legs, ledger.Leg(hour.of(Kind.RESERVE), taken)],
        )


def due_slots(*, now: datetime, house_past: bool = False, limit: int = 500) -> list[int]:
    """Slots whose hour is over, oldest first.

    Hours of the house that a demonstration opened on an earlier clock are left to it (house_past): its runs
    still want them.
    """
    rows = Slot.objects.filter(closed_at=None, hour__lte=hour_of(now) - HOUR).exclude(
        lines__reservation__state__in=OPEN_LINES
    )
    if not house_past:
        rows = rows.exclude(is_simulated=True, source__startswith=HOUSE)
    return list(rows.order_by("hour", "pk").values_list("pk", flat=True)[:limit])


def close_due(*, now: datetime, house_past: bool = False) -> int:
    """Close what is over; one slot that cannot be closed does not keep the others waiting. Returns how many."""
    done = 0
    for slot_id in due_slots(now=now, house_past=house_past):
        try:
            done += close_hour(slot_id=slot_id, now=now) is not None
        except Exception:
            log.exception("slot %s cannot be closed; the next sweep tries again", slot_id)
    return done
