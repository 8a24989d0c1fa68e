"""Celery's door to this room."""

from celery import shared_task

from portal.core import clock

from . import idempotency


@shared_task(name="api.sweep", ignore_result=True)
def sweep(**kwargs) -> None:
    """Forget expired answers."""
    while idempotency.sweep(now=clock.now()) == idempotency.SWEEP_ROWS:
        pass
