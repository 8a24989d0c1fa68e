"""Celery's door: what is due, found by its time."""

from __future__ import annotations

from celery import shared_task

from portal.core import clock

from . import closing, sweep


@shared_task(name="deposits.sweep", ignore_result=True)
def run_due(**kwargs) -> None:
    """Open coming hours, close hours that are over, settle idle pay, release hold-backs, pay out."""
    sweep.run_due(now=clock.now())


@shared_task(name="deposits.close_hour", ignore_result=True)
def close_hour(slot_id: int, **kwargs) -> None:
    """Close one slot if it can be closed."""
    closing.close_hour(slot_id=slot_id, now=clock.now())
