"""Where an offering runs and in which hours of the week, and how those hours come into the pool.

A provider's offering runs at the sites of its listings only; one of the platform's own without a listing runs
anywhere in the pool. Listed hours that no deposit has brought stand in the pool two days ahead under the source
`listed:<site>`: they serve the offerings that are listed there and nobody else, and what runs in them is paid to
the site's owner in cash. A site-hour is one slot, so it is either listed or deposited: a deposit takes over what
nobody has reserved yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from marketplace.catalogue.models import Offering
from portal.accounts.models import Organisation
from portal.core.clock import hour_of
from portal.core.errors import Refused
from portal.history import actions as history

from . import actions
from .models import LISTED, Listing, Site, Slot
from .weights import hour_of_week

WEEK = 168
LISTABLE = {Offering.State.DRAFT, Offering.State.PUBLISHED, Offering.State.PAUSED}


def fits(offering: Offering, site: Site) -> bool:
    """Of the offering's company, class and region: buyers were promised these."""
    return (site.organisation_id, site.resource_class_id, site.region_id) == (
        offering.provider_id,
        offering.resource_class_id,
        offering.region_id,
    )


def needs_listing(offering: Offering) -> bool:
    return offering.provider.role != Organisation.Role.PLATFORM


@transaction.atomic
def list_offering(
    *, offering: Offering, hours: Mapping[Site, Collection[int]], now: datetime, actor: str
) -> list[Listing]:
    """From now on an offering runs at these sites, each in these hours of the week (all when empty).

    Replaces what was chosen before; quotes that were given keep their room.
    Refused: waits_for_approval (what is approved is what was seen), bad_move (archived), hours_of_week_wrong,
    site_does_not_fit, site_not_verified, site_needed (an offering on the shelf keeps at least one).
    """
    # one choice at a time, and never beside a submission that looks at it
    locked = Offering.objects.select_for_update(no_key=True, of=("self",)).get(pk=offering.pk)
    if locked.state == Offering.State.SUBMITTED:
        raise Refused("waits_for_approval")
    if locked.state not in LISTABLE:
        raise Refused("bad_move", what=offering.public_id, before=locked.state, after="listed")
    known = set(Listing.objects.filter(offering=locked).values_list("site_id", flat=True))
    for site, week in hours.items():
        if any(not 0 <= hour < WEEK for hour in week):
            raise Refused("hours_of_week_wrong")
        if not fits(locked, site):
            raise Refused("site_does_not_fit", site=site.name)
        if site.pk not in known and site.state != Site.State.VERIFIED:
            raise Refused("site_not_verified")
    if not hours and needs_listing(offering) and locked.state != Offering.State.DRAFT:
        raise Refused("site_needed")
    Listing.objects.filter(offering=locked).exclude(site__in=hours).delete()
    rows = []
    for site, week in hours.items():
        chosen = sorted(set(week))
        row, _new = Listing.objects.update_or_create(
            offering=locked, site=site, defaults={"hours": [] if len(chosen) == WEEK else chosen}
        )
        rows.append(row)
    history.record(
        locked,
        before=locked.state,
        after=locked.state,
        now=now,
        actor=actor,
        reason="listed",
        sites=[site.public_id for site in hours],
    )
    open_listed(now=now)
    return rows


def refuse_without_site(offering: Offering) -> None:
    """Before a provider's offering is submitted: a verified site of his own is to run it. Refused("site_needed")."""
    if not needs_listing(offering):
        return
    Offering.objects.select_for_update(no_key=True, of=("self",)).get(pk=offering.pk)
    if not places_of(offering, verified=True):
        raise Refused("site_needed")


def places_of(offering: Offering, *, verified: bool = False) -> dict[int, list[int]] | None:
    """Site → hours of the week (empty: always). None: anywhere in the pool."""
    rows = Listing.objects.filter(offering=offering)
    if not needs_listing(offering) and not rows.exists():
        return None
    rows = rows.filter(
        site__organisation_id=offering.provider_id,
        site__resource_class_id=offering.resource_class_id,
        site__region_id=offering.region_id,
    )
    if verified:
        rows = rows.filter(site__state=Site.State.VERIFIED)
    return {row.site_id: row.hours for row in rows}


def open_listed(*, now: datetime) -> int:
    """Bring the coming hours of published listings into the pool; returns how many came. Safe to repeat.

    Hours that are there already (a deposit's, also one that was taken back) stay as they are. Free hours that no
    listing names any more leave.
    """
    weeks: dict[Site, set[int]] = {}
    for row in Listing.objects.filter(
        offering__state=Offering.State.PUBLISHED, site__state=Site.State.VERIFIED, site__always_open=False
    ).select_related("site"):
        weeks.setdefault(row.site, set()).update(row.hours or range(WEEK))
    ahead = [hour_of(now) + timedelta(hours=n) for n in range(actions.OPEN_AHEAD_HOURS)]
    wanted = {site: [at for at in ahead if hour_of_week(at) in week] for site, week in weeks.items()}
    _take_out({(site.pk, at) for site, hours in wanted.items() for at in hours}, now)
    return sum(
        actions.open_slots(site=site, hours=hours, source=f"{LISTED}{site.public_id}", now=now)
        for site, hours in wanted.items()
        if hours
    )


@transaction.atomic
def _take_out(wanted: set[tuple[int, datetime]], now: datetime) -> None:
    """Delete coming listed hours that are not wanted and that nobody ever reserved."""
    free = Slot.objects.filter(source__startswith=LISTED, hour__gt=now, closed_at=None, reserved_cms=0)
    stale = [pk for pk, site, at in free.values_list("pk", "site_id", "hour") if (site, at) not in wanted]
    if not stale:
        return
    # whoever reserves holds the lock of the slot until its lines are written: looked at again under the lock
    locked = list(
        free.filter(pk__in=stale)
        .select_for_update(skip_locked=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    Slot.objects.filter(pk__in=locked, lines=None).delete()
