"""What higher rooms want to know of this one.

Imports go down only, so the shelves cannot look at machines; the room of the sites puts its question here when
the project starts (AppConfig.ready). Plain lists, called in the same transaction; a check refuses by raising.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.accounts.models import Organisation

from .models import Offering

before_submit: list[Callable[[Offering], Any]] = []
# where a provider's machines stand, as the first choices of a new draft: {"region": …, "resource_class": …}
first_choices: list[Callable[[Organisation], dict[str, Any]]] = []
# what higher rooms bring with them: each brings its tables up to its files and says what changed, a line a row
references: list[Callable[[], list[str]]] = []
