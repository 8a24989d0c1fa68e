"""`make bench`: runs every room's `bench.py` against PostgreSQL that syncs to disk, in a folder thrown away.

A room's bench.py has `run() -> [{name, value, unit, peer, ratio}]`; a name begins with the room's
(`ledger.transfers_per_s`), and each room finds a database of its own as `make run` first leaves it.
One line a figure, `NAME value unit [ratio to PEER]`; all of them as JSON in the file BENCH_JSON.

`make bench-peers`: what a room's `peers/` measures, `run(python) -> rows`, where `python` is that of an environment
with what peers/requirements.txt names; it is made once below .data/peers and never mixes with ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
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


def environment(folder: Path) -> Path:
    """The Python of the environment with what `folder`/requirements.txt names; installed when that changed."""
    wanted = folder / "requirements.txt"
    home = ROOT / ".data" / "peers" / folder.parent.name
    python, stamp = home / "bin" / "python", home / "installed"
    known = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == known):
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", wanted], check=True, stdout=sys.stderr)
        stamp.write_text(known)
    return python


def beside_peers(bench: str) -> list[Row]:
    """The figures that the room of that bench.py measures beside others; none where it has no peers/."""
    folder = ROOT.joinpath(*bench.split(".")[:-1], "peers")
    if not folder.is_dir():
        return []
    rows: list[Row] = import_module(bench.removesuffix("bench") + "peers").run(environment(folder))
    return rows


def alone(bench: str) -> list[Row]:
    rows: list[Row] = import_module(bench).run()
    return rows


def main(*arguments: str) -> int:
    only = next((text for text in arguments if not text.startswith("-")), "")
    measure, chosen = beside_peers if "--peers" in arguments else alone, rooms(only)
    if not chosen:
        sys.stderr.write(f"No figure begins with {only!r}.\n")
        return 1
    figures: list[Row] = []
    with site():
        for room, bench in chosen:
            with database_of(room):
                rows = checked(room, measure(bench))
            for row in rows:
                if row["name"].startswith(only):
                    figures.append(row)
                    sys.stdout.write(line(row) + "\n")
                    sys.stdout.flush()
    if os.environ.get("BENCH_JSON"):
        Path(os.environ["BENCH_JSON"]).write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
