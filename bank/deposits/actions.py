"""Depositing hours, taking them back, ending a deposit; keeping the coming hours in the pool."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from bank.ledger import actions as ledger
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Journal
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch import weights
from marketplace.dispatch.models import LISTED, Site, Slot
from portal import policy
from portal.accounts.models import Organisation
from portal.core.clock import hour_of
from portal.core.errors import Refused, Stale
from portal.core.money import PPM, mul_div
from portal.core.words import local
from portal.history import actions as history

from . import close, queries
from .models import Deposit, Recall, SlotClose

AHEAD = timedelta(days=7)  # so far ahead the hours of a deposit stand in the pool
MOST_DAYS = 366
MOST_NOTICE_H = 7 * 24
REMEMBERED_H = 720  # committed hours over which availability is averaged


@transaction.atomic
def deposit(
    *,
    organisation: Organisation,
    site: Site,
    hours: Collection[int],
    cards: int,
    from_date: date,
    to_date: date,
    now: datetime,
    actor: str,
    notice_h: int = 12,
    mode: str = Deposit.Mode.CONSIGNMENT,
    payout: str = Deposit.Payout.HOURS,
) -> Deposit:
    """Give hours of the week (0–167, platform zone) of a verified site to the pool; its slots are there at once.

    Refused: site_not_verified, site_always_open, no_hours_painted, too_many_cards, dates_wrong, notice_wrong,
    no_index, hours_taken (an hour has one owner).
    """
    # one deposit of a site at a time, so that the look for overlaps holds
    site = (
        Site.objects.select_for_update(no_key=True, of=("self",))
        .select_related("resource_class")
        .get(pk=site.pk, organisation=organisation)
    )
    painted = sorted(set(hours))
    _refuse_unless_right(site, painted, cards, from_date, to_date, notice_h, payout, now)
    _refuse_overlap(site, painted, from_date, to_date)
    made = Deposit.objects.create(
        organisation=organisation,
        site=site,
        cards=cards,
        hours=painted,
        from_date=from_date,
        to_date=to_date,
        notice_h=notice_h,
        mode=mode,
        payout=payout,
        created_at=now,
    )
    history.record(made, before="", after=Deposit.State.OPEN, now=now, actor=actor, hours=len(painted))
    open_coming(deposit=made, now=now)
    return made


def _refuse_unless_right(
    site: Site,
    painted: list[int],
    cards: int,
    from_date: date,
    to_date: date,
    notice_h: int,
    payout: str,
    now: datetime,
) -> None:
    if site.state != Site.State.VERIFIED:
        raise Refused("site_not_verified")
    if site.always_open:
        raise Refused("site_always_open", site=site.name)
    if not painted or painted[0] < 0 or painted[-1] > 167:
        raise Refused("no_hours_painted")
    if not 1 <= cards <= site.cards:
        raise Refused("too_many_cards", site=site.name, cards=site.cards)
    if not local(now).date() <= from_date <= to_date <= from_date + timedelta(days=MOST_DAYS):
        raise Refused("dates_wrong", days=MOST_DAYS)
    if not 0 <= notice_h <= MOST_NOTICE_H:
        raise Refused("notice_wrong", most=MOST_NOTICE_H)
    if payout == Deposit.Payout.HOURS and queries.index_of(site.resource_class_id, now) is None:
        raise Refused("no_index")


def _refuse_overlap(site: Site, painted: list[int], from_date: date, to_date: date) -> None:
    taken = queries.taken_hours(site, from_date, to_date)
    common = [h for h in painted if h in taken]
    if common:
        raise Refused("hours_taken", site=site.name, count=len(common), first=weights.hour_in_words(common[0]))


def hours_between(deposit: Deposit, start: datetime, end: datetime) -> list[datetime]:
    """The deposit's hours (UTC starts) from start up to, not including, end."""
    wanted, found = set(deposit.hours), []
    at = hour_of(start)
    if at < start:
        at += timedelta(hours=1)
    while at < end:
        here = local(at)
        if deposit.from_date <= here.date() <= deposit.to_date and here.weekday() * 24 + here.hour in wanted:
            found.append(at)
        at += timedelta(hours=1)
    return found


def open_coming(*, deposit: Deposit, now: datetime) -> int:
    """Put the deposit's hours of the coming week into the pool; returns how many are new. Safe to repeat."""
    hours = hours_between(deposit, now, now + AHEAD)
    if not hours:
        return 0
    free = Slot.objects.filter(
        Q(recalled_cms=F("quantity_cms")) | Q(source__startswith=LISTED),
        site_id=deposit.site_id,
        hour__in=hours,
        closed_at=None,
        reserved_cms=0,
    ).exclude(source=deposit.source)
    again = dispatch.give_again(
        slots=list(free.values_list("pk", flat=True)), source=deposit.source, quantity=deposit.cards, now=now
    )
    return again + dispatch.open_slots(
        site=deposit.site, hours=hours, source=deposit.source, now=now, quantity=deposit.cards
    )


def open_all(*, now: datetime) -> int:
    """Keep the coming week of every open deposit in the pool, and end those whose last day is over."""
    today, made = local(now).date(), 0
    for one in Deposit.objects.filter(state=Deposit.State.OPEN).select_related("site"):
        if one.to_date < today:
            try:
                history.move(
                    one,
                    Deposit.State.ENDED,
                    now=now,
                    actor="system:deposits.sweep",
                    reason="last_day",
                    changes={"ended_at": now},
                )
            except Stale:
                continue
        elif one.site.state == Site.State.VERIFIED:
            made += open_coming(deposit=one, now=now)
    return made


@dataclass(frozen=True)
class Recalled:
    """What was taken back, what it costs at the close, and how many hours stay because a run is booked in them."""

    slots: int
    quantity_cms: int
    fee_uy: int
    kept: int


def recall_cost(*, deposit: Deposit, slot: Slot, index_uy: int, now: datetime) -> int:
    """The fee for taking back what is free of a slot now: nothing within the notice."""
    if slot.hour - now >= timedelta(hours=deposit.notice_h):
        return 0
    free = slot.quantity_cms - slot.recalled_cms - slot.reserved_cms
    return close.late_fee(free, weight=slot.weight_ppm, index_uy=index_uy, fee_ppm=policy.LATE_RECALL_FEE_PPM)


@transaction.atomic
def recall(*, deposit: Deposit, hours: Iterable[datetime], now: datetime, actor: str) -> Recalled:
    """Take coming hours back, as far as nobody has booked them. Refused("nothing_to_recall")."""
    done = _recall(deposit, hours, now)
    if not done.slots:
        raise Refused("nothing_to_recall")
    history.record(
        deposit,
        before=deposit.state,
        after=deposit.state,
        now=now,
        actor=actor,
        reason="recalled",
        slots=done.slots,
        fee_uy=done.fee_uy,
    )
    return done


def _recall(deposit: Deposit, hours: Iterable[datetime], now: datetime) -> Recalled:
    index = queries.index_of(deposit.site.resource_class_id, now)
    slots = quantity = fee = kept = 0
    rows = (
        Slot.objects.select_for_update(no_key=True)
        .filter(source=deposit.source, hour__in=list(hours), hour__gt=now, closed_at=None)
        .order_by("pk")
    )
    for slot in rows:
        kept += slot.reserved_cms > 0
        cost = recall_cost(deposit=deposit, slot=slot, index_uy=index.price_uy if index else 0, now=now)
        taken = dispatch.recall(slot=slot, quantity_cms=slot.quantity_cms, now=now)
        if taken:
            Recall.objects.create(slot=slot, deposit=deposit, quantity_cms=taken, fee_uy=cost, created_at=now)
            slots, quantity, fee = slots + 1, quantity + taken, fee + cost
    return Recalled(slots=slots, quantity_cms=quantity, fee_uy=fee, kept=kept)


@transaction.atomic
def end(*, deposit: Deposit, now: datetime, actor: str) -> Recalled:
    """End a deposit: its free hours are taken back, hours that a run is booked in stay. Refused("deposit_ended")."""
    if deposit.state != Deposit.State.OPEN:
        raise Refused("deposit_ended")
    history.move(
        deposit, Deposit.State.ENDED, now=now, actor=actor, reason="ended", changes={"ended_at": now}
    )
    ahead = Slot.objects.filter(source=deposit.source, hour__gt=now, closed_at=None).values_list(
        "hour", flat=True
    )
    return _recall(deposit, list(ahead), now)


def refresh_availability(*, site: Site, now: datetime) -> int:
    """The moving average of live minutes over the last 720 committed hours, a newcomer's 0.85 before; returns ppm.

    Simulated hours prove nothing and do not count.
    """
    seen = list(
        SlotClose.objects.filter(slot__site=site, is_simulated=False)
        .order_by("-hour")
        .values_list("slot__live_minutes", flat=True)[:REMEMBERED_H]
    )
    newcomer = (REMEMBERED_H - len(seen)) * policy.NEWCOMER_AVAILABILITY_PPM
    ppm = min(PPM, (mul_div(sum(seen), PPM, 60, "down") + newcomer) // REMEMBERED_H)
    Site.objects.filter(pk=site.pk).update(availability_ppm=ppm)
    return ppm


def fund_reserve(*, amount_uy: int, key: str, now: datetime, actor: str) -> Journal:
    """The platform pays money of its own into the reserve. The same key again does nothing."""
    return ledger.transfer(
        key=f"reserve:{key}",
        reason=Reason.FROM_RESERVE,
        cause=f"reserve:{key}",
        source=ledger.open(owner=None, kind=Kind.BANK),
        target=ledger.open(owner=None, kind=Kind.RESERVE),
        amount=amount_uy,
        now=now,
        memo={"actor": actor},
    )
