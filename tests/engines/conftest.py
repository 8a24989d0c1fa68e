"""Real sites in a temporary folder, one per way this machine can run a work.

No database and no Django: an engine is plain Python. The contract suite takes `place`; an engine written
later joins it by adding its own kind of place here.
"""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import textwrap
import time
from pathlib import Path

import pytest

from marketplace import engines
from marketplace.engines.base import SiteRef, Status, Work
from marketplace.engines.local import cgroup, sandbox, spawn

PATIENCE_S = 30
_numbers = itertools.count(1)


class Place:
    """A site and the programs one writes for it in tests."""

    def __init__(self, folder: Path, *, engine: str = "local", cores: int = 2, **settings) -> None:
        self.folder = folder
        self.engine = engines.get(engine)
        self.root = folder / f"site-{next(_numbers)}"
        settings = {"root": str(self.root), "cores": cores, "memory_mb": 1024, "disk_mb": 64, **settings}
        self.site = SiteRef(f"site_{self.root.name}", engine, settings)

    def work(self, program: str, key: str = "", **fields) -> Work:
        number = next(_numbers)
        path = self.folder / f"program-{number}.py"
        path.write_text(textwrap.dedent(program))
        fields = {"tenant": "jiangnan", "memory_mb": 128, "wall_s": 20, **fields}
        return Work(key=key or f"alc_{number}", program=path, **fields)

    def start(self, program: str, **fields) -> str:
        work = self.work(program, **fields)
        self.engine.start(self.site, work)
        return work.key

    def run(self, program: str, **fields) -> Status:
        return self.end_of(self.start(program, **fields))

    def check(self, key: str) -> Status:
        return self.engine.check(self.site, key)

    def end_of(self, key: str) -> Status:
        return self.until(key, lambda s: s.final)

    def until_running(self, key: str) -> Status:
        return self.until(key, lambda s: s.state == "running")

    def until(self, key: str, wanted) -> Status:
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            status = self.check(key)
            if wanted(status):
                return status
            assert not status.final, f"{status}\n{self.log(key)}"
            time.sleep(0.02)
        raise AssertionError(f"still {status} after {PATIENCE_S} s\n{self.log(key)}")

    def until_it_says(self, key: str, text: str) -> None:
        self.until(key, lambda s: text in self.log(key))

    def log(self, key: str) -> str:
        return self.engine.log(self.site, key, 0)[0]

    def usage(self, since: int = 0):
        return self.engine.usage(self.site, since)[0]

    def close(self) -> None:
        for key in self.engine.living(self.site):
            self.engine.stop(self.site, key)


@functools.cache
def cannot(how: str, limits: str) -> str:
    """Why this machine cannot run that kind, or nothing."""
    if how == "bubblewrap" and not sandbox.bubblewrap():
        return "needs the package bubblewrap"
    if limits == "cgroup" and not getattr(cgroup.find(), "enforces", None):
        return "needs a writable cgroup tree (root, or a delegated one)"
    detail = spawn.try_here(how, sandbox.interpreter(None))
    return f"needs user namespaces: {detail}" if detail else ""


BEST, LEAST = ("bubblewrap", "cgroup"), ("namespaces", "none")
BETWEEN = [("bubblewrap", "none"), ("namespaces", "cgroup")]
KINDS = [BEST, LEAST, *(pytest.param(kind, marks=pytest.mark.slow) for kind in BETWEEN)]


def _make(request, tmp_path, kind):
    how, limits = kind
    if reason := cannot(how, limits):
        pytest.skip(reason)
    places: list[Place] = []

    def make(**settings) -> Place:
        if limits == "none":
            settings["cgroup"] = "none"
        places.append(Place(tmp_path, sandbox=how, **settings))
        return places[-1]

    request.addfinalizer(lambda: [p.close() for p in places])
    return make


@pytest.fixture(params=[BEST, LEAST], ids="+".join)
def make_place(request, tmp_path):
    """Makes sites: the best that the local engine can do, and the least it makes do with."""
    return _make(request, tmp_path, request.param)


@pytest.fixture
def make_best_place(request, tmp_path):
    return _make(request, tmp_path, BEST)


@pytest.fixture
def place(make_place) -> Place:
    return make_place()


@pytest.fixture(params=KINDS, ids="+".join)
def make_any_place(request, tmp_path):
    """Makes sites in every combination of sandbox and limits: isolation must not depend on it."""
    return _make(request, tmp_path, request.param)


@pytest.fixture
def any_place(make_any_place) -> Place:
    return make_any_place()


@pytest.fixture
def open_folder():
    """A folder that any uid may enter, unlike pytest's."""
    folder = Path(f"/var/tmp/engines-test-{os.getpid()}-{next(_numbers)}")
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
