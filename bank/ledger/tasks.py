"""Jobs that keep the books tidy; each may be repeated, lost, or run twice at once."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from portal.core import clock

from . import actions, proof


@shared_task(name="ledger.sweep")
def sweep(**kwargs: Any) -> None:
    """Release overdue holds, expire overdue banked hours, count what floorless accounts collected."""
    now = clock.now()
    actions.expire_holds(now=now)
    actions.expire_lots(now=now)
    actions.roll_up()


@shared_task(name="ledger.close_day")
def close_day(**kwargs: Any) -> None:
    """Close the books once a day, soon after the platform's midnight; a machine that slept closes once for all days."""
    actions.close_day(now=clock.now())


@shared_task(name="ledger.prove")
def prove(**kwargs: Any) -> None:
    """The quick proof of the books; the staff's board says what it found."""
    proof.remember(now=clock.now(), actor="system:prove")
