"""Providers' secrets at rest: sealed with Fernet (AES-128-CBC and HMAC-SHA256), opened only to call their servers.

Keys come from SUANLI_SECRET_KEYS, newest first: the first seals, all of them open. Where nothing is produced
(DEBUG, tests, the embedded services) one is made from SECRET_KEY. A secret is never logged and never shown again.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from portal.core.errors import Refused


def seal(text: str) -> str:
    """What may be stored. Refused secrets_not_set_up without a key."""
    return _box().encrypt(text.encode()).decode()


def open_(text: str) -> str:
    """What was sealed, under whichever of the keys. Refused secret_unreadable when none of them opens it."""
    try:
        return _box().decrypt(text.encode()).decode()
    except InvalidToken:
        raise Refused("secret_unreadable") from None  # without what it was


def is_newest(text: str) -> bool:
    """Whether it is sealed under the newest key."""
    try:
        _fernets()[0].decrypt(text.encode())
    except InvalidToken:
        return False
    return True


def _box() -> MultiFernet:
    return MultiFernet(_fernets())


def _fernets() -> list[Fernet]:
    keys = list(settings.SUANLI_SECRET_KEYS)
    if not keys and settings.SECRETS_FROM_SECRET_KEY:
        digest = hashlib.sha256(b"suanli: providers' secrets\0" + settings.SECRET_KEY.encode()).digest()
        keys = [base64.urlsafe_b64encode(digest).decode()]
    try:
        fernets = [Fernet(key) for key in keys]
    except ValueError:
        fernets = []
    if not fernets:
        raise Refused("secrets_not_set_up")
    return fernets
