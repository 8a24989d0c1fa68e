"""What higher rooms want to know of this one.

Imports go down only, so accounts cannot call the wallet's room; that room puts a function here when the
project starts (AppConfig.ready). Plain lists, called in the same transaction: no signals, and a failure
undoes the registration.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from .models import Organisation

after_registration: list[Callable[[Organisation, datetime], Any]] = []
