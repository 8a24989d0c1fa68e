"""Identifiers that may be seen outside: a prefix and a UUIDv7, so that they sort by time."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
SHIFTS = range(120, -1, -10)  # 13 pairs of digits: 130 bits


def uuid7_int() -> int:
    """128 bits: 48 of Unix milliseconds, version 7, variant 2, the rest random (RFC 9562)."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return (
        (millis << 80) | (7 << 76) | ((random >> 68 & 0xFFF) << 64) | (2 << 62) | (random & ((1 << 62) - 1))
    )


def made_at(name: str) -> datetime:
    """When an identifier was made, by the clock of the machine that made it; to the millisecond."""
    value = 0
    for char in name.rpartition("_")[2]:
        value = value << 5 | ALPHABET.index(char)
    return datetime.fromtimestamp((value >> 80) / 1000, UTC)


def public_id(prefix: str) -> str:
    """`ord_` + 26 characters."""
    value = uuid7_int()
    return f"{prefix}_{''.join([PAIRS[value >> shift & 1023] for shift in SHIFTS])}"
