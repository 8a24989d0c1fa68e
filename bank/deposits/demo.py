"""The demonstration's depositor: Yongli Mould's night shop, verified, funded against, and some nights behind it.

Through the real actions on an earlier clock; what happened then is marked as simulated. Safe to repeat.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from marketplace.catalogue.models import Region, ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site, Slot
from marketplace.provisioning import verification
from portal.accounts.models import Organisation
from portal.core.clock import hour_of
from portal.core.words import local

from . import actions, sweep
from .models import Deposit

ACTOR = "system:demo"
NAME = "夜班车间 Night shop"
RESERVE_UY = 20_000_000_000
NIGHTS_BEHIND = 8
WEEKS_AHEAD = 8
BENCHMARK_S = 240  # it is tried again by itself when the machine is busy
NIGHTS = [day * 24 + hour for day in range(7) for hour in range(24) if hour < 8 or hour >= 22 or day >= 5]


def seed(now: datetime, say: Callable[[str], None] = lambda text: None) -> Deposit | None:
    """Register, verify, fund, deposit; then close the nights since. None when the benchmark was not reached."""
    early = now - timedelta(days=NIGHTS_BEHIND)
    actions.fund_reserve(amount_uy=RESERVE_UY, key="demo", now=early, actor=ACTOR)
    site = _verified(_site(early), now)
    say(f"{site.name}: {site.state}")
    if site.state != Site.State.VERIFIED:
        return None
    made = Deposit.objects.filter(site=site).first()
    if made is None:
        made = actions.deposit(
            organisation=site.organisation,
            site=site,
            hours=NIGHTS,
            cards=site.cards,
            from_date=local(early).date(),
            to_date=(local(now) + timedelta(weeks=WEEKS_AHEAD)).date(),
            now=early,
            actor=ACTOR,
            mode=Deposit.Mode.FIRM,
            payout=Deposit.Payout.HOURS,
        )
        # every later day was opened by the sweep of the day before
        for days in range(NIGHTS_BEHIND):
            actions.open_coming(deposit=made, now=early + timedelta(days=days))
        _live_through(site, now)
    actions.open_coming(deposit=made, now=now)
    return made


def close_past(now: datetime) -> dict[str, int]:
    """Close every hour that is over, the house's demonstrated ones too: when all demonstration runs are done."""
    return sweep.run_due(now=now, house_past=True)


def _site(early: datetime) -> Site:
    owner = Organisation.objects.get(slug="yongli")
    known = Site.objects.filter(organisation=owner, name__in=[NAME, "Night shop"]).first()
    if known is not None:
        return known
    region = (
        Region.objects.filter(key__startswith="zhejiang").first() or Region.objects.order_by("pk").first()
    )
    return dispatch.register_site(
        organisation=owner,
        name=NAME,
        region=region,
        resource_class=ResourceClass.objects.get(key="cpu"),
        cards=max(2, os.cpu_count() or 2),
        now=early,
        actor=ACTOR,
    )


def _verified(site: Site, now: datetime) -> Site:
    """Run the benchmark to its end; a worker may be at it as well."""
    began = time.monotonic()
    if site.state in (Site.State.REGISTERED, Site.State.FAILED):
        verification.start(site=site, now=now, actor=ACTOR)
    while site.state == Site.State.VERIFYING and time.monotonic() - began < BENCHMARK_S:
        passed = timedelta(seconds=time.monotonic() - began)
        site = verification.advance(site_id=site.pk, now=now + passed, actor=ACTOR)
        time.sleep(0.3)
    return site


def _live_through(site: Site, now: datetime) -> None:
    """The nights that lie behind were never lived: marked, and live because the engine answers now."""
    if sweep.is_there(site):
        Slot.objects.filter(site=site, hour__lt=hour_of(now), closed_at=None).update(
            is_simulated=True, live_minutes=60
        )
    else:
        Slot.objects.filter(site=site, hour__lt=hour_of(now), closed_at=None).update(is_simulated=True)
