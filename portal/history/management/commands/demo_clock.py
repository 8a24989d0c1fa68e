"""manage.py demo_clock --to TIME: live through hours in seconds. Only with DEMO=1, only forward."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.core import clock
from portal.core.errors import Refused
from portal.history import actions
from portal.history.models import Step
from portal.history.ticks import ticks

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
ROUNDED = timedelta(seconds=1)  # the offset has whole seconds: an hour must be over, not nearly
MAX_JUMP = timedelta(days=62)


def parse(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """`22:00` (the next one in the zone), `+8h`, `+2d`, `+30m`, or ISO 8601 (in the zone if it names none).

    Raises ValueError with a sentence.
    """
    if ahead := re.fullmatch(r"\+(\d{1,4})([dhm])", text):
        return now + timedelta(**{_UNITS[ahead[2]]: int(ahead[1])})
    if at := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text):
        here = now.astimezone(zone).replace(hour=int(at[1]), minute=int(at[2]), second=0, microsecond=0)
        return (here if here > now else here + timedelta(days=1)).astimezone(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text} is no time: write 22:00, +8h, +2d, +30m or 2026-11-24T06:00.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def stops(now: datetime, to: datetime) -> Iterator[datetime]:
    """Every full hour on the way, then the end."""
    at = clock.hour_of(now) + timedelta(hours=1)
    while at < to:
        yield at
        at += timedelta(hours=1)
    yield to


class Command(BaseCommand):
    help = "Sets the demonstration's clock forward hour by hour; after each hour does what has become due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", required=True, metavar="TIME", help="22:00, +8h, +2d, +30m or ISO 8601")

    def handle(self, *args: Any, **options: Any) -> None:
        zone = ZoneInfo(settings.PLATFORM_TZ)
        now = clock.now()
        try:
            to = parse(options["to"], now=now, zone=zone)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if to - now > MAX_JUMP:
            raise CommandError(f"At most {MAX_JUMP.days} days at once.")
        for at in stops(now, to):
            if at <= clock.now() and at != to:  # the real clock was faster
                continue
            try:
                actions.set_forward(to=at + ROUNDED)
            except Refused as refused:
                raise CommandError(str(refused)) from refused
            said = self.live()
            self.stdout.write(f"{at.astimezone(zone):%a %d %b %H:%M}  {said}")
            self.stdout.flush()

    def live(self) -> str:
        """Do what is due now; what history wrote down meanwhile, in words."""
        last = Step.objects.order_by("-id").values_list("id", flat=True).first() or 0
        for tick in ticks:
            tick(clock.now())
        steps = Step.objects.filter(id__gt=last).values_list("subject", "after")
        counted = Counter((subject.partition(":")[0], after) for subject, after in steps)
        words = [f"{n} {thing} {after}".rstrip() for (thing, after), n in sorted(counted.items())]
        return ", ".join(words) or "–"
