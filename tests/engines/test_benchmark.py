"""The benchmark is an ordinary work: deterministic, whatever the machine."""

from __future__ import annotations

import importlib.util
import json

import pytest

from marketplace.engines.base import BENCHMARK_DIGEST, BENCHMARK_PROGRAM, REFERENCE_SCORE, Work

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


@pytest.mark.parametrize("cores", [1, 2])
def test_it_measures_a_site(place, cores):
    work = Work(f"bench_{cores}", "yongli", BENCHMARK_PROGRAM, cores=cores, memory_mb=128, wall_s=60)
    place.engine.start(place.site, work)
    status = place.end_of(work.key)
    assert status.state == "succeeded", place.log(work.key)
    [(name, path, _)] = place.engine.results(place.site, work.key)
    result = json.loads(path.read_text())
    print(result)  # pytest -s: where REFERENCE_SCORE comes from
    assert name == "result.json"
    assert result["digest"] == BENCHMARK_DIGEST
    assert result["cores"] == cores
    assert 0 < result["got_ppm"] <= 1_000_000
    assert result["score"] >= REFERENCE_SCORE, "other work on the machine does not make the core slower"


def test_a_core_that_other_work_has_most_of_the_time_is_as_fast_as_before(monkeypatch):
    """The clock of the processor stands still while it waits; the clock on the wall does not."""
    spec = importlib.util.spec_from_file_location("benchmark", BENCHMARK_PROGRAM)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    cpu, waited = iter(range(0, 10**12, 10**9)), iter(range(0, 10**13, 8 * 10**9))
    monkeypatch.setattr(benchmark, "operation", lambda seed, digest: seed)
    monkeypatch.setattr(benchmark.time, "process_time_ns", lambda: next(cpu))
    monkeypatch.setattr(benchmark.time, "monotonic_ns", lambda: next(waited))
    _digest, score, got_ppm = benchmark.one_core()
    assert (score, got_ppm) == (150, 125_000)
