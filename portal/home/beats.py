"""Whether anybody works on the queue: a worker leaves a beat, every page looks at it."""

from __future__ import annotations

import time

from django.core.cache import cache

KEY = "worker-beat"
FRESH_S = 45


def beat() -> None:
    """Called by the worker every few seconds."""
    cache.set(KEY, int(time.time()), timeout=3600)


def worker_is_alive() -> bool:
    """False when the last beat is old, or when the cache itself is away."""
    try:
        last = cache.get(KEY)
    except Exception:  # without Redis nothing is worked on either
        return False
    return last is not None and time.time() - last < FRESH_S
