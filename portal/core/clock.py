"""What time it is. Doors ask here and hand `now` to the domain; the domain never looks at a clock.

With DEMO=1 the clock may be set forward (never back) by a stored offset, so that a demonstrator can
live through a night in seconds; the room portal.history keeps the offset and tells us with
`use_offset`. Without DEMO there is no offset.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_offset: Callable[[], timedelta] | None = None
_known: tuple[float, timedelta] = (0.0, timedelta(0))
CACHE_S = 1.0


def use_offset(source: Callable[[], timedelta] | None) -> None:
    """Take the demonstration's offset from here; None takes it away."""
    global _offset, _known
    _offset, _known = source, (0.0, timedelta(0))


def forget() -> None:
    """Read the offset anew at the next question (after it was moved in this process)."""
    global _known
    _known = (0.0, _known[1])


def offset() -> timedelta:
    global _known
    if _offset is None:
        return timedelta(0)
    read_at, value = _known
    if time.monotonic() - read_at > CACHE_S or read_at == 0.0:
        value = max(value, _offset())
        _known = (time.monotonic(), value)
    return value


def now() -> datetime:
    return datetime.now(UTC) + offset()


def hour_of(at: datetime) -> datetime:
    """The UTC hour that an instant lies in; the hour buckets of the pool start there."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
