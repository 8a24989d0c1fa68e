"""Celery's door to this room."""

from __future__ import annotations

from celery import shared_task

from portal.core import clock

from . import sweep


@shared_task(name="lending.check_margins", ignore_result=True)
def check_margins(**kwargs) -> None:
    """Expire what is overdue, book the night's interest, open and close margin calls."""
    sweep.run_due(now=clock.now())
