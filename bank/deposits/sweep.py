"""Everything of this room that has become due, found by its time. Safe to repeat."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace.dispatch.models import Site, Slot
from marketplace.engines.base import EngineUnavailable
from marketplace.provisioning.drivers import engine_of, site_ref
from portal.history.models import ClockJump

from . import actions, closing, payouts

HOUR = timedelta(hours=1)
MOST_JUMPED = timedelta(days=62)  # an older jump has been marked long ago


def run_due(*, now: datetime, house_past: bool = False) -> dict[str, int]:
    """Open coming hours, close hours that are over, pay what follows; returns how many of each."""
    opened = actions.open_all(now=now)
    closed = closing.close_due(now=now, house_past=house_past)
    if closed:
        fresh = Site.objects.filter(slots__close__closed_at=now, always_open=False).distinct()
        for site in fresh:
            actions.refresh_availability(site=site, now=now)
    return {
        "opened": opened,
        "closed": closed,
        "idle_uy": payouts.settle_idle_due(now=now),
        "released": payouts.release_holdbacks(now=now),
        "paid_out": payouts.pay_out_due(now=now),
    }


def tick(now: datetime) -> None:
    """For `manage.py demo_clock`: mark what was skipped, then do what has become due."""
    actions.open_all(now=now)
    mark_simulated(now=now)
    run_due(now=now, house_past=True)


def mark_simulated(*, now: datetime) -> int:
    """Slots that lie in time which a demonstration skipped: marked, and live if the engine answers now.

    Safe to repeat: minutes are those of all jumps together, never added twice. Returns how many are new.
    """
    jumps = list(ClockJump.objects.filter(to_at__lte=now, to_at__gt=now - MOST_JUMPED))
    if not jumps:
        return 0
    answers: dict[int, bool] = {}
    done = 0
    first, last = min(j.from_at for j in jumps), max(j.to_at for j in jumps)
    open_slots = Slot.objects.filter(closed_at=None, hour__gt=first - HOUR, hour__lt=last).select_related(
        "site"
    )
    for slot in open_slots:
        skipped = sum(
            (max(timedelta(0), min(j.to_at, slot.hour + HOUR) - max(j.from_at, slot.hour)) for j in jumps),
            timedelta(0),
        )
        minutes = min(60, (int(skipped.total_seconds()) + 30) // 60)  # a stop on the full hour takes a second
        if not minutes:
            continue
        if slot.site_id not in answers:
            answers[slot.site_id] = slot.site.state == Site.State.VERIFIED and is_there(slot.site)
        live = max(slot.live_minutes, minutes) if answers[slot.site_id] else slot.live_minutes
        if live != slot.live_minutes or not slot.is_simulated:
            done += Slot.objects.filter(pk=slot.pk, closed_at=None).update(
                is_simulated=True, live_minutes=live
            )
    return done


def is_there(site: Site) -> bool:
    """Whether the site's engine answers."""
    try:
        engine_of(site).capacity(site_ref(site))
    except EngineUnavailable:
        return False
    return True
