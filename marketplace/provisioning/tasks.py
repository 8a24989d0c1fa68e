"""Celery's door to provisioning."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from portal.core import clock

from . import verification
from .models import Site

AGAIN_S = 2


@shared_task(name="provisioning.verify", ignore_result=True)
def verify(site_id: int, **kwargs) -> None:
    site = verification.advance(site_id=site_id, now=clock.now(), actor="system:provisioning.verify")
    if site.state == Site.State.VERIFYING:
        wait = site.verify_due_at - clock.now() if site.verify_due_at else timedelta()
        verify.apply_async(args=(site_id,), countdown=max(AGAIN_S, wait.total_seconds()))


@shared_task(name="provisioning.sweep", ignore_result=True)
def sweep(**kwargs) -> None:
    """Benchmarks that a lost message forgot, and a heartbeat of every site."""
    now = clock.now()
    for site_id in verification.due(now=now):
        verification.advance(site_id=site_id, now=now, actor="system:provisioning.sweep")
    verification.beat_all(now=now)
