"""The sample file that a package brings, read from marketplace.recipes: its header speaks the active language."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache

from marketplace import recipes

from .models import Package

LINES = 6


@dataclass(frozen=True, kw_only=True)
class Sample:
    """`rows`: the header and the first lines as cells; a file that is no table has one cell a line."""

    name: str
    content: bytes
    rows: tuple[tuple[str, ...], ...]

    @property
    def bytes(self) -> int:
        return len(self.content)


def of(package: Package) -> Sample | None:
    """The sample of a package; None when it has none."""
    return _read(package.sample, tuple(package.columns)) if package.sample else None


@lru_cache(maxsize=256)
def _read(path: str, columns: tuple[str, ...]) -> Sample | None:
    full = (recipes.FOLDER / path).resolve()
    if not full.is_file() or not full.is_relative_to(recipes.FOLDER.resolve()):
        return None
    content = full.read_bytes()
    if full.suffix == ".csv":
        content = _headed(content, columns)
    lines = content.decode("utf-8-sig", errors="replace").splitlines()[:LINES]
    rows = tuple(map(tuple, csv.reader(lines))) if full.suffix == ".csv" else tuple((line,) for line in lines)
    return Sample(name=full.name, content=content, rows=rows)


def _headed(content: bytes, columns: tuple[str, ...]) -> bytes:
    """The same lines under the package's names of the columns; marked as UTF-8 for Excel where it must know."""
    first, _, rest = content.decode("utf-8-sig").partition("\n")
    if len(next(csv.reader([first]), [])) == len(columns):
        head = io.StringIO()
        csv.writer(head, lineterminator="").writerow(columns)
        first = head.getvalue()
    text = f"{first}\n{rest}"
    return text.encode("utf-8" if text.isascii() else "utf-8-sig")
