"""Where the header is, how the columns are separated, which column is which."""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
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
NAME_CHARS = 40  # of a header that is quoted
LOOK_AT_LINES = 12  # a title or two may stand above the header
BLANK = " \t,;|，\n"

# headers of numbers that are no quantity: identifiers, prices by the piece, rates, parts of a date, places
_NO_QUANTITY_HAN = re.compile(
    "编号|编码|代码|电话|手机|邮编|条码|序号|单价|均价|售价|价格|客单价|人均|占比|比例|折扣|时间|日期|经度|纬度"
    "|[号率]$|^(年|月|日|周|年份|月份|星期.*|周几|小时|时段|行)$"
)
_NO_QUANTITY = {
    "ids", "code", "codes", "phone", "tel", "mobile", "zip", "postcode", "barcode", "sku", "ean", "price", "rate",
    "ratio", "share", "percent", "pct", "discount", "avg", "average", "mean", "year", "month", "week", "day", "weekday",
    "dow", "hour", "date", "time", "lat", "lon", "lng", "latitude", "longitude", "index", "row", "line",
}  # fmt: skip
_NO_QUANTITY_LAST = ("id", "no", "nr", "num", "number")  # "storeid", "store no", but not "number of guests"
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

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
    notes = []
    for column in manifest.columns:
        if column.required and column.key not in places:
            rows = [_cells(text, mark) for text in lines[line:] if text.strip(BLANK)]
            left = _left_over(names, set(places.values()), rows) if column.is_guessable else []
            if len(left) != 1:
                shown = excerpt_of(near, line=line, cell=None)
                raise _missing(column, names, places, manifest, shown, [names[place] for place in left])
            places[column.key] = left[0]
            notes.append(Note(code="column_read", params={"column": names[left[0]][:NAME_CHARS]}))
    for used in places.values():
        for place, name in enumerate(names):
            if place != used and normal(name) == normal(names[used]):
                excerpt = excerpt_of(near, line=line, cell=place)
                raise InputRefused("duplicate_header", line=line, column=name, excerpt=excerpt)
    if mark != "," and not told:
        notes.append(Note(code=f"delimiter_{DELIMITERS[mark]}"))
    above = sum(1 for text in lines[: line - 1] if text.strip(BLANK)) - told
    if above > 0:
        notes.append(Note(code="title_lines", params={"count": above}))
    notes += [Note(code="column_chosen", params={"chosen": a, "left": b}) for a, b in passed_over]
    return Header(line=line, names=tuple(names), places=places, delimiter=mark, notes=tuple(notes))


def _left_over(names: list[str], taken: set[int], rows: list[list[str]]) -> list[int]:
    """Places that may hold a quantity under a header nobody knows: nothing but numbers in the first lines."""
    found = []
    for place, name in enumerate(names):
        cells = [row[place] for row in rows if place < len(row) and row[place]]
        if place not in taken and cells and _may_be_quantity(name) and all(map(_is_number, cells)):
            found.append(place)
    return found


def _may_be_quantity(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    is_other = bool(_NO_QUANTITY.intersection(words)) or " ".join(words).endswith(_NO_QUANTITY_LAST)
    return bool(normal(name)) and not is_other and not _NO_QUANTITY_HAN.search(normal(name))


def _is_number(text: str) -> bool:
    """A number, and neither an identifier with zeros in front nor a day like 20261121."""
    is_identifier = text.isdecimal() and len(text) > 1 and text[0] == "0"
    is_day = text.isdecimal() and len(text) == 8 and _is_value(text, parse_moment)
    return _is_value(text, parse_number) and not is_identifier and not is_day


def _is_value(text: str, *parsers: Callable[[str], object]) -> bool:
    for parse in parsers:
        try:
            parse(text)
        except ValueError:
            continue
        return True
    return False


def _missing(
    column: Column,
    names: list[str],
    places: dict[str, int],
    manifest: Manifest,
    excerpt: Excerpt,
    several: list[str],
) -> InputRefused:
    if _looks_like_data(names):
        needed = [each.names for each in manifest.columns if each.required]
        wanted, wanted_zh = [called(each) for each in needed], [called(each, zh=True) for each in needed]
        return InputRefused("no_header", line=excerpt.line, excerpt=excerpt, wanted=wanted, wanted_zh=wanted_zh)
    nearest = "" if several else _nearest(column, names, set(places.values()))
    code = "missing_column_several" if several else "missing_column_near" if nearest else "missing_column"
    return InputRefused(
        code,
        line=excerpt.line,
        excerpt=excerpt,
        wanted=called(column.names),
        wanted_zh=called(column.names, zh=True),
        found=[name[:30] for name in (several or names)[:20] if name],
        nearest=nearest,
        rename=called(column.names),
        rename_zh=called(column.names, zh=True),
    )


def called(names: Sequence[str], *, zh: bool = False) -> str:
    """What a column is called to its reader: its first name in his language, else its first."""
    return next((name for name in names if name.isascii() is not zh), names[0])


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
    return sum(_is_value(name, parse_moment, parse_number) for name in names if name) >= 2


def excerpt_of(rows: Iterable[tuple[int, Sequence[str]]], *, line: int, cell: int | None) -> Excerpt:
    """Lines around the trouble, each capped in cells and characters, with the cell meant kept in view."""
    start = max(0, (cell or 0) - EXCERPT_CELLS + 1)
    capped = tuple(
        (number, tuple(text[:EXCERPT_CELL_CHARS] for text in cells[start : start + EXCERPT_CELLS]))
        for number, cells in rows
    )
    return Excerpt(rows=capped, line=line, cell=None if cell is None else cell - start)
