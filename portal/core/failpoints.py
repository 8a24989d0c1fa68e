"""Places where a test may make the process die. They exist only in test settings."""

from __future__ import annotations

import os

from django.conf import settings

ACTIVE = bool(getattr(settings, "TESTING", False))


def failpoint(name: str) -> None:
    """Die here, as by kill -9, when SUANLI_FAILPOINT names this place. Outside tests: nothing."""
    if ACTIVE and os.environ.get("SUANLI_FAILPOINT") == name:
        os._exit(137)
