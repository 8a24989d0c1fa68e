"""What the check of a file says, by code: what is wrong, and what to do. Rendered in the active language.

A recipe with words of its own has a `words.py` beside its manifest, with REFUSALS and NOTES of the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace import recipes

Words = tuple[str | Promise, str | Promise]  # (says, what_to_do)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    says: str
    what_to_do: str


REFUSALS: dict[str, Words] = {
    "empty": (_("The file is empty."), _("Export it again and look at its size before you drop it in.")),
}

NOTES: dict[str, str | Promise] = {
    "from_gb18030": _("Read as Chinese Windows text (GBK) and converted."),
}


def refusal(code: str, params: Mapping[str, Any]) -> Refusal:
    """Words for a refusal. KeyError for a code nobody wrote words for."""
    says, what_to_do = _refusals()[code]
    return Refusal(says=str(says) % params, what_to_do=str(what_to_do) % params)


def note(code: str, params: Mapping[str, Any]) -> str:
    """Words for a note. KeyError for a code nobody wrote words for."""
    return str(_notes()[code]) % params


@cache
def _refusals() -> dict[str, Words]:
    return {key: value for module in _recipe_words() for key, value in module.REFUSALS.items()} | REFUSALS


@cache
def _notes() -> dict[str, str | Promise]:
    return {key: value for module in _recipe_words() for key, value in module.NOTES.items()} | NOTES


def _recipe_words() -> list[Any]:
    return [
        import_module(f"{recipes.__name__}.{key}.words")
        for key in recipes.keys()
        if (recipes.FOLDER / key / "words.py").exists()
    ]
