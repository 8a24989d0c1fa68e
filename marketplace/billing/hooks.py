"""What higher rooms want to know of this one. Imports go down only, so they put functions here at the start.

Plain lists, called in the same transaction: no signals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from portal.accounts.models import Organisation
from portal.core.errors import Refused

# each says why a company may not take money out now, or None
objections: list[Callable[[Organisation, datetime], Refused | None]] = []
