"""Pull usage from sites. Pulling twice counts once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max

from marketplace.dispatch.models import Site
from marketplace.engines.base import EngineUnavailable
from marketplace.provisioning.drivers import engine_of, site_ref
from marketplace.provisioning.models import Allocation

from .models import UsageRecord

WAIT = timedelta(minutes=5)  # how long a bill waits for a site that does not answer


def pull(*, site: Site, now: datetime) -> int:
    """Fetch what the site counted since the last time; returns the number of new records."""
    since = UsageRecord.objects.filter(site=site).aggregate(top=Max("seq"))["top"] or 0
    reported, _next = engine_of(site).usage(site_ref(site), since)
    known = dict(
        Allocation.objects.filter(public_id__in=[u.key for u in reported], site=site).values_list(
            "public_id", "pk"
        )
    )
    rows = [
        UsageRecord(
            site=site,
            seq=u.seq,
            allocation_id=known[u.key],
            native_id=u.native_id,
            core_ms=u.core_ms,
            cpu_ms=u.cpu_ms,
            mem_peak_bytes=u.mem_peak_bytes,
            native_started_at=u.started_at,
            native_ended_at=u.ended_at,
            recorded_at=now,
        )
        for u in reported
        if u.key in known
    ]
    before = UsageRecord.objects.filter(site=site).count()
    UsageRecord.objects.bulk_create(rows, ignore_conflicts=True)
    return UsageRecord.objects.filter(site=site).count() - before


def usage_of(*, allocation: Allocation, now: datetime) -> UsageRecord | None:
    """The record of an ended allocation, pulled if it is not here yet.

    None when the site never ran it or has not answered for so long that the customer should not wait:
    what was not counted is not charged. Raises EngineUnavailable while waiting is still reasonable.
    """
    found = UsageRecord.objects.filter(allocation=allocation).first()
    if found or not allocation.native_id:
        return found
    try:
        pull(site=allocation.site, now=now)
    except EngineUnavailable:
        if allocation.ended_at and now - allocation.ended_at < WAIT:
            raise
    return UsageRecord.objects.filter(allocation=allocation).first()
