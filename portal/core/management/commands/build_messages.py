"""manage.py build_messages: .po to .mo, where one is newer than the other."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.core import messages


class Command(BaseCommand):
    help = "Compiles the message catalogues; needs no GNU gettext."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="compile also what is fresh")

    def handle(self, *args: Any, **options: Any) -> None:
        for path in messages.build(force=options["force"]):
            self.stdout.write(str(path))
