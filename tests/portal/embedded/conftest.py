"""Real services and real processes, in folders of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portal import embedded

ROOT = Path(__file__).resolve().parents[3]
GIVEN = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "SUANLI_TESTING", "SUANLI_DATA",
         "DJANGO_SETTINGS_MODULE", "PORT", "SITE_URL")


@pytest.fixture
def folder():
    """A data folder, not below pytest's: a socket's path must be short."""
    path = Path(tempfile.mkdtemp(prefix="suanli-test-", dir="/var/tmp"))
    yield path
    embedded.discard(path)


@pytest.fixture
def bare(folder) -> dict[str, str]:
    """The environment of somebody who has set nothing but the data folder."""
    kept = {name: value for name, value in os.environ.items() if name not in GIVEN}
    return kept | {"SUANLI_DATA": str(folder), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def python(bare):
    """(code, **environment) -> what the code printed, run in the checkout by a Python of its own."""

    def run(code: str, **more: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=bare | more, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def manage(bare):
    """(*arguments, **environment) -> the finished `manage.py`."""

    def run(*argv: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "manage.py", *argv], cwd=ROOT, env=bare | more,
                              capture_output=True, text=True, timeout=100)

    return run


def until(true: Callable[[], object], timeout_s: float = 30, what: str = "") -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether no process has this pid, or only a dead one that nobody has asked after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid), 10, f"{pid} dies")
