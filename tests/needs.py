"""What tests need of the machine beside Python: Chromium, bubblewrap, the recipes' libraries, Slurm.

A test that misses something skips with a reason that begins with "needs the package …". With CI=true
that is a failure: CI installs the packages (.ci/run), so a skip there would be a hole nobody sees.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REQUIRED = re.compile(r"needs the package|SUANLI_RECIPE_PYTHON|(is|are) not installed|could not import")

# what `make run` has installed serves the tests of recipes too
_python = ROOT / ".data/engine/current/bin/python"
if _python.exists():
    os.environ.setdefault("SUANLI_RECIPE_PYTHON", str(_python))


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why it was skipped, if it was."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return ""
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")


def strict(report):
    reason = reason_of(report)
    if in_ci() and REQUIRED.search(reason):
        report.outcome, report.longrepr = "failed", f"skipped, but in CI nothing may be missing: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return strict((yield))
