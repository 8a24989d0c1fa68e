"""What the running gateway must be told; its own processes hang on when they start."""

from __future__ import annotations

from collections.abc import Callable

# called after the commit with the public id of a key that was revoked or has other limits now
key_changed: list[Callable[[str], None]] = []
