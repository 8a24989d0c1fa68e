"""manage.py check_translations: every language but the source has every string, with its placeholders."""

from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import to_locale

from portal.core import translations


class Command(BaseCommand):
    help = "Fails, with a line for each message, where a catalogue is incomplete."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = translations.extract()
        said = []
        for code, _name in settings.LANGUAGES:
            if code == settings.LANGUAGE_CODE:  # the source: its messages are the ids
                continue
            locale = to_locale(code)
            path = settings.LOCALE_PATHS[0] / locale / "LC_MESSAGES" / "django.po"
            if not path.exists():
                raise CommandError(f"{path.relative_to(settings.BASE_DIR)} is missing.")
            catalogue = polib.pofile(str(path))
            said += [f"{locale} {line}" for line in translations.complaints(catalogue, wanted)]
            for text in translations.unused(catalogue, wanted):
                self.stdout.write(f"note: {locale} has a message that nothing shows: {text!r}")
        for line in said:
            self.stderr.write(line)
        if said:
            raise CommandError(f"{len(said)} of {len(wanted)} messages are not well translated.")
