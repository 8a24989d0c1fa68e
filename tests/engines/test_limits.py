"""What a work cannot exceed, and what it is told when it tries."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sandbox

SPIN = "while True: pass"


def test_more_memory_than_bought_is_oom(any_place):
    status = any_place.run(
        """
        import time
        held = []
        while True:
            held.append(bytearray(b"x" * (8 << 20)))
            time.sleep(0.03)
        """,
        memory_mb=128,
    )
    assert (status.state, status.reason) == ("failed", "oom")
    assert status.mem_peak_bytes <= 2 * (128 << 20)


def test_memory_of_many_processes_counts_together(any_place):
    status = any_place.run(
        """
        import os, time
        for _ in range(4):
            if os.fork() == 0:
                held = bytearray(b"x" * (48 << 20))
                time.sleep(20)
                os._exit(0)
        for _ in range(4):
            if os.wait()[1]:
                raise SystemExit(1)
        """,
        memory_mb=128,
    )
    assert (status.state, status.reason) == ("failed", "oom")


def test_the_wall_limit_ends_it(any_place):
    status = any_place.run("import time; time.sleep(60)", wall_s=1)
    assert (status.state, status.reason) == ("failed", "wall")
    assert 1000 <= status.core_ms <= 1000 + any_place.engine.abilities.max_overshoot_ms


def test_the_processor_limit_ends_it(any_place):
    status = any_place.run(SPIN, cpu_limit_ms=500)
    assert (status.state, status.reason) == ("failed", "cpu")
    assert 500 <= status.cpu_ms <= 500 + any_place.engine.abilities.max_overshoot_ms


def test_processor_time_of_children_counts(any_place):
    status = any_place.run(
        "import os\nfor _ in range(3):\n    if os.fork() == 0: break\nwhile True: pass", cpu_limit_ms=500
    )
    assert (status.state, status.reason) == ("failed", "cpu")


def test_a_fork_bomb_is_held_and_ended(any_place):
    status = any_place.run(
        """
        import os, time
        while True:
            try:
                os.fork()
            except OSError:
                time.sleep(0.01)
        """,
        wall_s=2,
        cpu_limit_ms=60_000,
        memory_mb=768,
    )
    assert (status.state, status.reason) == ("failed", "wall")
    assert status.core_ms <= 4000
    assert any_place.engine.living(any_place.site) == []
    assert any_place.run("print('still fine')").state == "succeeded"


def test_what_outlives_the_program_dies_with_it(any_place):
    status = any_place.run(
        """
        import os, signal, sys, time
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0:
                time.sleep(60)
        """
    )
    assert status.state == "succeeded"
    assert status.core_ms < 10_000


def test_more_threads_than_cores_get_no_more_time(make_any_place):
    place = make_any_place()
    if "cores" not in place.engine.capabilities(place.site).enforced:
        pytest.skip("cores are capped by a cgroup only; elsewhere processor time is")
    status = place.run(
        """
        import os, time
        for _ in range(3):
            if os.fork() == 0: break
        until = time.monotonic() + 1.5
        while time.monotonic() < until: pass
        """,
        cores=1,
        cpu_limit_ms=20_000,
    )
    assert status.cpu_ms <= status.core_ms * 1.25


def test_the_disk_is_sized(any_place):
    key = any_place.start(
        """
        import errno
        for folder in ("/work", "/tmp", "/dev/shm"):
            try:
                with open(folder + "/big", "wb") as f:
                    for _ in range(80):
                        f.write(b"x" * (1 << 20))
            except OSError as e:
                print(folder, e.errno == errno.ENOSPC, flush=True)
        """,
        memory_mb=512,
    )
    any_place.end_of(key)
    assert any_place.log(key).count("True") == 3, any_place.log(key)


def test_inodes_are_limited(any_place):
    key = any_place.start("for n in range(50_000): open(f'/work/{n}', 'w').close()")
    assert any_place.end_of(key).reason == "exit"
    assert "No space left" in any_place.log(key)


def test_a_log_without_end_is_cut(any_place):
    key = any_place.start("import sys\nfor _ in range(4000): sys.stdout.write('x' * 1023 + '\\n')")
    assert any_place.end_of(key).state == "succeeded"
    size = (any_place.root / "jobs" / key / "log").stat().st_size
    assert 1 << 20 <= size <= (1 << 20) + 100


def test_closing_its_output_does_not_confuse_the_engine(any_place):
    status = any_place.run("import os, time; os.close(1); os.close(2); time.sleep(0.3)")
    assert status.state == "succeeded"
    assert status.core_ms >= 300


def test_libraries_are_told_how_many_cores_there_are(place):
    key = place.start("import os; print(os.environ['CORES'], os.environ['OPENBLAS_NUM_THREADS'])", cores=2)
    place.end_of(key)
    assert place.log(key) == "2 2\n"
