"""Writes of this room: sites, slots and reservations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, Sum

from portal import policy
from portal.accounts.models import Organisation
from portal.core.clock import hour_of
from portal.core.errors import Refused
from portal.core.money import CARD_HOUR_CMS, share
from portal.history import actions as history

from . import weights
from .models import LISTED, Reservation, ReservationLine, Site, Slot
from .placement import Placement, Room, hours_needed, is_open, opens_next, place

OPEN_AHEAD_HOURS = 48
Places = Mapping[int, Collection[int]] | None  # site → hours of the week, empty: always; None: anywhere


@transaction.atomic
def register_site(
    *,
    organisation: Organisation,
    name: str,
    region,
    resource_class,
    cards: int,
    now: datetime,
    actor: str,
    engine: str = "local",
    memory_mb: int = 1024,
    settings: dict[str, Any] | None = None,
    always_open: bool = False,
) -> Site:
    """A new site, to be verified by a benchmark. Refused("site_name_taken")."""
    try:
        with transaction.atomic():
            site = Site.objects.create(
                organisation=organisation,
                name=name,
                region=region,
                resource_class=resource_class,
                cards=cards,
                engine=engine,
                memory_mb=memory_mb,
                settings=settings or {},
                always_open=always_open,
                availability_ppm=policy.NEWCOMER_AVAILABILITY_PPM,
                created_at=now,
            )
    except IntegrityError:
        raise Refused("site_name_taken", name=name) from None
    if not organisation.is_provider:
        Organisation.objects.filter(pk=organisation.pk).update(is_provider=True)
    history.record(site, before="", after=Site.State.REGISTERED, now=now, actor=actor)
    return site


def open_slots(
    *,
    site: Site,
    hours: Iterable[datetime],
    source: str,
    now: datetime,
    quantity: int | None = None,
    is_simulated: bool = False,
) -> int:
    """Put hours of a site into the pool; hours that are there already stay as they are. Returns how many came.

    Sellable is floor(quantity × availability): a site that was away one hour in ten sells nine tenths.
    """
    cards = quantity or site.cards
    quantity_cms = cards * CARD_HOUR_CMS
    rows = [
        Slot(
            site=site,
            hour=hour,
            source=source,
            quantity_cms=quantity_cms,
            sellable_cms=share(quantity_cms, site.availability_ppm),
            weight_ppm=weights.default_weight_ppm(hour),
            is_simulated=is_simulated,
        )
        for hour in hours
    ]
    before = Slot.objects.filter(site=site, hour__in=[r.hour for r in rows]).count()
    Slot.objects.bulk_create(rows, ignore_conflicts=True)
    return Slot.objects.filter(site=site, hour__in=[r.hour for r in rows]).count() - before


def open_always(*, now: datetime) -> int:
    """Keep the coming hours of sites that are always open in the pool. Safe to repeat."""
    first = hour_of(now)
    hours = [first + timedelta(hours=n) for n in range(OPEN_AHEAD_HOURS)]
    sites = Site.objects.filter(always_open=True, state=Site.State.VERIFIED)
    return sum(open_slots(site=s, hours=hours, source=history.subject_of(s), now=now) for s in sites)


def _rooms(
    *,
    organisation: Organisation,
    sites: Places,
    resource_class_id: int,
    region_id: int | None,
    hours: list[datetime],
    own_share: bool,
    only: int | None = None,
    lock: bool = False,
) -> list[Room]:
    slots = Slot.objects.filter(
        hour__in=hours,
        closed_at=None,
        site__state=Site.State.VERIFIED,
        site__resource_class_id=resource_class_id,
    )
    if region_id is not None:
        slots = slots.filter(site__region_id=region_id)
    if sites is None:
        slots = slots.exclude(source__startswith=LISTED)
    else:
        slots = slots.filter(site_id__in=sites)
    if only is not None:
        slots = slots.filter(site_id=only)
    if lock:
        # NO KEY: inserting lines takes KEY SHARE on the slots, which a plain FOR UPDATE would block
        slots = slots.select_for_update(no_key=True, of=("self",)).order_by("pk")
    found = [s for s in slots if sites is None or is_open(sites[s.site_id], s.hour)]
    taken: dict[int, int] = {}
    if own_share:
        taken = dict(
            ReservationLine.objects.filter(
                slot__in=found,
                reservation__organisation=organisation,
                reservation__state=Reservation.State.OPEN,
            )
            .values_list("slot_id")
            .annotate(total=Sum("reserved_cms"))
        )
    return [
        Room(
            slot_id=s.pk,
            site_id=s.site_id,
            hour=s.hour,
            free_cms=s.free_cms,
            weight_ppm=s.weight_ppm,
            own_limit_cms=_own_limit(s, taken.get(s.pk, 0)) if own_share else s.free_cms,
            house=s.source.startswith("site:"),
        )
        for s in found
    ]


def _own_limit(slot: Slot, taken_cms: int) -> int:
    """How much of an hour one company's open quotes may block; the first quote is always let in."""
    if taken_cms == 0:
        return slot.free_cms
    return min(slot.free_cms, max(0, share(slot.sellable_cms, policy.QUOTE_BUCKET_SHARE_PPM) - taken_cms))


@transaction.atomic
def reserve(
    *,
    organisation: Organisation,
    resource_class_id: int,
    cores: int,
    wall_s: int,
    start: datetime,
    latest_start: datetime,
    expires_at: datetime,
    cause: str,
    now: datetime,
    sites: Places = None,
    region_id: int | None = None,
    prefer: Sequence[int] = (),
    own_share: bool = True,
) -> Reservation:
    """Keep room for a run that begins between start and latest_start.

    sites: where it may run and in which hours of the week; None: anywhere in the region but in listed hours.
    Refused: no_room; not_open_now with the hour when it is open next, never_open.
    Looks without a lock first, then locks only the chosen site's slots and looks again, so that buyers
    of different sites do not wait for each other.
    """
    hours = hours_needed(start, latest_start, wall_s)
    refused_sites: set[int] = set()
    while True:
        rooms = _rooms(
            organisation=organisation,
            sites=sites,
            resource_class_id=resource_class_id,
            region_id=region_id,
            hours=hours,
            own_share=own_share,
        )
        rooms = [r for r in rooms if r.site_id not in refused_sites]
        guess = place(
            rooms, start=start, latest_start=latest_start, cores=cores, wall_s=wall_s, prefer=prefer
        )
        if guess is None:
            raise _no_room(sites, start, latest_start, wall_s)
        locked = _rooms(
            organisation=organisation,
            sites=sites,
            resource_class_id=resource_class_id,
            region_id=region_id,
            hours=hours,
            own_share=own_share,
            only=guess.site_id,
            lock=True,
        )
        found = place(locked, start=start, latest_start=latest_start, cores=cores, wall_s=wall_s)
        if found is not None:
            return _write(
                found, organisation=organisation, cores=cores, cause=cause, expires_at=expires_at, now=now
            )
        refused_sites.add(guess.site_id)


def _no_room(sites: Places, start: datetime, latest_start: datetime, wall_s: int) -> Refused:
    """Full, or not open at this hour: then with the hour when it is."""
    if not sites:
        return Refused("no_room")
    opens = opens_next(list(sites.values()), start=start, wait=latest_start - start, wall_s=wall_s)
    if opens is None:
        return Refused("never_open")
    return (
        Refused("no_room") if opens == start else Refused("not_open_now", opens=weights.hour_in_words(opens))
    )


def _write(
    found: Placement,
    *,
    organisation: Organisation,
    cores: int,
    cause: str,
    expires_at: datetime,
    now: datetime,
) -> Reservation:
    reservation = Reservation.objects.create(
        organisation=organisation,
        site_id=found.site_id,
        cause=cause,
        cores=cores,
        weight_ppm=found.weight_ppm,
        expires_at=expires_at,
        created_at=now,
    )
    Slot.objects.filter(pk__in=found.slot_ids).update(reserved_cms=F("reserved_cms") + found.quantity_cms)
    ReservationLine.objects.bulk_create(
        ReservationLine(reservation=reservation, slot_id=pk, reserved_cms=found.quantity_cms)
        for pk in found.slot_ids
    )
    return reservation


@transaction.atomic
def keep(*, reservation: Reservation, cause: str, now: datetime, actor: str) -> None:
    """Turn a quote's room into an order's. Refused("reservation_expired") when its time is over."""
    if reservation.expires_at is not None and reservation.expires_at <= now:
        raise Refused("reservation_expired")
    history.move(
        reservation,
        Reservation.State.KEPT,
        now=now,
        actor=actor,
        changes={"expires_at": None, "cause": cause},
    )


@transaction.atomic
def release(*, reservation: Reservation, now: datetime, actor: str, reason: str = "") -> None:
    """Give the room back. Releasing what is already given back or used does nothing."""
    locked = Reservation.objects.select_for_update(no_key=True).get(pk=reservation.pk)
    if locked.state in (Reservation.State.RELEASED, Reservation.State.USED):
        return
    _give_back(locked, {})
    history.move(locked, Reservation.State.RELEASED, now=now, actor=actor, reason=reason)


def _give_back(reservation: Reservation, used: dict[int, int]) -> None:
    lines = list(reservation.lines.order_by("slot_id"))
    list(Slot.objects.select_for_update(no_key=True).filter(pk__in=[x.slot_id for x in lines]).order_by("pk"))
    for line in lines:
        line.used_cms = used.get(line.slot_id, 0)
        Slot.objects.filter(pk=line.slot_id).update(
            reserved_cms=F("reserved_cms") - line.reserved_cms + line.used_cms
        )
    ReservationLine.objects.bulk_update(lines, ["used_cms"])


@transaction.atomic
def use(
    *,
    reservation: Reservation,
    started_at: datetime,
    ended_at: datetime,
    total_cms: int,
    now: datetime,
    actor: str,
    failed: bool = False,
) -> int:
    """Write down what a run really took, by hour, and give the rest back. Returns the card-milliseconds placed.

    The total is laid over the hours in the proportion of the time the run spent in each. Time beyond
    the reserved quantity of an hour (an engine stops a little late) is nobody's: it is not charged.
    Doing it twice does nothing the second time.
    """
    locked = Reservation.objects.select_for_update(no_key=True).get(pk=reservation.pk)
    if locked.state in (Reservation.State.RELEASED, Reservation.State.USED):
        return sum(x.used_cms or 0 for x in locked.lines.all())
    lines = list(locked.lines.select_related("slot").order_by("slot__hour"))
    used = spread(
        [(line.slot_id, line.slot.hour, line.reserved_cms) for line in lines],
        started_at=started_at,
        ended_at=ended_at,
        total_cms=total_cms,
    )
    _give_back(locked, used)
    if failed:
        locked.lines.update(is_failed=True)
    history.move(locked, Reservation.State.USED, now=now, actor=actor, reason="failed" if failed else "")
    return sum(used.values())


def spread(
    slots: Sequence[tuple[int, datetime, int]], *, started_at: datetime, ended_at: datetime, total_cms: int
) -> dict[int, int]:
    """Lay a run's card-milliseconds over hours, each up to what is reserved there. Pure.

    Hours outside the reserved ones count with the nearest reserved hour.
    """
    if not slots:
        return {}
    left, result = total_cms, {}
    length_ms = max(1, int((ended_at - started_at).total_seconds() * 1000))
    for index, (slot_id, hour, reserved) in enumerate(slots):
        begin = started_at if index == 0 else max(started_at, hour)
        end = ended_at if index == len(slots) - 1 else min(ended_at, hour + timedelta(hours=1))
        inside = max(0, int((end - begin).total_seconds() * 1000))
        wanted = left if index == len(slots) - 1 else min(left, total_cms * inside // length_ms)
        result[slot_id] = min(wanted, reserved)
        left -= wanted
    return result


def expire_reservations(*, now: datetime, limit: int = 200) -> int:
    """Give back the room of quotes whose time is over. Safe to repeat and to run twice at once."""
    due = Reservation.objects.filter(state=Reservation.State.OPEN, expires_at__lte=now).order_by("pk")[:limit]
    for reservation in due:
        release(reservation=reservation, now=now, actor="system:sweep", reason="expired")
    return len(due)


@transaction.atomic
def recall(*, slot: Slot, quantity_cms: int, now: datetime) -> int:
    """Take hours back that nobody has reserved; returns how much was taken. Never an hour already allocated.

    Whoever takes all that is free takes the part too that was never for sale (quantity above availability).
    """
    locked = Slot.objects.select_for_update(no_key=True).get(pk=slot.pk)
    take = max(0, min(quantity_cms, locked.free_cms)) if locked.closed_at is None else 0
    if not take:
        return 0
    if take == locked.free_cms:
        take = locked.quantity_cms - locked.recalled_cms - locked.reserved_cms
        Slot.objects.filter(pk=locked.pk).update(
            sellable_cms=F("quantity_cms"), recalled_cms=F("quantity_cms") - F("reserved_cms")
        )
    else:
        Slot.objects.filter(pk=locked.pk).update(recalled_cms=F("recalled_cms") + take)
    return take


@transaction.atomic
def give_again(*, slots: Sequence[int], source: str, quantity: int, now: datetime) -> int:
    """Give a new deposit hours that were taken back whole or are listed and free. Returns how many."""
    locked = list(
        Slot.objects.select_for_update(no_key=True, of=("self",))
        .select_related("site")
        .filter(
            Q(recalled_cms=F("quantity_cms")) | Q(source__startswith=LISTED),
            pk__in=slots,
            closed_at=None,
            reserved_cms=0,
            hour__gt=now,
        )
        .order_by("pk")
    )
    for slot in locked:
        slot.source, slot.recalled_cms, slot.quantity_cms = source, 0, quantity * CARD_HOUR_CMS
        slot.sellable_cms = share(slot.quantity_cms, slot.site.availability_ppm)
        slot.weight_ppm = weights.default_weight_ppm(slot.hour)
        slot.save(update_fields=["source", "recalled_cms", "quantity_cms", "sellable_cms", "weight_ppm"])
    return len(locked)


def heartbeat(*, site: Site, now: datetime) -> None:
    """The site's engine answered in this minute. Counts each minute once."""
    minute = now.replace(second=0, microsecond=0)
    fresh = (
        Site.objects.filter(pk=site.pk)
        .filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=minute))
        .update(heartbeat_at=now)
    )
    if fresh:
        Slot.objects.filter(site=site, hour=hour_of(now), closed_at=None, live_minutes__lt=60).update(
            live_minutes=F("live_minutes") + 1
        )
