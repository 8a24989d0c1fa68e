"""Compiles the message catalogues (.po) to what Django reads (.mo), without GNU gettext."""

from __future__ import annotations

from pathlib import Path

import polib
from django.conf import settings


def catalogues() -> list[Path]:
    """Every django.po below LOCALE_PATHS."""
    return sorted(p for folder in settings.LOCALE_PATHS for p in Path(folder).glob("*/LC_MESSAGES/django.po"))


def build(*, force: bool = False) -> list[Path]:
    """Compile what is newer than its compiled form; returns what was written."""
    written = []
    for source in catalogues():
        target = source.with_suffix(".mo")
        if not force and target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        beside = target.with_suffix(".mo.new")
        polib.pofile(str(source)).save_as_mofile(str(beside))
        beside.replace(target)
        written.append(target)
    return written
