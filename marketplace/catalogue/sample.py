"""The sample file that a package brings: its name, size and first lines, read from marketplace.recipes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from marketplace import recipes

LINES = 6
READ_BYTES = 16_384


@dataclass(frozen=True, kw_only=True)
class Sample:
    """`rows`: the header and the first lines as cells; a file that is no table has one cell a line."""

    path: Path
    rows: tuple[tuple[str, ...], ...]
    bytes: int

    @property
    def name(self) -> str:
        return self.path.name


def of(path: str) -> Sample | None:
    """The sample at a path inside marketplace/recipes; None when there is none."""
    return _read(path) if path else None


@lru_cache(maxsize=256)
def _read(path: str) -> Sample | None:
    full = (recipes.FOLDER / path).resolve()
    if not full.is_file() or not full.is_relative_to(recipes.FOLDER.resolve()):
        return None
    with full.open("rb") as file:
        text = file.read(READ_BYTES).decode("utf-8-sig", errors="replace")
    lines = text.splitlines()[:LINES]
    rows = (
        tuple(tuple(row) for row in csv.reader(lines))
        if full.suffix == ".csv"
        else tuple((x,) for x in lines)
    )
    return Sample(path=full, rows=rows, bytes=full.stat().st_size)
