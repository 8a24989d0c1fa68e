"""Lists to plan, and the program run as the sandbox runs it: a process with WORK and nothing of ours."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from marketplace import recipes

# berlin52 of TSPLIB (Groetschel): 52 places in Berlin, optimum 7542
BERLIN52 = """
565 575 25 185 345 750 945 685 845 655 880 660 25 230 525 1000 580 1175 650 1130 1605 620 1220 580
1465 200 1530 5 845 680 725 370 145 665 415 635 510 875 560 365 300 465 520 585 480 415 835 625 975
580 1215 245 1320 315 1250 400 660 180 410 250 420 555 575 665 1150 1160 700 580 685 595 685 610 770
610 795 645 720 635 760 650 475 960 95 260 875 920 700 500 555 815 830 485 1170 65 830 610 605 625
595 360 1340 725 1740 245
"""


@pytest.fixture
def berlin52() -> str:
    places = BERLIN52.split()
    nodes = zip(places[::2], places[1::2], strict=True)
    lines = [f"{number} {x}.0 {y}.0" for number, (x, y) in enumerate(nodes, start=1)]
    head = ["NAME: berlin52", "TYPE: TSP", "DIMENSION: 52", "EDGE_WEIGHT_TYPE: EUC_2D", "NODE_COORD_SECTION"]
    return "\n".join([*head, *lines, "EOF", ""])


@pytest.fixture
def check():
    """check(text, "stops.csv", **params) -> Checked."""

    def run(text: str | bytes, filename: str = "stops.csv", **params):
        data = text.encode() if isinstance(text, str) else text
        return recipes.get("routes").check(io.BytesIO(data), filename, params)

    return run


@dataclass
class Ran:
    code: int
    work: Path
    stderr: str

    @property
    def result(self) -> dict:
        return json.loads((self.work / "out" / "result.json").read_text(encoding="utf-8"))

    @property
    def progress(self) -> list[dict]:
        lines = (self.work / "progress.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def recipe_python() -> str:
    python = os.environ.get("SUANLI_RECIPE_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import numpy, pyvrp"], capture_output=True).returncode:
        pytest.skip("pyvrp is not installed (SUANLI_RECIPE_PYTHON names a Python that has it)")
    return python


@pytest.fixture
def plan(check, recipe_python, tmp_path):
    """plan(text, "stops.csv", **params) -> Ran: checked, then run by the program."""

    def run(text: str, filename: str = "stops.csv", **params) -> Ran:
        (tmp_path / "input.csv").write_bytes(check(text, filename, **params).clean)
        (tmp_path / "params.json").write_text(json.dumps(params), encoding="utf-8")
        done = subprocess.run(
            [recipe_python, recipes.get("routes").program],
            env={"WORK": str(tmp_path), "PATH": os.environ["PATH"], "WALL_S": "60"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, tmp_path, done.stderr)

    return run
