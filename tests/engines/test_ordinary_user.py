"""The engine for somebody who is not root: no own uid, no cgroup; user namespaces and rlimits.

Runs a copy of the engine as another uid, in a process of its own, because the tests may be root's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from marketplace.engines.local import sandbox

pytestmark = pytest.mark.sandbox
UID = 1_234_567

SCRIPT = Path(__file__).parent / "as_ordinary_user.py"


@pytest.mark.parametrize("how", ["bubblewrap", "namespaces"])
def test_an_ordinary_user_gets_the_same_isolation(open_folder, how):
    if how == "bubblewrap" and not sandbox.bubblewrap():
        pytest.skip("needs the package bubblewrap")
    python = "/usr/bin/python3"
    if not shutil.which(python) or subprocess.run([python, "-c", "import tomllib"], check=False).returncode:
        pytest.skip("needs the package python3, 3.11 or newer, where every user can run it")
    home = open_folder / "home"
    copy = home / "marketplace"
    shutil.copytree(sandbox.PROJECT / "marketplace" / "engines", copy / "engines")
    (copy / "__init__.py").touch()
    shutil.copy(SCRIPT, home / "script.py")
    (home / "data").mkdir()
    user = {"user": UID, "group": UID, "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        os.chown(home / "data", UID, UID)
    run = subprocess.run(
        [python, "script.py", str(home / "data"), how],
        cwd=home,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(home), "DATABASE_URL": "postgres://hunter2"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        **user,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    if "skip" in told:
        pytest.skip(f"needs user namespaces for ordinary users: {told['skip']}")
    assert told["look"] == ["succeeded", ""], told["log"]
    uid, caps, seen, unshared, devices, pids = json.loads(told["seen"][0])
    assert uid == (UID if user else os.geteuid())
    assert set(caps) == {"0" * 16}
    assert seen == []
    assert unshared == -1
    assert devices == ["lo"]
    assert pids <= 3
    assert told["oom"] == ["failed", "oom"]
    assert told["cpu"] == ["failed", "cpu"]
    assert told["bomb"] == ["failed", "wall"]
    assert told["lost"] == ["failed", "lost"]
    assert sorted(told["usage"]) == ["bomb", "cpu", "look", "lost", "oom"]
    if user:
        assert told["left"] == [], "nothing runs on"
        assert {"own_uid", "memory", "cores"} <= set(told["missing"])
