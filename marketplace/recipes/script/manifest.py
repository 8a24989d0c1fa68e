"""The script recipe: plain core-hours. The customer's own Python file runs for up to the time bought.

Params: core_hours, the most it may use (the program also ends before the engine's own limit).
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import warnings
from typing import BinaryIO

from django.utils.translation import gettext_lazy as _

from marketplace.recipes.base import Checked, Excerpt, InputRefused, Manifest, Params, Step
from marketplace.recipes.intake import open_source

PREVIEW_LINES = 5
SHOWN_CHARS = 120

MANIFEST = Manifest(
    key="script",
    title=_("Your own script"),
    accepts=(".py",),
    columns=(),
    steps=(
        Step(key="run", label=_("Your script runs")),
        Step(key="write", label=_("Output and files are gathered")),
    ),
    cores=1,
    memory_mb=1024,
    wall_s=4 * 3600,
    max_bytes=1_000_000,
    min_rows=1,
    packages=("numpy",),
)


def check(data: BinaryIO, filename: str, params: Params) -> Checked:
    """The script, unchanged but for a BOM and line ends; or InputRefused with the line.

    Refuses script_not_utf8, script_syntax, script_import (a library that is not there), script_too_deep.
    size: {"lines"}
    """
    source = open_source(data, filename, accepts=MANIFEST.accepts, max_bytes=MANIFEST.max_bytes)
    if source.encoding != "utf-8-sig":
        raise InputRefused("script_not_utf8")
    lines = list(source.lines)
    clean = "".join(lines).encode()
    _refuse_other_encoding(clean, lines)
    tree = _parsed(clean, lines)
    for statement in tree.body:
        _refuse_unknown_import(statement, lines)
    return Checked(
        clean=clean,
        size={"lines": len(lines)},
        notes=source.notes,
        preview=tuple((line.rstrip("\n")[:SHOWN_CHARS],) for line in lines[:PREVIEW_LINES]),
    )


def _refuse_other_encoding(clean: bytes, lines: list[str]) -> None:
    """A first line may claim another encoding than the file has."""
    try:
        encoding, _lines = tokenize.detect_encoding(io.BytesIO(clean).readline)
    except SyntaxError as error:
        raise _at("script_syntax", lines, 1, message=error.msg) from None
    if encoding not in ("utf-8", "utf-8-sig"):
        raise _at("script_not_utf8", lines, 1)


def _parsed(clean: bytes, lines: list[str]) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape is the script's own business
            tree = ast.parse(clean)
            compile(clean, "script.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _at("script_syntax", lines, error.lineno or 1, message=error.msg) from None
    except (RecursionError, MemoryError, ValueError):
        raise InputRefused("script_too_deep") from None
    return tree


def _refuse_unknown_import(statement: ast.stmt, lines: list[str]) -> None:
    """Only what is imported without fail, at the top: a try or an if may have its reasons."""
    if isinstance(statement, ast.Import):
        names = [alias.name for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        names = ["." * statement.level + (statement.module or "")]
    else:
        return
    for name in names:
        root = name.split(".")[0]
        if root not in sys.stdlib_module_names and root not in MANIFEST.packages:
            there = ", ".join(MANIFEST.packages)
            raise _at("script_import", lines, statement.lineno, module=name[:40], there=there)


def _at(code: str, lines: list[str], line: int, **params: str) -> InputRefused:
    near = range(max(1, line - 1), min(len(lines), line + 1) + 1)
    rows = tuple((number, (lines[number - 1].rstrip()[:SHOWN_CHARS],)) for number in near)
    shown: dict[str, str] = {**params}
    return InputRefused(code, line=line, column=None, excerpt=Excerpt(rows=rows, line=line, cell=0), **shown)  # type: ignore[arg-type]
