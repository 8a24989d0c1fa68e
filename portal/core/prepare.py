"""What must be true before the site answers: catalogues, tables, reference data, static files.

Does again only what may have changed. What the database holds is remembered in the database itself (a
comment on Django's table of migrations), so an exchanged or emptied database is prepared anew.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import ProgrammingError, connection

from . import messages

ROOMS = ("portal", "marketplace", "bank")
Say = Callable[[str], object]


def prepare(say: Say) -> bool:
    """Make the site ready; True if tables or data had to be looked at."""
    if messages.build():
        say("message catalogues built")
    static = digest([settings.BASE_DIR / "static"], {"*"})
    stamp = settings.SUANLI_DATA / "static.stamp"
    if not stamp.exists() or stamp.read_text() != static:
        say("collecting static files")
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(static)
    rooms = digest([settings.BASE_DIR / room for room in ROOMS], {"*.py", "*.json"})
    if _remembered() == rooms:
        return False
    say("preparing the database")
    with as_owner():
        call_command("migrate", interactive=False, verbosity=0)
    _call("load_reference", say)
    if settings.DEMO and command("demo"):
        _call("demo", say)
    _remember(rooms)
    return True


def _call(name: str, say: Say) -> None:
    """Run a command and pass on the last line of what it says."""
    said = io.StringIO()
    call_command(name, stdout=said)
    for line in said.getvalue().strip().splitlines()[-1:]:
        say(f"{name}: {line}")


def digest(folders: Iterable[Path], patterns: set[str]) -> str:
    """Of the files in the folders, by name and content, and of the pinned packages."""
    known = hashlib.sha256((settings.BASE_DIR / "requirements/base.txt").read_bytes())
    for folder in folders:
        for path in sorted(p for pattern in patterns for p in folder.rglob(pattern) if p.is_file()):
            known.update(f"{path.relative_to(settings.BASE_DIR)}\0{path.stat().st_size}\0".encode())
            known.update(path.read_bytes())
    return known.hexdigest()


@contextmanager
def as_owner() -> Iterator[None]:
    """Within it this process connects as the owner of the tables, if the environment names one."""
    url = os.environ.get("DATABASE_OWNER_URL")
    if not url:
        yield
        return
    from portal.settings import database

    names = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    before = {name: connection.settings_dict[name] for name in names}
    owner = database(url)
    connection.close()
    connection.settings_dict.update({key: owner[key] for key in before})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def command(name: str) -> BaseCommand | None:
    """A management command that a room brings, None if no room does."""
    room = get_commands().get(name)
    if room is None:
        return None
    return room if isinstance(room, BaseCommand) else load_command_class(room, name)


def _remembered() -> str | None:
    try:
        with connection.cursor() as c:
            c.execute("SELECT obj_description('django_migrations'::regclass, 'pg_class')")
            row = c.fetchone()
    except ProgrammingError:  # no table yet
        return None
    return row[0] if row else None


def _remember(rooms: str) -> None:
    with as_owner(), connection.cursor() as c:
        c.execute(f"COMMENT ON TABLE django_migrations IS '{rooms}'")  # takes no parameter; it is hexadecimal
