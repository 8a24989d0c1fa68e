"""Identifiers that may be seen outside: a prefix and a UUIDv7, so that they sort by time."""

from __future__ import annotations

import os
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
LENGTH = 26


def uuid7_int() -> int:
    """128 bits: 48 of Unix milliseconds, version 7, variant 2, the rest random (RFC 9562)."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return (
        (millis << 80) | (7 << 76) | ((random >> 68 & 0xFFF) << 64) | (2 << 62) | (random & ((1 << 62) - 1))
    )


def public_id(prefix: str) -> str:
    """`ord_` + 26 characters."""
    value, digits = uuid7_int(), []
    for _ in range(LENGTH):
        value, rest = divmod(value, 32)
        digits.append(ALPHABET[rest])
    return f"{prefix}_{''.join(reversed(digits))}"
