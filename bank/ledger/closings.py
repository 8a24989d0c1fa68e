"""The file of closings: one line of JSON a close, outside the database, so that whoever can rewrite every row
and every hash there is still found out. Only ever appended to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from portal.core.words import local

from .models import DayClose

Wrong = list[tuple[str, str]]


def line(close: DayClose) -> bytes:
    facts = {
        "number": close.number, "day": close.day.isoformat(), "journals": close.journals, "postings": close.postings,
        "lotentries": close.lotentries, "closed_at": local(close.closed_at).isoformat(),
        "previous_hash": close.previous_hash, "hash": close.hash}
    return json.dumps(facts).encode() + b"\n"


def compare(data: bytes, closes: Iterable[DayClose]) -> tuple[Wrong, bytes]:
    """What of the file's text contradicts the closes, as (day, saying); and what is missing at its end."""
    known = {close.number: close for close in closes}
    *lines, begun = data.split(b"\n")  # a process may have died in the middle of the last line
    wrong: Wrong = []
    for number, text in enumerate(lines, 1):
        close = known.pop(number, None)
        day, said = _read(number, text)
        if close is None:
            wrong.append((day, "stands in the file of closings and not in the database"))
        elif text + b"\n" != line(close):
            wrong.append((close.day.isoformat(), f"the file of closings says {said}, the database {close.hash}"))
    missing = b"".join(line(known[number]) for number in sorted(known))
    if not missing.startswith(begun):
        wrong.append((_read(len(lines) + 1, begun)[0], "the last line of the file of closings is another one"))
    return wrong, missing[len(begun):]


def append(path: Path, text: bytes) -> None:
    """At the end, and on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name of a new file, too
    finally:
        os.close(folder)


def _read(number: int, text: bytes) -> tuple[str, str]:
    """(day, hash) of a line, as far as it can be read."""
    try:
        facts = json.loads(text)
        return str(facts["day"]), str(facts["hash"])
    except (ValueError, TypeError, LookupError):
        return f"line {number}", "nothing that can be read"
