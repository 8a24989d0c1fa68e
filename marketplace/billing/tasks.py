"""Celery's door to billing."""

from __future__ import annotations

from celery import shared_task

from portal.core import clock

from . import months


@shared_task(name="billing.close_month", ignore_result=True)
def close_month(**kwargs) -> None:
    """Daily: whoever has no bill of last month gets one."""
    months.close_due(now=clock.now())
