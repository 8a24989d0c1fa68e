"""Groups of both versions, on the machine's own trees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.engines.local import cgroup

SPIN = "import time\nb = bytearray(30 << 20)\nwhile time.process_time() < 0.3: pass"


def trees():
    """The machine's own tree, and v2 beside v1 where systemd mounts both."""
    yield None
    if Path("/sys/fs/cgroup/unified/cgroup.controllers").exists():
        yield "/sys/fs/cgroup/unified"


@pytest.fixture(params=trees(), ids=str)
def tree(request):
    found = cgroup.find(request.param)
    if found is None:
        pytest.skip("needs a writable cgroup tree (root, or a delegated one)")
    return found


@pytest.fixture
def group(tree):
    made = cgroup.Group.create(tree, f"test-{os.getpid()}", memory_bytes=64 << 20, cores=1, processes=20)
    yield made
    made.kill()
    made.remove()
    assert not [p for p in made.paths.values() if Path(p).exists()]


def run_in(group, program, **kwargs):
    return subprocess.Popen([sys.executable, "-c", program], preexec_fn=group.enter, **kwargs)


def test_it_counts_processor_time(group):
    run_in(group, SPIN).wait()
    assert 250 <= group.cpu_ms() <= 1000


def test_memory_is_capped_and_the_kill_is_counted(group, tree):
    if "memory" not in tree.enforces:
        pytest.skip("this tree has no memory controller")
    code = run_in(group, "b = bytearray(b'x' * (200 << 20))").wait()
    assert code == -9
    assert group.oom_kills() >= 1
    assert 32 << 20 <= group.mem_peak_bytes() <= 64 << 20


def test_it_kills_everything_at_once(group):
    forks = "import os, time\nos.fork(); os.fork(); print('up', flush=True); time.sleep(60)"
    process = run_in(group, forks, stdout=subprocess.PIPE)
    for _ in range(4):
        process.stdout.readline()
    assert len(group.pids()) == 4
    assert group.kill()
    assert process.wait() == -9
    assert group.pids() == []


def test_the_number_of_processes_is_capped(group, tree):
    if "processes" not in tree.enforces:
        pytest.skip("this tree has no pids controller")
    forks = "import os, sys\nn = 0\ntry:\n    while n < 50 and os.fork(): n += 1\nexcept OSError: sys.exit(n)"
    assert run_in(group, forks).wait() < 20


def test_nothing_is_found_where_none_is_wanted_or_mounted(tmp_path):
    assert cgroup.find("none") is None
    assert cgroup.find(str(tmp_path)) is None


def test_a_work_on_a_tree_without_all_controllers_is_limited_by_sampling(make_best_place):
    unified = "/sys/fs/cgroup/unified"
    if not cgroup.find(unified):
        pytest.skip("needs a writable second cgroup tree")
    place = make_best_place(cgroup=unified)
    assert "memory" not in place.engine.capabilities(place.site).enforced
    status = place.run(
        "import time\nheld = []\nwhile True:\n    held.append(bytearray(b'x' * (8 << 20))); time.sleep(0.03)"
    )
    assert (status.state, status.reason) == ("failed", "oom")
    assert status.cpu_ms > 0
