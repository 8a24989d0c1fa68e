"""What this room must be told about companies, because it stands below the room that knows them.

`Grant` is what an answer to "who asks?" looks like: portal.accounts' ApiKey and Membership both do.
portal.accounts sets `grant_of_session` when the project starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rest_framework.request import Request


class Grant(Protocol):
    """For which company somebody acts, and what they may do for it."""

    organisation: Any

    @property
    def actor(self) -> str:
        """`key:key_…` or `user:12`, as history writes it."""

    def grants(self, scope: str) -> bool:
        """May this key or person do what needs that right?"""


def _nobody(request: Request) -> Grant | None:
    return None


grant_of_session: Callable[[Request], Grant | None] = _nobody
