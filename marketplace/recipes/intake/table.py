"""A table of ours in a text file: rows one at a time, cells checked by the kind of their column."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Any, BinaryIO

from marketplace.recipes.base import Column, InputRefused, Manifest, Note
from marketplace.recipes.intake.cells import (
    Moment,
    OrderUnclearError,
    is_formula,
    parse_moment,
    parse_number,
)
from marketplace.recipes.intake.header import (
    BLANK,
    LOOK_AT_LINES,
    MAX_COLUMNS,
    Header,
    excerpt_of,
    find_header,
)
from marketplace.recipes.intake.source import Source, open_source

MAX_LINES = 2_000_000
MAX_TEXT_CHARS = 120
TOTALS = {"total", "totals", "grandtotal", "sum", "subtotal", "合计", "总计", "小计", "共计", "汇总"}


class Row:
    """One line of the customer's table. `line` is where it starts in their file, 1-based."""

    __slots__ = ("_table", "cells", "line")

    def __init__(self, table: Table, line: int, cells: list[str]) -> None:
        self._table = table
        self.line = line
        self.cells = cells

    def raw(self, key: str) -> str:
        """The cell of a column, stripped; empty when the file has no such column."""
        place = self._table.header.places.get(key, MAX_COLUMNS)
        return self.cells[place] if place < len(self.cells) else ""

    def text(self, key: str) -> str:
        """A text cell. Refuses formulas and overlong texts; empty is allowed."""
        text, problem = _clean_text(self.raw(key))
        if problem:
            raise self._table.refused(problem, self, key, value=text[:60], limit=MAX_TEXT_CHARS)
        return text

    def date(self, key: str) -> Moment:
        """A day or a month. Refuses formula, date_unclear, not_a_date, missing_value."""
        text = self._needed(key)
        try:
            moment = parse_moment(text)
        except OrderUnclearError:
            raise self._table.refused("date_unclear", self, key, value=text[:60]) from None
        except ValueError:
            code = "formula" if is_formula(text) else "not_a_date"
            raise self._table.refused(code, self, key, value=text[:60]) from None
        if moment.repaired:
            self._table.count(moment.repaired)
        return moment

    def number(self, key: str) -> float:
        """A number within the column's bounds. Refuses formula, not_a_number, not_whole, negative, too_small,
        too_large_number, missing_value."""
        text = self._needed(key)
        try:
            value, repaired = parse_number(text)
        except ValueError:
            code = "formula" if is_formula(text) else "not_a_number"
            raise self._table.refused(code, self, key, value=text[:60]) from None
        if repaired:
            self._table.count(repaired)
        column = self._table.columns[key]
        if column.minimum is not None and value < column.minimum:
            code = "negative" if column.minimum == 0 else "too_small"
            raise self._table.refused(code, self, key, value=text[:60], limit=f"{column.minimum:g}")
        if column.maximum is not None and value > column.maximum:
            raise self._table.refused(
                "too_large_number", self, key, value=text[:60], limit=f"{column.maximum:g}"
            )
        if column.kind == "integer" and value != int(value):
            raise self._table.refused("not_whole", self, key, value=text[:60])
        return value

    def _needed(self, key: str) -> str:
        text = self.raw(key)
        if not text:
            raise self._table.refused("missing_value", self, key)
        return text


class Table:
    """Rows of a file whose header is known. Iterate once; lines of nothing and of totals are left out."""

    def __init__(
        self, manifest: Manifest, header: Header, lines: Iterator[str], notes: tuple[Note, ...]
    ) -> None:
        self.manifest = manifest
        self.header = header
        self.columns: dict[str, Column] = {column.key: column for column in manifest.columns}
        self._notes = [*notes, *header.notes]
        self._counts: Counter[str] = Counter()
        self._lines = lines
        self._before: deque[tuple[int, list[str]]] = deque(maxlen=2)
        self._next_line = header.line + 1
        self._names = [k for k in header.places if self.columns[k].kind in ("date", "text")]
        self._rows = self._read()

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def has(self, key: str) -> bool:
        return key in self.header.places

    def count(self, code: str, by: int = 1) -> None:
        """One more cell or line of this note; shown once, with the count."""
        self._counts[code] += by

    def notes(self) -> tuple[Note, ...]:
        """What was repaired so far."""
        return (*self._notes, *(Note(code=c, params={"count": n}) for c, n in self._counts.items()))

    def refused(self, code: str, row: Row, key: str | None = None, **params: Any) -> InputRefused:
        """A refusal of this cell (or row), with the lines around it."""
        cell = self.header.places.get(key) if key else None
        around = list(self._before)
        if not around or around[-1][0] != row.line:  # a row met earlier
            around = [(row.line, row.cells)]
        else:
            around += self._after()
        column = self.header.names[cell] if cell is not None else None
        excerpt = excerpt_of(around, line=row.line, cell=cell)
        return InputRefused(code, line=row.line, column=column, excerpt=excerpt, **params)

    def _after(self) -> list[tuple[int, list[str]]]:
        """The line after the last row, for an excerpt only: whatever is wrong with it is not the news."""
        try:
            line = next(self._lines, "")
            cells = next(csv.reader([line], delimiter=self.header.delimiter), [])
        except (InputRefused, csv.Error):
            return []
        return [(self._next_line, cells)] if cells else []

    def _read(self) -> Iterator[Row]:
        width = len(self.header.names)
        self._before.append((self.header.line, list(self.header.names)))
        reader = csv.reader(self._lines, delimiter=self.header.delimiter)
        needed = max(self.header.places[c.key] for c in self.manifest.columns if c.required)
        number = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise InputRefused("open_quote", line=self._next_line) from None
            line, self._next_line = self._next_line, self.header.line + 1 + reader.line_num
            cells = [cell.strip() for cell in cells]
            if not any(cells) or not any(cell.strip(BLANK) for cell in cells):
                continue
            number += 1
            if number > MAX_LINES:
                raise InputRefused("too_many_lines", line=line, limit=MAX_LINES)
            row = Row(self, line, cells)
            self._before.append((line, cells))
            if len(cells) > width and any(cells[width:]):
                raise self.refused("extra_cells", row, found=len(cells), wanted=width)
            if self._is_total(row):
                self.count("total_lines")
                continue
            if needed >= len(cells):
                code = "open_quote" if any("\n" in cell for cell in cells) else "missing_cells"
                raise self.refused(code, row, found=len(cells), wanted=width)
            yield row

    def _is_total(self, row: Row) -> bool:
        """A line of totals: the word where the date or the name would be."""
        return any(_is_total_word(row.raw(key)) for key in self._names)


@lru_cache(maxsize=8192)
def _is_total_word(text: str) -> bool:
    return text.strip(":：").lower().replace(" ", "") in TOTALS


@lru_cache(maxsize=8192)
def _clean_text(text: str) -> tuple[str, str]:
    """(text with plain single spaces, code of what is wrong with it or empty)."""
    text = " ".join(text.split())
    if is_formula(text):
        return text, "formula"
    if len(text) > MAX_TEXT_CHARS:
        return text, "long_text"
    return text, "" if text.isprintable() else "control_character"


def open_table(data: BinaryIO, filename: str, manifest: Manifest) -> Table:
    """The table in a dropped-in file; `data` must be seekable.

    Raises InputRefused for what is no text, too large, or lacks a needed column. Cells are checked as the
    rows are read.
    """
    source = open_source(data, filename, accepts=manifest.accepts, max_bytes=manifest.max_bytes)
    return table_of(source, manifest)


def table_of(source: Source, manifest: Manifest) -> Table:
    """The table in lines already opened."""
    first = list(islice(source.lines, LOOK_AT_LINES))
    if not first:
        raise InputRefused("empty")
    header = find_header(first, manifest)
    return Table(manifest, header, chain(first[header.line :], source.lines), source.notes)
