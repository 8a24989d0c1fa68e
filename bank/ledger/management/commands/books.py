"""`manage.py books check`: prove the books. `books roll_up`: count what floorless accounts collected."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bank.ledger import actions, proof


class Command(BaseCommand):
    help = "check: prove every balance, hold, route and lot. roll_up: add what floorless accounts collected."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["check", "roll_up"])

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        if what == "roll_up":
            self.stdout.write(f"{actions.roll_up():,} amounts added to their balances")
            return
        self.check_books()

    def check_books(self) -> None:
        begun, wrong = time.monotonic(), 0
        for outcome in proof.prove():
            if not outcome.wrong:
                self.stdout.write(f"ok     {outcome.check.name:<10} {outcome}")
                continue
            wrong += len(outcome.wrong)
            self.stdout.write(f"WRONG  {outcome.check.name:<10} not true that: {outcome}")
            for subject, saying in outcome.wrong[:proof.SHOWN]:
                self.stdout.write(f"       {subject}: {saying}")
            if len(outcome.wrong) > proof.SHOWN:
                self.stdout.write(f"       and {len(outcome.wrong) - proof.SHOWN} more")
        took_ms = round((time.monotonic() - begun) * 1000)
        if wrong:
            raise CommandError(f"The books are wrong in {wrong} places (looked for {took_ms} ms).")
        self.stdout.write(f"The books are right ({took_ms} ms).")
