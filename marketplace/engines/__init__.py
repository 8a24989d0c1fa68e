"""How work is driven at a site: a few verbs, the same for every engine.

An engine knows no tables and imports nothing of the project: plain dataclasses go in and come out
(`base.py`), so that it can be tested alone and a new one can be added beside it. `tests/engines` holds
the one contract suite that every engine passes.
"""

from __future__ import annotations

from marketplace.engines.base import Engine

NAMES = ("local",)


def get(name: str) -> Engine:
    """The engine called `name`. Raises KeyError for a name nobody has written."""
    if name == "local":
        from marketplace.engines.local.engine import LocalEngine

        return LocalEngine()
    raise KeyError(name)
