"""What a demonstration does after its clock was set forward: each room's work that has become due.

A room appends its own in AppConfig.ready(); `manage.py demo_clock` calls them in order, each safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

ticks: list[Callable[[datetime], None]] = []
