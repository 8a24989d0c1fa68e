"""manage.py gateway_meter: brings what the doors counted into the books. Run one on every machine with doors."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from marketplace.gateway.serving import run_meter


class Command(BaseCommand):
    help = "Books calls of models, gives back what was set aside for them, and settles calls of doors that died."

    def handle(self, *args: Any, **options: Any) -> None:
        run_meter()
