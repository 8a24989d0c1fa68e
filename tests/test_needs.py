import pytest

from tests import needs

pytest_plugins = ["pytester"]
SKIPPING = """
import pytest
def test_one(): pytest.skip("needs the package chromium")
def test_two(): pytest.skip("runs as root only")
@pytest.mark.xfail(reason="needs the package x")
def test_three(): assert False
"""
MODULE = 'import pytest; pytest.importorskip("no_such_module", reason="needs the package no-such-module")'


@pytest.fixture
def inner(pytester, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest("from tests.needs import *")
    pytester.makepyfile(test_a=SKIPPING, test_b=MODULE)
    return lambda: pytester.runpytest_inprocess("-p", "no:django", "--continue-on-collection-errors")


def test_a_missing_package_skips(inner):
    inner().assert_outcomes(skipped=3, xfailed=1)


def test_in_ci_a_missing_package_is_an_error(inner, monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = inner()
    result.assert_outcomes(failed=1, skipped=1, xfailed=1, errors=1)
    result.stdout.fnmatch_lines(["*in CI nothing may be missing: needs the package chromium*"])


def test_every_way_to_miss_something_is_known():
    for said in ("needs the package bubblewrap", "pyvrp is not installed",
                 "needs numpy: set SUANLI_RECIPE_PYTHON to a Python that has them"):
        assert needs.REQUIRED.search(said)
    assert not needs.REQUIRED.search("needs a writable cgroup tree (root, or a delegated one)")
