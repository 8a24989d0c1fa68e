"""What every engine promises the portal, whatever it drives."""

from __future__ import annotations

import threading
import time

import pytest

from marketplace.engines import get
from marketplace.engines.base import FINAL, EngineUnavailable, WorkRefused

pytestmark = pytest.mark.sandbox

HELLO = """
    import json, os, pathlib
    work = pathlib.Path(os.environ["WORK"])
    params = json.loads((work / "params.json").read_text())
    with (work / "progress.jsonl").open("a") as f:
        f.write(json.dumps({"step": "read", "done": 1, "of": 2}) + "\\n")
    result = {"said": params["say"], "read": (work / "input.csv").read_text()}
    (work / "out" / "result.json").write_text(json.dumps(result))
    print("hello", flush=True)
"""
SLEEP = "import time; print('up', flush=True); time.sleep(30)"


def test_a_work_runs_and_leaves_results_progress_and_a_log(place):
    key = place.start(HELLO, files={"input.csv": b"a,b\n"}, params={"say": "你好"})
    status = place.end_of(key)
    assert (status.state, status.reason, status.exit_code) == ("succeeded", "", 0)
    assert status.progress == [{"step": "read", "done": 1, "of": 2}]
    [(name, path, size)] = place.engine.results(place.site, key)
    assert (name, size) == ("result.json", path.stat().st_size)
    assert '"a,b\\n"' in path.read_text()
    assert place.log(key) == "hello\n"


def test_a_file_may_be_given_as_a_path(place, tmp_path):
    (tmp_path / "sales.csv").write_text("from disk")
    key = place.start(HELLO, files={"input.csv": tmp_path / "sales.csv"}, params={"say": ""})
    place.end_of(key)
    [(_, path, _)] = place.engine.results(place.site, key)
    assert "from disk" in path.read_text()


def test_an_unknown_key_is_unknown_and_stopping_it_is_no_error(place):
    assert place.check("alc_nobody").state == "unknown"
    assert place.engine.stop(place.site, "alc_nobody").state == "unknown"
    assert place.engine.log(place.site, "alc_nobody") == ("", 0)
    assert place.engine.results(place.site, "alc_nobody") == []
    place.engine.forget(place.site, "alc_nobody")
    assert place.usage() == []


def test_starting_twice_with_one_key_yields_one_work(place):
    work = place.work("import time; time.sleep(0.3); print('once')")
    first = place.engine.start(place.site, work)
    second = place.engine.start(place.site, work)
    assert (first.already, second.already) == (False, True)
    assert first.native_id == second.native_id
    place.end_of(work.key)
    assert place.engine.start(place.site, work).already
    assert place.log(work.key) == "once\n"
    assert [u.key for u in place.usage()] == [work.key]


def test_ten_at_once_with_one_key_yield_one_work(place):
    work = place.work("print('once')")
    started = []

    def start():
        started.append(place.engine.start(place.site, work))

    threads = [threading.Thread(target=start) for _ in range(10)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(s.already for s in started) == [False] + [True] * 9
    place.end_of(work.key)
    assert place.log(work.key) == "once\n"
    assert len(place.usage()) == 1


def test_somebody_elses_key_is_refused(place):
    key = place.start(SLEEP)
    with pytest.raises(WorkRefused, match="key_taken"):
        place.engine.start(place.site, place.work("print()", key=key, tenant="yongli"))


def test_a_lost_reply_is_found_by_starting_again(place):
    work = place.work(SLEEP)
    place.engine.start(place.site, work)  # the reply never arrived; another process asks again
    again = get("local").start(place.site, work)
    assert again.already
    assert place.until_running(work.key).native_id == again.native_id


def test_a_program_that_fails_is_told_with_its_code(place):
    status = place.run("import sys; print('cannot read line 7'); sys.exit(3)")
    assert (status.state, status.reason, status.exit_code) == ("failed", "exit", 3)


def test_stop_ends_it_frees_its_cores_and_is_idempotent(place):
    key = place.start(SLEEP, cores=2)
    place.until_it_says(key, "up")
    assert place.engine.capacity(place.site).cores_free == 0
    stopped = place.engine.stop(place.site, key)
    assert (stopped.state, stopped.reason) == ("stopped", "stopped")
    assert place.engine.capacity(place.site).cores_free == 2
    assert place.engine.stop(place.site, key) == stopped
    assert len(place.usage()) == 1


def test_stopping_what_has_ended_changes_nothing(place):
    key = place.start("print(1)")
    ended = place.end_of(key)
    assert place.engine.stop(place.site, key) == ended


def test_usage_pulled_twice_is_the_same_records(place):
    for _ in range(3):
        place.run("print(1)")
    first, mark = place.engine.usage(place.site, 0)
    assert [u.seq for u in first] == [1, 2, 3]
    assert mark == 3
    assert place.engine.usage(place.site, 0) == (first, 3)
    assert place.engine.usage(place.site, 1) == (first[1:], 3)
    assert place.engine.usage(place.site, mark) == ([], mark)
    place.run("print(1)")
    assert [u.seq for u in place.engine.usage(place.site, mark)[0]] == [4]


def test_a_watermark_ahead_of_the_records_is_an_error_not_silence(place):
    with pytest.raises(EngineUnavailable, match="journal_behind"):
        place.engine.usage(place.site, 7)


def test_usage_is_cores_times_elapsed_and_equals_the_status(place):
    status = place.run("import time; time.sleep(0.5)", cores=2)
    [used] = place.usage()
    elapsed_ms = (used.ended_at - used.started_at).total_seconds() * 1000
    assert used.core_ms == round(2 * elapsed_ms) >= 1000
    assert (status.core_ms, status.cpu_ms, status.mem_peak_bytes) == (
        used.core_ms,
        used.cpu_ms,
        used.mem_peak_bytes,
    )
    assert (status.started_at, status.ended_at) == (used.started_at, used.ended_at)


def test_processor_time_and_memory_are_measured(place):
    used = place.run(
        "import time\nb = bytearray(40 << 20)\nwhile time.process_time() < 0.6: pass", cpu_limit_ms=15_000
    )
    assert 550 <= used.cpu_ms <= 1500
    assert 40 << 20 <= used.mem_peak_bytes <= 128 << 20


def test_a_running_work_shows_a_growing_reading(place):
    key = place.start(SLEEP)
    place.until_it_says(key, "up")
    first = place.check(key)
    time.sleep(0.3)
    second = place.check(key)
    assert first.state == second.state == "running"
    assert second.core_ms - first.core_ms >= 290
    ended = place.engine.stop(place.site, key)
    assert ended.core_ms >= second.core_ms


def test_progress_is_seen_while_it_runs(place):
    key = place.start("""
        import os, time
        with open(os.environ["WORK"] + "/progress.jsonl", "a") as f:
            f.write('{"step": "one"}\\n')
            f.flush()
            time.sleep(30)
    """)
    assert place.until(key, lambda s: s.progress).state == "running"


def test_the_log_is_read_piece_by_piece(place):
    key = place.start("print('é' * 70000)")
    place.end_of(key)
    text, at = "", 0
    while True:
        piece, at = place.engine.log(place.site, key, at)
        if not piece:
            break
        text += piece
    assert text == "é" * 70000 + "\n"


def test_works_queue_when_the_cores_are_taken_and_keep_their_order(place):
    first = place.start(SLEEP, cores=2)
    place.until_running(first)
    big = place.start("print('big')", cores=2)
    small = place.start("print('small')", cores=1)
    time.sleep(0.4)
    assert place.check(big).state == place.check(small).state == "waiting"
    quote = place.engine.quote(place.site, 1, 10)
    assert quote.feasible
    assert 0 < quote.earliest_in_s <= 60
    place.engine.stop(place.site, first)
    big_status, small_status = place.end_of(big), place.end_of(small)
    assert big_status.started_at < small_status.started_at
    assert place.engine.quote(place.site, 2, 10).earliest_in_s == 0


def test_waiting_costs_nothing(place):
    first = place.start(SLEEP, cores=2)
    place.until_running(first)
    key = place.start("print(1)")
    time.sleep(0.3)
    assert place.check(key).core_ms == 0
    stopped = place.engine.stop(place.site, key)
    assert (stopped.state, stopped.core_ms) == ("stopped", 0)
    assert [(u.key, u.core_ms, u.cpu_ms) for u in place.usage()] == [(key, 0, 0)]


def test_memory_is_not_promised_twice(make_place):
    place = make_place(memory_mb=200)
    first = place.start(SLEEP, memory_mb=128)
    place.until_running(first)
    second = place.start("print(1)", memory_mb=128)
    time.sleep(0.3)
    assert place.check(second).state == "waiting"
    place.engine.stop(place.site, first)
    assert place.end_of(second).state == "succeeded"


def test_what_can_never_run_is_refused_and_nothing_is_left(place):
    for code, fields in {
        "too_many_cores": {"cores": 3},
        "too_much_memory": {"memory_mb": 4096},
        "bad_limits": {"wall_s": 0},
        "network_not_offered": {"network": True},
        "bad_key": {"key": "../../etc"},
    }.items():
        work = place.work("print(1)", **fields)
        with pytest.raises(WorkRefused, match=code):
            place.engine.start(place.site, work)
    for name in ("../x", "a/b", "", "..", "program.py", "out", "params.json", "progress.jsonl"):
        with pytest.raises(WorkRefused, match="bad_file"):
            place.engine.start(place.site, place.work("print(1)", files={name: b""}))
    assert place.engine.living(place.site) == []
    assert not list((place.root / "jobs").glob("*"))
    assert not place.engine.quote(place.site, 3, 10).feasible


def test_forgetting_removes_the_files_and_keeps_the_record(place):
    work = place.work("open('/work/out/a.txt', 'w').write('x')")
    place.engine.start(place.site, work)
    place.end_of(work.key)
    place.engine.forget(place.site, work.key)
    place.engine.forget(place.site, work.key)
    assert not (place.root / "jobs" / work.key).exists()
    assert place.check(work.key).state == "unknown"
    assert [u.key for u in place.usage()] == [work.key]
    with pytest.raises(WorkRefused, match="already_ended"):
        place.engine.start(place.site, work)


def test_forgetting_a_running_work_stops_it_first(place):
    key = place.start(SLEEP)
    place.until_it_says(key, "up")
    place.engine.forget(place.site, key)
    assert place.engine.living(place.site) == []
    assert [u.key for u in place.usage()] == [key]


def test_two_sites_side_by_side_know_nothing_of_each_other(make_place):
    here, there = make_place(cores=1), make_place(cores=1)
    work = here.work("import time; time.sleep(0.4); print('ran')", key="alc_same")
    assert not here.engine.start(here.site, work).already
    assert not there.engine.start(there.site, work).already
    one, two = here.end_of(work.key), there.end_of(work.key)
    assert one.started_at < two.ended_at
    assert two.started_at < one.ended_at, "they ran at the same time"
    assert len(here.usage()) == len(there.usage()) == 1


def test_capacity_says_what_there_is(place):
    capacity = place.engine.capacity(place.site)
    assert (capacity.cores_total, capacity.cores_free, capacity.memory_mb) == (2, 2, 1024)
    assert (capacity.ready, capacity.reason) == (True, "")


def test_what_is_not_enforced_is_named(place):
    protection = place.engine.capabilities(place.site)
    assert {"filesystem", "network", "disk", "wall", "cpu_time"} <= set(protection.enforced)
    assert {"own_kernel", "system_call_filter"} <= set(protection.missing)
    assert not set(protection.enforced) & set(protection.missing)
    assert ("memory" in protection.enforced) == (protection.metered_by == "cgroup")


def test_an_engine_nobody_wrote_is_a_key_error():
    with pytest.raises(KeyError):
        get("abacus")


def test_final_states_are_the_three_ends():
    assert frozenset({"succeeded", "failed", "stopped"}) == FINAL
