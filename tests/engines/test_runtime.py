"""The recipes' libraries are installed after the site is up; until then the site says so."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marketplace.engines.base import EngineUnavailable
from marketplace.engines.local import runtime, sandbox

COMMAND = [sys.executable, "-m", "marketplace.engines.local.runtime"]


@pytest.fixture
def recipes(tmp_path):
    """Two recipes whose only library is a folder here, so that no package index is asked."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "ours"\nversion = "1"\n'
    )
    (library / "backend.py").write_text(
        "import zipfile\n"
        "def build_wheel(folder, settings=None, metadata=None):\n"
        "    name = 'ours-1-py3-none-any.whl'\n"
        "    with zipfile.ZipFile(f'{folder}/{name}', 'w') as z:\n"
        "        z.writestr('ours.py', 'answer = 42')\n"
        "        z.writestr('ours-1.dist-info/METADATA',\n"
        "            'Metadata-Version: 2.1\\nName: ours\\nVersion: 1\\n')\n"
        "        z.writestr('ours-1.dist-info/WHEEL',\n"
        "            'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        z.writestr('ours-1.dist-info/RECORD', '')\n"
        "    return name\n"
    )
    folder = tmp_path / "recipes"
    for name in ("forecast", "routes"):
        (folder / name).mkdir(parents=True)
    (folder / "forecast" / "requirements.txt").write_text(f"# what it needs\n{library}\n")
    return folder


def install(root, recipes):
    argv = [*COMMAND, "install", "--root", str(root), "--recipes", str(recipes)]
    return subprocess.Popen(argv, cwd=sandbox.PROJECT, start_new_session=True)


def test_it_is_missing_then_installed_then_left_alone(tmp_path, recipes):
    root = tmp_path / "runtime"
    assert runtime.status(root, recipes) == runtime.Missing()
    assert install(root, recipes).wait() == 0
    assert runtime.status(root, recipes) == runtime.Ready(runtime.python(root))
    python = sandbox.interpreter(str(runtime.python(root)))
    assert [Path(folder, "ours.py").exists() for folder in python.libraries] == [True]
    began = time.monotonic()
    assert runtime.install(root, recipes) == runtime.Ready(runtime.python(root))
    assert time.monotonic() - began < 0.5
    assert runtime.home_of(runtime.python(root)) == root

    (recipes / "forecast" / "requirements.txt").write_text("")
    assert runtime.status(root, recipes) == runtime.Missing(), "libraries of another day do not count"


@pytest.mark.slow
def test_an_interrupted_install_goes_on(tmp_path, recipes):
    root = tmp_path / "runtime"
    process = install(root, recipes)
    give_up = time.monotonic() + 30
    while not list(root.glob("*.part/complete-venv")) and time.monotonic() < give_up:
        assert isinstance(runtime.status(root, recipes), runtime.Missing | runtime.Installing)
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert runtime.status(root, recipes) == runtime.Missing()
    assert not [p for p in root.iterdir() if p.is_dir() and p.suffix != ".part"]
    assert isinstance(runtime.install(root, recipes), runtime.Ready)


def test_two_at_once_do_not_meet(tmp_path, recipes):
    root = tmp_path / "runtime"
    root.mkdir()
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert runtime.install(root, recipes) == runtime.Installing(0, "")
        assert not list(root.glob("*.part"))
    assert runtime.status(root, recipes) == runtime.Missing()


@pytest.mark.slow
def test_a_failure_is_told_and_tried_again(tmp_path, recipes):
    root = tmp_path / "runtime"
    requirements = recipes / "routes" / "requirements.txt"
    requirements.write_text(f"{tmp_path}/no-such-library\n")
    assert install(root, recipes).wait() == 1
    failed = runtime.status(root, recipes)
    assert isinstance(failed, runtime.Failed)
    assert "no-such-library" in failed.reason
    requirements.unlink()
    assert isinstance(runtime.install(root, recipes), runtime.Ready)


@pytest.mark.sandbox
def test_a_site_waits_for_its_libraries(place, tmp_path, monkeypatch):
    recipes = tmp_path / "recipes"  # none that needs a library: nothing to download
    recipes.mkdir()
    root = tmp_path / "runtime"
    place.site.settings["runtime"] = str(runtime.python(root))
    monkeypatch.setattr(runtime.status, "__defaults__", (recipes,))
    capacity = place.engine.capacity(place.site)
    assert (capacity.ready, capacity.reason) == (False, "runtime_missing")
    assert not place.engine.quote(place.site, 1, 10).feasible
    root.mkdir()
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert place.engine.capacity(place.site).reason == "installing"
        with pytest.raises(EngineUnavailable, match="installing"):
            place.engine.start(place.site, place.work("print(1)"))
    runtime.install(root, recipes)
    assert place.engine.capacity(place.site).ready
    key = place.start("import sys; print([p for p in sys.path if p.startswith('/opt')])")
    assert place.end_of(key).state == "succeeded", place.log(key)
    assert place.log(key) == "['/opt/libraries-1']\n"
