import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal import bench

ROOT = Path(bench.__file__).resolve().parents[1]


def test_it_finds_the_rooms_that_have_figures():
    found = dict(bench.rooms())
    assert found["ledger"] == "bank.ledger.bench"
    assert found["catalogue"] == "marketplace.catalogue.bench"


@pytest.mark.parametrize("only", ["ledger", "led", "ledger.transfers", "ledger.transfers_per_s"])
def test_a_prefix_chooses_rooms(only):
    assert [room for room, _ in bench.rooms(only)] == ["ledger"]


def test_a_figure_is_one_line():
    row = {"name": "ledger.x", "value": 3, "unit": "1/s", "peer": None, "ratio": None}
    assert bench.line(row) == "ledger.x 3 1/s"
    assert bench.line(row | {"peer": "pgledger", "ratio": 1.5}) == "ledger.x 3 1/s 1.5 to pgledger"


def test_a_figure_of_another_room_is_refused():
    with pytest.raises(ValueError, match="not a figure of this room"):
        bench.checked("ledger", [{"name": "orders.x", "value": 1, "unit": "s"}])


@pytest.mark.slow
def test_it_measures_a_page_and_leaves_nothing_behind(tmp_path):
    before = set(Path("/var/tmp").glob("suanli-bench-*"))
    out = tmp_path / "figures.json"
    env = {**os.environ, "BENCH_JSON": str(out), "SUANLI_TESTING": "0"}
    done = subprocess.run([sys.executable, "-m", "portal.bench", "catalogue.page_queries"], cwd=ROOT, env=env,
                          capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(out.read_text())
    assert row["name"] == "catalogue.page_queries"
    assert done.stdout.strip() == bench.line(row)
    assert set(Path("/var/tmp").glob("suanli-bench-*")) == before
