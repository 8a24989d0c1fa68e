"""Where the header is, how the columns are separated, which column is which."""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from marketplace.recipes.base import (
    EXCERPT_CELL_CHARS,
    EXCERPT_CELLS,
    Column,
    Excerpt,
    InputRefused,
    Manifest,
    Note,
)
from marketplace.recipes.intake.cells import parse_moment, parse_number

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "，": "chinese_comma"}
MAX_COLUMNS = 200
LOOK_AT_LINES = 12  # a title or two may stand above the header
BLANK = " \t,;|，\n"

_BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")
_FILLING = re.compile(r"[\s_\-.:：*#/]+")


@dataclass(frozen=True, kw_only=True)
class Header:
    """The header found: its line (1-based), its names as written, and the place of each known column."""

    line: int
    names: tuple[str, ...]
    places: dict[str, int]
    delimiter: str
    notes: tuple[Note, ...]


def normal(name: str) -> str:
    """A header reduced to what is compared: half-width, lower case, without unit in brackets or filling."""
    name = unicodedata.normalize("NFKC", name).strip().strip("'\"").lower()
    return _FILLING.sub("", _BRACKETS.sub("", name) or name)


def find_header(lines: list[str], manifest: Manifest) -> Header:
    """The header among the first lines of a file: the line and the separator that know most of our columns.

    Raises InputRefused: missing_column(_near), no_header, duplicate_header, too_many_columns.
    """
    told = _told_delimiter(lines[0])
    marks = [told] if told else list(DELIMITERS)
    numbers = [n for n, line in enumerate(lines, start=1) if line.strip(BLANK) and (n > 1 or not told)]
    if not numbers:
        raise InputRefused("empty")
    tried = [(number, mark, _cells(lines[number - 1], mark)) for number in numbers for mark in marks]
    line, mark, names = max(
        tried, key=lambda t: (len(_places(t[2], manifest.columns)[0]), -t[0], len(t[2]), -marks.index(t[1]))
    )
    if len(names) > MAX_COLUMNS:
        raise InputRefused("too_many_columns", line=line, limit=MAX_COLUMNS)
    return _accept(lines, line, names, mark, manifest, told=bool(told))


def _told_delimiter(line: str) -> str:
    """Excel's own first line: sep=;"""
    text = line.strip().strip('"').lower()
    return text[4:5] if text.startswith("sep=") and len(text) == 5 else ""


def _cells(line: str, mark: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=mark), [])]
    except csv.Error:
        return []


def _places(names: list[str], columns: tuple[Column, ...]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Place of each known column; and, where several headers fit one column, (chosen, left out)."""
    reduced = [normal(name) for name in names]
    places: dict[str, int] = {}
    passed_over: list[tuple[str, int]] = []
    for column in columns:
        fits = [reduced.index(name) for name in map(normal, column.names) if name in reduced]
        fits = [place for place in dict.fromkeys(fits) if place not in places.values()]
        if fits:
            places[column.key] = fits[0]
            passed_over += [(names[fits[0]], other) for other in fits[1:]]
    return places, [(chosen, names[other]) for chosen, other in passed_over if other not in places.values()]


def _accept(
    lines: list[str], line: int, names: list[str], mark: str, manifest: Manifest, *, told: bool
) -> Header:
    places, passed_over = _places(names, manifest.columns)
    near = [(n, _cells(lines[n - 1], mark)) for n in (line - 1, line, line + 1) if 1 <= n <= len(lines)]
    for column in manifest.columns:
        if column.required and column.key not in places:
            raise _missing(column, names, places, manifest, excerpt_of(near, line=line, cell=None))
    for used in places.values():
        for place, name in enumerate(names):
            if place != used and normal(name) == normal(names[used]):
                excerpt = excerpt_of(near, line=line, cell=place)
                raise InputRefused("duplicate_header", line=line, column=name, excerpt=excerpt)
    notes = []
    if mark != "," and not told:
        notes.append(Note(code=f"delimiter_{DELIMITERS[mark]}"))
    above = sum(1 for text in lines[: line - 1] if text.strip(BLANK)) - told
    if above > 0:
        notes.append(Note(code="title_lines", params={"count": above}))
    notes += [Note(code="column_chosen", params={"chosen": a, "left": b}) for a, b in passed_over]
    return Header(line=line, names=tuple(names), places=places, delimiter=mark, notes=tuple(notes))


def _missing(
    column: Column, names: list[str], places: dict[str, int], manifest: Manifest, excerpt: Excerpt
) -> InputRefused:
    if _looks_like_data(names):
        wanted = ", ".join(_called(each) for each in manifest.columns if each.required)
        return InputRefused("no_header", line=excerpt.line, excerpt=excerpt, wanted=wanted)
    found = ", ".join(name[:30] for name in names[:20] if name)
    nearest = _nearest(column, names, set(places.values()))
    return InputRefused(
        "missing_column_near" if nearest else "missing_column",
        line=excerpt.line,
        excerpt=excerpt,
        wanted=_called(column),
        found=found,
        nearest=nearest,
        rename=column.names[0],
    )


def _called(column: Column) -> str:
    """How the column may be called: its first name, then its first Chinese one."""
    han = next((name for name in column.names if not name.isascii()), "")
    return " / ".join(filter(None, dict.fromkeys((column.names[0], han))))


def _nearest(column: Column, names: list[str], taken: set[int]) -> str:
    free = {normal(name): name for place, name in enumerate(names) if name and place not in taken}
    scored = [
        (difflib.SequenceMatcher(None, normal(known), reduced).ratio(), name)
        for known in column.names
        for reduced, name in free.items()
    ]
    ratio, name = max(scored, default=(0.0, ""))
    return name[:30] if ratio >= 0.6 else ""


def _looks_like_data(names: list[str]) -> bool:
    def is_value(text: str) -> bool:
        for parse in (parse_moment, parse_number):
            try:
                parse(text)
            except ValueError:
                continue
            return True
        return False

    return sum(is_value(name) for name in names if name) >= 2


def excerpt_of(rows: Iterable[tuple[int, Sequence[str]]], *, line: int, cell: int | None) -> Excerpt:
    """Lines around the trouble, each capped in cells and characters, with the cell meant kept in view."""
    start = max(0, (cell or 0) - EXCERPT_CELLS + 1)
    capped = tuple(
        (number, tuple(text[:EXCERPT_CELL_CHARS] for text in cells[start : start + EXCERPT_CELLS]))
        for number, cells in rows
    )
    return Excerpt(rows=capped, line=line, cell=None if cell is None else cell - start)
