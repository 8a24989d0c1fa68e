"""What tests of recipes share: the recipe's own Python, and a way to run a program as an engine would."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from marketplace import recipes


@pytest.fixture(scope="session")
def recipe_python():
    """(*packages) -> a Python that has them; skips naming what is missing. From SUANLI_RECIPE_PYTHON."""
    python = os.environ.get("SUANLI_RECIPE_PYTHON", "")

    def found(*packages: str) -> str:
        if not python:
            pytest.skip(f"needs {', '.join(packages)}: set SUANLI_RECIPE_PYTHON to a Python that has them")
        for package in packages:
            if subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode:
                pytest.skip(f"needs {package} in SUANLI_RECIPE_PYTHON")
        return python

    return found


@pytest.fixture
def run_program(recipe_python, tmp_path):
    """(key, clean, params) -> the folder the recipe's program worked in, after it went well."""

    def run(key: str, clean: bytes, params: dict) -> Path:
        recipe = recipes.get(key)
        python = recipe_python(*recipe.manifest.packages)
        (tmp_path / "input.csv").write_bytes(clean)
        (tmp_path / "params.json").write_text(json.dumps(params), encoding="utf-8")
        ran = subprocess.run(
            [python, "-P", "-B", str(recipe.program)],
            env={"WORK": str(tmp_path), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        return tmp_path

    return run
