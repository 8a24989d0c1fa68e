"""What higher rooms say on this room's pages. Imports go down only, so they put functions here at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from portal.accounts.models import Organisation


@dataclass(frozen=True)
class Tied:
    """Why some banked hours are not free: a heading, a sentence with its figures, and the page where it stands."""

    what: str
    says: str
    url: str
    link: str


# each says what a company has pledged banked hours for
ties: list[Callable[[Organisation, datetime], list[Tied]]] = []
