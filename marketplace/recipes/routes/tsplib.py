"""TSPLIB files (Reinelt 1991): symmetric TSP with EDGE_WEIGHT_TYPE EUC_2D, the kind that has coordinates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from marketplace.recipes.base import Excerpt, InputRefused
from marketplace.recipes.routes.stops import MAX_STOPS, Entry, Stops

LOOK_AT_LINES = 30
_KEYWORD = re.compile(r"\s*([A-Z_]+)\s*(?::\s*(.*?))?\s*")


def is_tsplib(filename: str, first: list[str]) -> bool:
    """Whether the name or the first lines say so."""
    keywords = ("NODE_COORD_SECTION", "EDGE_WEIGHT_TYPE")
    return PurePath(filename).suffix.lower() == ".tsp" or any(
        line.strip().startswith(keywords) for line in first
    )


def read(lines: Iterable[str]) -> Stops:
    """The nodes, the first being the depot: one round past all of them. No unit, so no clock.

    Refuses routes_tsplib_kind, routes_tsplib_line, routes_tsplib_count, routes_too_few, routes_too_many.
    """
    head: dict[str, str] = {}
    entries: list[Entry] = []
    in_nodes = False
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text == "EOF":
            break
        found = _KEYWORD.fullmatch(text)
        if found:
            in_nodes = found[1] == "NODE_COORD_SECTION"
            head[found[1]] = found[2] or ""
            _refuse_kind(number, text, head)
        elif in_nodes and text:
            if len(entries) > MAX_STOPS:
                raise _refused("routes_too_many", number, text, limit=MAX_STOPS)
            entries.append(_node(number, text))
    if len(entries) < 3:
        raise InputRefused("routes_too_few", found=len(entries), least=3)
    if head.get("DIMENSION") and head["DIMENSION"] != str(len(entries)):
        raise InputRefused("routes_tsplib_count", told=head["DIMENSION"][:12], found=len(entries))
    return Stops(unit="1", entries=entries)


def _refuse_kind(number: int, text: str, head: dict[str, str]) -> None:
    if head.get("TYPE", "TSP") not in ("TSP", "") or head.get("EDGE_WEIGHT_TYPE", "EUC_2D") != "EUC_2D":
        raise _refused("routes_tsplib_kind", number, text, value=text[:60])


def _node(number: int, text: str) -> Entry:
    try:
        name, x, y = text.split()
        place = float(x), float(y)
        if not all(abs(value) < 1e9 for value in place):
            raise ValueError(text)
    except ValueError:
        raise _refused("routes_tsplib_line", number, text, value=text[:60]) from None
    return Entry(line=number, cells=(name, x, y), name=name, x=place[0], y=place[1], demand=0)


def _refused(code: str, number: int, text: str, **params: Any) -> InputRefused:
    excerpt = Excerpt(rows=((number, (text[:40],)),), line=number)
    return InputRefused(code, line=number, excerpt=excerpt, **params)
