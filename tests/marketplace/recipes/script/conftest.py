"""A script run as the sandbox runs it: a process with WORK and nothing of ours."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from marketplace import recipes


@pytest.fixture
def check():
    def run(text: str | bytes, filename: str = "mine.py"):
        data = text.encode() if isinstance(text, str) else text
        return recipes.get("script").check(io.BytesIO(data), filename, {})

    return run


@pytest.fixture
def run(tmp_path):
    """run(text, wall_s=30, **params) -> (result.json, progress lines, the folder out)."""

    def run(text: str, wall_s: int = 30, **params):
        (tmp_path / "input.csv").write_text(text, encoding="utf-8")
        (tmp_path / "params.json").write_text(json.dumps(params), encoding="utf-8")
        env = {"WORK": str(tmp_path), "PATH": os.environ["PATH"], "WALL_S": str(wall_s), "CORES": "1"}
        done = subprocess.run(
            [sys.executable, recipes.get("script").program],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        out = tmp_path / "out"
        progress = (tmp_path / "progress.jsonl").read_text(encoding="utf-8").splitlines()
        return (
            json.loads((out / "result.json").read_text(encoding="utf-8")),
            [json.loads(p) for p in progress],
            out,
        )

    return run
