"""Recipes: what a package really runs. One identical folder each (see base.py); no tables.

A folder is a recipe when it holds a `manifest.py`; nothing is registered anywhere else.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marketplace.recipes.base import Recipe

FOLDER = Path(__file__).parent


def keys() -> tuple[str, ...]:
    """Keys of all recipes, sorted: the folders with a manifest."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/manifest.py")))


@cache
def get(key: str) -> Recipe:
    """The recipe with this key; KeyError when there is none."""
    from marketplace.recipes.base import Recipe

    if key not in keys():
        raise KeyError(key)
    module = import_module(f"{__name__}.{key}.manifest")
    return Recipe(manifest=module.MANIFEST, check=module.check, folder=FOLDER / key)


def all() -> tuple[Recipe, ...]:
    """All recipes, by key."""
    return tuple(get(key) for key in keys())
