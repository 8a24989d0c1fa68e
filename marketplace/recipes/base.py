"""What every recipe is made of: a manifest, a check of the customer's file, a program and a sample.

One identical folder per recipe:

    <key>/manifest.py       MANIFEST and check(data, filename, params) -> Checked, raises InputRefused
    <key>/words.py          optional: REFUSALS and NOTES of its own, shaped as in ../words.py
    <key>/program.py        stand-alone: runs in the sandbox with only its own libraries, no imports of ours
    <key>/<module>.py       optional: what program.py imports beside itself, named in Manifest.modules, as stand-alone
    <key>/requirements.txt  exact pins of those libraries
    <key>/sample/           at least one file that passes check

The check runs in the portal, streaming and without heavy libraries, before anything is charged.
The program runs in the sandbox: `python program.py` with WORK in its environment (default /work). It

    reads    $WORK/input.csv       Checked.clean: UTF-8, comma, header = Column.key of the manifest
             $WORK/params.json     the package's params with the customer's over them
    appends  $WORK/progress.jsonl  one JSON line a step forward, flushed at once:
                                   {"step": Step.key, "done": n, "of": m, "text_en": "...", "text_zh": "..."}
    writes   $WORK/out/result.json and $WORK/out/*.csv

and exits 0, or non-zero with a last progress line {"step": "failed", "text_en": ..., "text_zh": ...}.

result.json, the same shape for every recipe, rendered by the portal (words are {"en": ..., "zh": ...}):

    {
      "recipe":   "forecast",
      "headline": {"value": 812, "unit_key": "value", "low": 760, "high": 865,     low, high: null if none
                   "label": {"en": ..., "zh": ...},     unit_key: "value" = the package's value word;
                                                        "series", "km", "percent", "count" ...
                   "unit": {"en": ..., "zh": ...},      optional: a word of the customer's own file instead
                   "on": "2026-11-26"},                 optional, the day it is about: the portal says tomorrow, today
      "stats":    [{"value": "4.9 %", "label": {...}}, ...]             value: text or number, at most six
      "chart":    {"kind": "forecast", "x": "day" | "month", "history": [[iso, value], ...],
                   "forecast": [[iso, value, low, high], ...],          iso: 2026-11-23, or 2026-11 for months
                   "callout": {"at": iso}}                              optional: the period named, else the first
               or {"kind": "routes", "depot": {"x", "y", "name"}, "routes": [{"name", "load", "distance",
                   "points": [{"x", "y", "name"}, ...]}, ...]}          x, y: map units, y upwards
      "use":      {"en": ..., "zh": ...},              optional: how the figures are used, beside the table
      "table":    {"columns": [{"key", "label": {...}, "align": "left" | "right"}, ...],
                   "title": {...},                      optional: what the table is about
                   "rows": [[cell, ...], ...],          cell: text, number, or null for unknown
                   "total": [cell, ...] | null}         its first cell may be null: the portal writes Total
      "files":    [{"name": "plan.csv", "label": {...}, "bytes": 1234}, ...]   names inside out/
      "units_done": {"series": 20}                       what was done, in the unit the package is sized in
      "notes":    [{"en": ..., "zh": ...}, ...]          what a careful reader should know
    }

params.json may hold "language": "en" | "zh", for the headers of the tables a customer downloads; for a file that
ends on a day (Checked.size has last_ordinal) also "lead_day", the local day after the run, and where intake says
`column_read`, "value_column", the customer's own word for the figures.
Figures in the result are plain numbers (never money). Nothing here touches the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from django.utils.functional import Promise
from django.utils.translation import get_language

Params = Mapping[str, Any]
Kind = Literal["date", "text", "number", "integer"]

EXCERPT_CELL_CHARS = 40
EXCERPT_CELLS = 12


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column the recipe understands. `names`: headers it goes by, lower-cased, English and Chinese."""

    key: str
    names: tuple[str, ...]
    kind: Kind
    required: bool = True
    is_guessable: bool = False  # under an unknown header: the one column of numbers that is left over
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """A named step of the program, as the progress bar shows it."""

    key: str
    label: str | Promise


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a recipe takes and needs. `wall_s` is the time after which the engine stops the program."""

    key: str
    title: str | Promise
    accepts: tuple[str, ...]
    columns: tuple[Column, ...]
    steps: tuple[Step, ...]
    cores: int
    memory_mb: int
    wall_s: int
    max_bytes: int
    min_rows: int
    packages: tuple[str, ...]  # import names of the program's libraries
    modules: tuple[str, ...] = ()  # file names of what the program imports beside itself


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something repaired or worth knowing, in words by code: see words.NOTES."""

    code: str
    params: Params = field(default_factory=dict)

    @property
    def text(self) -> str:
        from marketplace.recipes import words

        return words.note(self.code, self.params)

    @property
    def is_assumed(self) -> bool:
        """Whether it says what was taken for granted, which its reader may know better."""
        from marketplace.recipes import words

        return self.code in words.ASSUMED


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file that can be run.

    clean:   the program's input.csv (UTF-8, comma, header = Column.key)
    size:    plain sizes read from the file, e.g. {"series": 20, "lines": 8400, "periods": 420}
    notes:   what was repaired
    preview: the header as the customer wrote it, then the first rows
    """

    clean: bytes
    size: dict[str, int]
    notes: tuple[Note, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """Up to three lines around the trouble, capped: rows of (line number, cells); `cell` is 0-based."""

    rows: tuple[tuple[int, tuple[str, ...]], ...]
    line: int
    cell: int | None = None


def worded(params: Params) -> dict[str, Any]:
    """Params as the active language writes them: lists joined; in Chinese x_zh, where there is one, for x."""
    zh = (get_language() or "").startswith("zh")
    chosen = {**params, **{k.removesuffix("_zh"): v for k, v in params.items() if zh and k.endswith("_zh") and v}}
    return {k: ("、" if zh else ", ").join(v) if isinstance(v, list) else v for k, v in chosen.items()}


class InputRefused(Exception):
    """The file cannot be run. Nothing was charged.

    code, params: the reason; words are found by code (words.REFUSALS), so it can be stored and shown later
    line:         1-based in the customer's own file, None when the whole file is meant
    column:       the header as the customer wrote it, or None
    """

    def __init__(
        self,
        code: str,
        *,
        line: int | None = None,
        column: str | None = None,
        excerpt: Excerpt | None = None,
        **params: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.line = line
        self.column = column
        self.excerpt = excerpt
        self.params: dict[str, Any] = params

    @property
    def says(self) -> str:
        """What is wrong, in one sentence of the active language."""
        from marketplace.recipes import words

        return words.refusal(self.code, self._words()).says

    @property
    def what_to_do(self) -> str:
        """What to do about it, in one sentence of the active language."""
        from marketplace.recipes import words

        return words.refusal(self.code, self._words()).what_to_do

    def _words(self) -> dict[str, Any]:
        return {**worded(self.params), "line": self.line, "column": self.column}

    def __str__(self) -> str:
        where = f" (line {self.line}, {self.column})" if self.line else ""
        return f"{self.code}{where} {self.params}"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe folder, found by `marketplace.recipes.get(key)`."""

    manifest: Manifest
    check: Callable[[BinaryIO, str, Params], Checked]
    folder: Path

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def program(self) -> Path:
        return self.folder / "program.py"

    @property
    def modules(self) -> tuple[Path, ...]:
        return tuple(self.folder / name for name in self.manifest.modules)

    @property
    def requirements(self) -> Path:
        return self.folder / "requirements.txt"

    @property
    def sample(self) -> Path:
        return self.folder / "sample"
