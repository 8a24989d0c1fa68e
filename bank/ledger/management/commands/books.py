"""`manage.py books check`: prove the books. `books close`: close the day. `books roll_up`: count what floorless
accounts collected."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bank.ledger import actions, proof
from bank.ledger.models import DayClose
from portal.core import clock
from portal.core.errors import Refused


class Command(BaseCommand):
    help = ("check: prove every balance, hold, route, lot and closed day. close: close the books up to the end of"
            " yesterday. roll_up: add what floorless accounts collected.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["check", "close", "roll_up"])
        parser.add_argument("--closings", type=Path, help="check: against this file of closings instead of the site's")

    def handle(self, *args: Any, what: str, closings: Path | None = None, **options: Any) -> None:
        if closings and not closings.is_file():
            raise CommandError(f"There is no file {closings}.")
        if what == "roll_up":
            self.stdout.write(f"{actions.roll_up():,} amounts added to their balances")
        elif what == "close":
            self.close_day()
        else:
            self.check_books(closings)

    def close_day(self) -> None:
        try:
            fresh = actions.close_day(now=clock.now())
        except Refused as refused:
            raise CommandError(str(refused)) from None
        last = fresh or DayClose.objects.order_by("-number").first()
        if last is None:  # somebody else is at the first one
            self.stdout.write("Another close is under way.")
            return
        if fresh is None:
            self.stdout.write("Nothing to close.")
        self.stdout.write(f"Closed up to {last.day}: number {last.number}, {last.journals:,} entries, {last.hash}")

    def check_books(self, closings: Path | None) -> None:
        begun, wrong = time.monotonic(), 0
        for outcome in proof.prove(closings=closings):
            if not outcome.wrong:
                self.stdout.write(f"ok     {outcome.check.name:<11} {outcome}")
                continue
            wrong += len(outcome.wrong)
            self.stdout.write(f"WRONG  {outcome.check.name:<11} not true that: {outcome}")
            for subject, saying in outcome.wrong[:proof.SHOWN]:
                self.stdout.write(f"       {subject}: {saying}")
            if len(outcome.wrong) > proof.SHOWN:
                self.stdout.write(f"       and {len(outcome.wrong) - proof.SHOWN} more")
        took_ms = round((time.monotonic() - begun) * 1000)
        if wrong:
            raise CommandError(f"The books are wrong in {wrong} places (looked for {took_ms} ms).")
        self.stdout.write(f"The books are right ({took_ms} ms).")
