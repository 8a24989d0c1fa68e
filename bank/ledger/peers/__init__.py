"""django-hordak under the workload of `bank/ledger/load.py`, in the same run, on the same PostgreSQL."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from .. import load

HERE = Path(__file__).parent
PEER = "django-hordak 2.0.0"


def run(python: Path) -> list[dict[str, Any]]:
    """Our figures with hordak's beside them; `python` has what requirements.txt names."""
    books = load.make_accounts()
    ours = {"transfers": load.transfers_per_s(books), "hot": load.transfers_per_s(books, hot=True)}
    theirs = _hordak(python)
    return [
        {"name": f"ledger.{name}_per_s", "value": ours[name], "unit": "1/s", "peer": f"{PEER}, {theirs[name]}/s",
         "ratio": round(ours[name] / theirs[name], 1)}
        for name in ("transfers", "hot")]


def _hordak(python: Path) -> dict[str, int]:
    """Transfers per second in a database of its own: {"transfers": over all accounts, "hot": all to one}."""
    to = load.database_of("hordak")
    told = {"clients": load.CLIENTS, "accounts": load.ACCOUNTS, "seconds": load.SECONDS, "database": {
        "NAME": to["dbname"], "USER": to.get("user"), "PASSWORD": to.get("password"), "HOST": to.get("host"),
        "PORT": to.get("port")}}
    done = subprocess.run([python, HERE / "hordak_load.py"], input=json.dumps(told), text=True, check=True,
                          stdout=subprocess.PIPE)
    return {name: int(value) for name, value in json.loads(done.stdout).items()}
