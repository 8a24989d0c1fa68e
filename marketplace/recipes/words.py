"""What the check of a file says, by code: what is wrong, and what to do. Rendered in the active language.

A recipe with words of its own has a `words.py` beside its manifest, with REFUSALS and NOTES shaped alike.
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
from marketplace.recipes.base import worded

Words = tuple[str | Promise, str | Promise]  # (says, what_to_do)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    says: str
    what_to_do: str


_SAVE_AS_CSV = _("Open it in Excel or WPS, choose Save as, “CSV UTF-8”, and drop that file in.")
_EXPORT_AGAIN = _("Export the table from your system as CSV and drop that file in.")
_SPLIT = _("Export fewer columns or a shorter period, and drop that file in.")
_ADD_OR_RENAME = _("Add the column, or rename yours to “%(rename)s” in the first line.")
_CORRECT = _("Correct this line in your file and drop it in again.")

REFUSALS: dict[str, Words] = {
    # the file
    "empty": (_("The file is empty."), _("Export it again and look at its size before you drop it in.")),
    "too_large": (_("The file is larger than %(limit_mb)s MB. Reading stopped there."), _SPLIT),
    "excel": (_("This is an Excel workbook, not a CSV file."), _SAVE_AS_CSV),
    "archive": (
        _("This is a packed file (%(kind)s). Packed files are not opened."),
        _("Unpack it and drop in the CSV inside."),
    ),
    "picture": (_("This is a picture (%(kind)s), whatever its name says."), _EXPORT_AGAIN),
    "pdf": (_("This is a PDF, whatever its name says."), _EXPORT_AGAIN),
    "html": (
        _("This is a web page, not a CSV file. Some systems export one under another name."),
        _SAVE_AS_CSV,
    ),
    "binary": (_("This is not a text file."), _EXPORT_AGAIN),
    "file_type": (_("A file ending in %(suffix)s cannot be read. Readable: %(accepts)s."), _SAVE_AS_CSV),
    "encoding": (_("Line %(line)s has characters that are neither UTF-8 nor GBK."), _SAVE_AS_CSV),
    "long_line": (_("Line %(line)s is longer than %(limit)s characters."), _EXPORT_AGAIN),
    "open_quote": (
        _("A quotation mark opened in line %(line)s is never closed."),
        _("Close or remove the quotation mark in that line."),
    ),
    "too_many_lines": (_("There are more than %(limit)s lines."), _SPLIT),
    "too_many_columns": (_("Line %(line)s has more than %(limit)s columns."), _SPLIT),
    # the header
    "no_header": (
        _("The first line already holds data. It must name the columns."),
        _("Put a line with the names of the columns on top: %(wanted)s."),
    ),
    "missing_column": (
        _("There is no column “%(wanted)s”. Columns found: %(found)s."),
        _ADD_OR_RENAME,
    ),
    "missing_column_near": (
        _("There is no column “%(wanted)s”. The nearest is “%(nearest)s”. Columns found: %(found)s."),
        _("If “%(nearest)s” is meant, rename it to “%(rename)s” in the first line."),
    ),
    "missing_column_several": (
        _("There is no column “%(wanted)s”, and more than one might be meant: %(found)s."),
        _("Rename the one that is meant to “%(rename)s” in the first line."),
    ),
    "duplicate_header": (
        _("Two columns are both called “%(column)s”."),
        _("Rename or remove one of them, so that it is clear which is meant."),
    ),
    # a line
    "extra_cells": (
        _("Line %(line)s has %(found)s cells, the header has %(wanted)s."),
        _("A comma inside a text is the usual cause: put the text in quotation marks."),
    ),
    "missing_cells": (_("Line %(line)s has %(found)s cells, the header has %(wanted)s."), _CORRECT),
    "missing_value": (_("Line %(line)s: “%(column)s” is empty."), _("Fill it in, or delete the line.")),
    "formula": (
        _("Line %(line)s: “%(column)s” holds a formula: %(value)s"),
        _("In Excel copy the column, paste it as values, and save as CSV again."),
    ),
    "long_text": (_("Line %(line)s: “%(column)s” is longer than %(limit)s characters."), _CORRECT),
    "control_character": (_("Line %(line)s: “%(column)s” holds an invisible character."), _CORRECT),
    "not_a_date": (
        _("Line %(line)s: “%(value)s” in “%(column)s” is not a date."),
        _("Write dates like 2026-11-21, months like 2026-11."),
    ),
    "date_unclear": (
        _("Line %(line)s: in “%(value)s” day and month could be either way round."),
        _("Write dates with the year first: 2026-11-21."),
    ),
    "not_a_number": (
        _("Line %(line)s: “%(value)s” in “%(column)s” is not a number."),
        _("Put only the number there, without words or units; leave it empty if it is not known."),
    ),
    "not_whole": (_("Line %(line)s: “%(value)s” in “%(column)s” is not a whole number."), _CORRECT),
    "negative": (
        _("Line %(line)s: “%(column)s” is negative (%(value)s)."),
        _("Take returns and cancellations off the day they belong to, or delete the line."),
    ),
    "too_small": (_("Line %(line)s: “%(column)s” is %(value)s, the least is %(limit)s."), _CORRECT),
    "too_large_number": (_("Line %(line)s: “%(column)s” is %(value)s, the most is %(limit)s."), _CORRECT),
}

ASSUMED = {"column_read", "money_column", "one_series"}  # notes that nobody may miss before he pays

NOTES: dict[str, str | Promise] = {
    "from_gb18030": _("Read as Chinese Windows text (GBK) and converted."),
    "from_utf16": _("Read as UTF-16 text and converted."),
    "bom_removed": _("An invisible mark at the start of the file was removed."),
    "delimiter_semicolon": _("Columns are separated by semicolons; read so."),
    "delimiter_tab": _("Columns are separated by tabs; read so."),
    "delimiter_bar": _("Columns are separated by vertical bars; read so."),
    "delimiter_chinese_comma": _("Columns are separated by Chinese commas; read so."),
    "title_lines": _("Lines above the header were left out: %(count)s."),
    "column_chosen": _("“%(chosen)s” is used; “%(left)s” is not."),
    "column_read": _("We read the column “%(column)s” as the quantity to forecast."),
    "total_lines": _("Lines with totals were left out: %(count)s."),
    "blank_values": _("Lines without a number were left out: %(count)s."),
    "times_dropped": _("Times of day were dropped, the date kept: %(count)s lines."),
    "excel_serials": _("Excel day numbers were read as dates: %(count)s lines."),
    "thousands": _("Numbers with thousands separators were read as such: %(count)s."),
    "decimal_comma": _("Numbers with a decimal comma were read as such: %(count)s."),
}


def refusal(code: str, params: Mapping[str, Any]) -> Refusal:
    """Words for a refusal. KeyError for a code nobody wrote words for."""
    says, what_to_do = _refusals()[code]
    return Refusal(says=str(says) % params, what_to_do=str(what_to_do) % params)


def note(code: str, params: Mapping[str, Any]) -> str:
    """Words for a note. KeyError for a code nobody wrote words for."""
    return str(_notes()[code]) % worded(params)


@cache
def _refusals() -> dict[str, Words]:
    return {key: value for module in _recipe_words() for key, value in module.REFUSALS.items()} | REFUSALS


@cache
def _notes() -> dict[str, str | Promise]:
    return {key: value for module in _recipe_words() for key, value in module.NOTES.items()} | NOTES


def _recipe_words() -> list[Any]:
    return [
        import_module(f"{recipes.__name__}.{recipe.key}.words")
        for recipe in recipes.all()
        if (recipe.folder / "words.py").exists()
    ]
