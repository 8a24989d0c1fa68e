"""`make bench`: runs every room's `bench.py` against PostgreSQL that syncs to disk, in a folder thrown away.

A room's bench.py has `run() -> [{name, value, unit, peer, ratio}]`; a name begins with the room's
(`ledger.transfers_per_s`), and each room finds a database of its own as `make run` first leaves it.
One line a figure, `NAME value unit [ratio to PEER]`; all of them as JSON in the file BENCH_JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from portal import embedded

ROOT = Path(__file__).resolve().parents[1]
FIELDS = {"name", "value", "unit", "peer", "ratio"}
Row = dict[str, Any]


def rooms(only: str = "") -> list[tuple[str, str]]:
    """(room's name, module) of every bench.py whose figures may begin with `only`."""
    found = []
    for path in sorted(p for top in ("portal", "marketplace", "bank") for p in (ROOT / top).glob("*/bench.py")):
        room = path.parent.name
        if room.startswith(only) or only.startswith(f"{room}."):
            found.append((room, f"{path.parent.parent.name}.{room}.bench"))
    return found


def line(row: Row) -> str:
    text = f"{row['name']} {row['value']} {row['unit']}"
    return text if row["ratio"] is None else f"{text} {row['ratio']} to {row['peer']}"


def checked(room: str, rows: list[Row]) -> list[Row]:
    """The rows with every field; ValueError for one that is not of this room or has others."""
    whole = [{"peer": None, "ratio": None, **row} for row in rows]
    for row in whole:
        if row.keys() != FIELDS or not row["name"].startswith(f"{room}."):
            raise ValueError(f"{room}: not a figure of this room: {row}")
    return whole


@contextmanager
def site() -> Iterator[None]:
    """A prepared site on services of its own; nothing of it remains."""
    folder = Path(tempfile.mkdtemp(prefix="suanli-bench-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None))
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ |= {"SUANLI_DATA": str(folder), "DEMO": "0", "DEBUG": "0", "SITE_URL": "http://127.0.0.1"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    try:
        embedded.ensure(folder)
        import django

        django.setup()
        from portal.core import prepare

        prepare.prepare(lambda text: None)
        yield
    finally:
        embedded.stop_if_last(folder.resolve())
        embedded.discard(folder)


@contextmanager
def database_of(room: str) -> Iterator[None]:
    """A copy of the prepared database."""
    from django.core.cache import cache
    from django.db import connection, connections

    from portal.core import prepare

    original = connection.settings_dict["NAME"]
    connections.close_all()
    with prepare.as_owner():
        connection.settings_dict["NAME"] = "postgres"
        with connection.cursor() as c:
            c.execute(f'CREATE DATABASE "bench_{room}" TEMPLATE "{original}"')
    connection.settings_dict["NAME"] = f"bench_{room}"
    cache.clear()
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = original


def main(only: str = "") -> int:
    chosen = rooms(only)
    if not chosen:
        sys.stderr.write(f"No figure begins with {only!r}.\n")
        return 1
    figures: list[Row] = []
    with site():
        for room, module in chosen:
            with database_of(room):
                rows = checked(room, import_module(module).run())
            for row in rows:
                if row["name"].startswith(only):
                    figures.append(row)
                    sys.stdout.write(line(row) + "\n")
                    sys.stdout.flush()
    if os.environ.get("BENCH_JSON"):
        Path(os.environ["BENCH_JSON"]).write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
