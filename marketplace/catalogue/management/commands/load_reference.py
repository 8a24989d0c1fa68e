"""manage.py load_reference: regions, classes with dated prices, packages, what higher rooms bring. Idempotent."""

from typing import Any

from django.core.management.base import BaseCommand

from marketplace.catalogue import reference


class Command(BaseCommand):
    help = "Loads regions, resource classes with dated prices and packages. Idempotent; prints what changed."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = reference.load()
        for line in changed:
            self.stdout.write(line)
        self.stdout.write(f"{len(changed)} changed")
