"""The program that runs the customer's script: output, exit code, files, and the time bought."""

from __future__ import annotations

import csv
import time
from math import exp, factorial

import pytest

from marketplace import recipes


def test_it_keeps_output_exit_code_and_files(run):
    result, _, out = run("print('hello 你好')\nopen('made.txt', 'w').write('x' * 7)\n", core_hours=1)
    assert result["exit_code"] == 0
    assert result["stdout_tail"] == "hello 你好"
    assert {f["name"]: f["bytes"] for f in result["files"]} == {"made.txt": 7, "output.txt": 13}
    assert (out / "made.txt").read_text() == "x" * 7
    assert result["headline"]["label"]["en"] == "your script ran to its end"


def test_a_failing_script_has_a_result_with_its_last_words(run):
    result, progress, _ = run("print('before')\nraise ValueError('no stock')\n", core_hours=1)
    assert result["exit_code"] == 1
    assert "ValueError: no stock" in result["stdout_tail"]
    assert "exit code 1" in result["headline"]["label"]["en"]
    assert progress[-1]["step"] == "write"


@pytest.mark.parametrize("limit", [{"wall_s": 7}, {"core_hours": 7 / 3600}])
def test_it_is_stopped_at_the_time_bought_and_keeps_what_there_is(run, limit):
    began = time.monotonic()
    result, _, _ = run(
        "import time\nprint('begun', flush=True)\nopen('half', 'w').write('1')\ntime.sleep(60)\n", **limit
    )
    assert time.monotonic() - began < 7
    assert result["exit_code"] is None
    assert result["stdout_tail"] == "begun"
    assert "half" in [f["name"] for f in result["files"]]


def test_a_script_that_ignores_being_asked_is_made_to_stop(run):
    result, _, _ = run(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(60)\n",
        wall_s=6,
    )
    assert result["exit_code"] is None
    assert result["headline"]["value"] < 3


def test_its_progress_lines_become_the_progress(run):
    _, progress, _ = run(
        "for n in (1, 2):\n    print(f'progress {n}/2 years played', flush=True)\n", core_hours=1
    )
    assert {
        "step": "run",
        "done": 2,
        "of": 2,
        "text_en": "years played",
        "text_zh": "years played",
    } in progress


def test_a_flood_of_output_is_cut(run):
    result, _, out = run("for n in range(300_000):\n    print('x' * 30, n)\n", core_hours=1)
    assert (out / "output.txt").stat().st_size == 5_000_000
    assert result["stdout_tail"].splitlines()[-1].endswith("299999")
    assert len(result["stdout_tail"]) < 200 * 520
    assert result["notes"]


def test_it_follows_no_link_and_keeps_its_own_result(run):
    result, _, out = run(
        "import os\nfor name in ('mine.txt', 'result.json'):\n    os.symlink('/etc/passwd', name)\n"
        "os.mkdir('deep')\nopen('deep/a.txt', 'w').write('ok')\n",
        core_hours=1,
    )
    assert [f["name"] for f in result["files"]] == ["deep/a.txt", "output.txt"]
    assert not (out / "result.json").is_symlink()


def test_the_sample_finds_what_queueing_theory_says(run):
    script = next(recipes.get("script").sample.glob("*.py")).read_text(encoding="utf-8")
    result, progress, out = run(script, core_hours=1)
    assert result["exit_code"] == 0, result["stdout_tail"]
    with (out / "stock_levels.csv").open(encoding="utf-8-sig") as file:
        found = [float(row["repaired at once 立即修复率"]) for row in csv.DictReader(file)]
    # Palm: orders on their way are Poisson with mean failure rate x mean lead time, whatever its distribution
    mean = 40 * 0.9 / 365 * 21 * exp(0.45**2 / 2)
    for stock, share in enumerate(found, start=1):
        theory = sum(exp(-mean) * mean**k / factorial(k) for k in range(stock))
        assert share == pytest.approx(theory, abs=0.005)
    assert any(line["of"] == 60 for line in progress)
