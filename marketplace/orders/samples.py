"""Free runs on sample data: no account, limited by address, on the platform's own machines."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from marketplace import recipes
from marketplace.catalogue.models import Package
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site
from marketplace.engines.base import EngineUnavailable
from marketplace.metering import actions as metering
from marketplace.provisioning import actions as provisioning
from portal import policy
from portal.accounts.models import Organisation
from portal.core.enqueue import after_commit
from portal.core.errors import Refused

from .models import SampleRun

WALL_S = 60
START_WITHIN = timedelta(minutes=2)


def allow(address: str) -> None:
    """Refused("too_many_samples") past the hourly number of one address. Counts this try."""
    key = "try:" + hashlib.sha256(address.encode()).hexdigest()[:24]
    cache.add(key, 0, timeout=3600)
    try:
        count = cache.incr(key)
    except ValueError:  # it ran out between the two lines
        count = 1
    if count > policy.SAMPLE_RUNS_PER_HOUR:
        raise Refused("too_many_samples")


@transaction.atomic
def start(*, package: Package, now: datetime) -> SampleRun:
    """Run a package on its own sample. Refused("not_available" | "no_room")."""
    if not package.is_runnable or not package.sample:
        raise Refused("not_available")
    platform = Organisation.objects.get(role=Organisation.Role.PLATFORM)
    site_ids = list(
        Site.objects.filter(organisation=platform, state=Site.State.VERIFIED).values_list("pk", flat=True)
    )
    recipe = recipes.get(package.recipe)
    run = SampleRun(package=package, created_at=now)
    run.save()
    cause = f"sample:{run.public_id}"
    site = Site.objects.filter(pk__in=site_ids).first()
    if site is None:
        raise Refused("no_room")
    wall_s = min(WALL_S, recipe.manifest.wall_s)
    cores = min(recipe.manifest.cores, site.cards)
    reservation = dispatch.reserve(
        organisation=platform,
        resource_class_id=site.resource_class_id,
        cores=cores,
        wall_s=wall_s,
        start=now,
        latest_start=now + START_WITHIN,
        expires_at=now + START_WITHIN,
        cause=cause,
        now=now,
        sites=dict.fromkeys(site_ids, ()),
        own_share=False,
    )
    dispatch.keep(reservation=reservation, cause=cause, now=now, actor="system:sample")
    run.allocation = provisioning.allocate(
        organisation=platform,
        cause=cause,
        site=reservation.site,
        reservation=reservation,
        recipe=package.recipe,
        input_key=_sample_key(package),
        params=package.params,
        cores=cores,
        memory_mb=min(recipe.manifest.memory_mb, site.memory_mb * site.cards),
        wall_s=wall_s,
        now=now,
        actor="system:sample",
    )
    run.save()
    after_commit("orders.advance_sample", run.pk)
    return run


def _sample_key(package: Package) -> str:
    """The sample, checked and cleaned like any customer's file, kept once in the storage."""
    path = recipes.FOLDER / package.sample
    digest = hashlib.sha256(path.read_bytes() + repr(sorted(package.params.items())).encode()).hexdigest()[
        :32
    ]
    key = f"samples/{digest}"
    if not default_storage.exists(key):
        with path.open("rb") as f:
            checked = recipes.get(package.recipe).check(f, path.name, package.params)
        default_storage.save(key, ContentFile(checked.clean))
    return key


def advance(*, run_id: int, now: datetime) -> SampleRun:
    """Move a sample run on; when it has ended, give its room back. Safe to repeat."""
    run = SampleRun.objects.select_related("allocation__reservation", "allocation__site", "package").get(
        pk=run_id
    )
    assert run.allocation is not None
    allocation = provisioning.advance(allocation_id=run.allocation.pk, now=now, actor="system:sample")
    if allocation.is_ended and allocation.reservation is not None:
        try:
            usage = metering.usage_of(allocation=allocation, now=now)
        except EngineUnavailable:
            return run
        dispatch.use(
            reservation=allocation.reservation,
            started_at=allocation.started_at or now,
            ended_at=now,
            total_cms=usage.core_ms if usage else 0,
            now=now,
            actor="system:sample",
        )
    run.allocation = allocation
    return run
