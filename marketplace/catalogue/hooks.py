"""What higher rooms want to know of this one.

Imports go down only, so the shelves cannot look at machines; the room of the sites puts its question here when
the project starts (AppConfig.ready). Plain lists, called in the same transaction; a check refuses by raising.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .models import Offering

before_submit: list[Callable[[Offering], Any]] = []
