"""Every recipe keeps the contract of marketplace/recipes/base.py."""

import ast
import re
import sys

import pytest

from marketplace import recipes
from marketplace.recipes import words

ALL = pytest.mark.parametrize("recipe", recipes.all(), ids=lambda recipe: recipe.key)


def test_the_folders_are_the_registry():
    assert {"forecast", "routes"} <= set(recipes.keys())
    assert recipes.get("forecast") is recipes.get("forecast")
    with pytest.raises(KeyError):
        recipes.get("intake")


@ALL
def test_a_recipe_has_the_same_files_as_every_other(recipe):
    assert recipe.manifest.key == recipe.folder.name
    assert recipe.program.is_file()
    assert any(recipe.sample.iterdir())
    manifest = recipe.manifest
    assert manifest.cores >= 1 and manifest.memory_mb >= 128 and 0 < manifest.wall_s <= 4 * 3600
    assert len({step.key for step in manifest.steps}) == len(manifest.steps) > 0
    for column in manifest.columns:
        assert all(name == name.lower() for name in column.names), column.key
        assert any(name.isascii() for name in column.names), column.key
        assert not all(name.isascii() for name in column.names), column.key


@ALL
def test_libraries_are_pinned_exactly(recipe):
    lines = [line.split("#")[0].strip() for line in recipe.requirements.read_text().splitlines()]
    assert all(re.fullmatch(r"[A-Za-z0-9_.\[\]-]+==[0-9][\w.]*", line) for line in lines if line)


@ALL
def test_a_program_imports_only_the_libraries_it_declares(recipe):
    files = [recipe.program, *recipe.modules]
    imported = {
        name.split(".")[0]
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    beside = {path.stem for path in recipe.modules}
    assert imported - sys.stdlib_module_names <= {*recipe.manifest.packages, *beside}


@pytest.mark.parametrize("code", sorted(words.REFUSALS))
def test_every_refusal_says_what_to_do(code):
    class Anything(dict):
        def __missing__(self, key):
            return "…"

    refusal = words.refusal(code, Anything())
    assert refusal.says.endswith((".", "%(value)s", "…"))
    assert refusal.what_to_do.endswith(".")
