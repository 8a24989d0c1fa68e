"""The benchmark is an ordinary work: deterministic, whatever the machine."""

from __future__ import annotations

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
    assert abs(result["score"] - result["operations"] * 1000 // (cores * result["elapsed_ms"])) <= 1
    assert result["score"] >= REFERENCE_SCORE // 4, "even a machine that is busy with other tests"
