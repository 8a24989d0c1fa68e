"""Secrets that are shown once and kept as a hash. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets

BYTES = 32
NO_HASH = "0" * 64


def fresh() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(BYTES)


def hash_of(secret: str) -> str:
    """sha256 is enough: the secret is random bits, not a person's password."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def same(secret: str, known_hash: str | None) -> bool:
    """Compared in constant time, also where there is nothing to compare with."""
    return hmac.compare_digest(hash_of(secret), known_hash or NO_HASH) and known_hash is not None
