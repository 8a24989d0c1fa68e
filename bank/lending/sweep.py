"""What becomes due in this room: offers and applications that expire, nightly interest, margin calls."""

from __future__ import annotations

from datetime import datetime

from . import actions


def run_due(*, now: datetime) -> None:
    """Everything that is due; safe to repeat and to run beside itself."""
    actions.expire(now=now)
    actions.check_margins(now=now)
