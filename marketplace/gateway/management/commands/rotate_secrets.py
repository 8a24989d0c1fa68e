"""manage.py rotate_secrets: seals every provider's secret again under the newest key. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketplace.gateway import listing
from portal.core.errors import Refused


class Command(BaseCommand):
    help = "Seal all providers' secrets again under the first of SUANLI_SECRET_KEYS; then the old keys may go."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sealed, kept = listing.seal_again()
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"sealed again: {sealed}; already under the newest key: {kept}")
