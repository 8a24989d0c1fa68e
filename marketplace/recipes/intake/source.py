"""From bytes to lines of text: size, kind of file, encoding. Reads in chunks and stops early."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from marketplace.recipes.base import InputRefused, Note

CHUNK_BYTES = 1 << 20
MAX_LINE_CHARS = 20_000

EXCEL = (".xlsx", ".xlsm", ".xls", ".et", ".ods", ".numbers")

MAGIC: tuple[tuple[bytes, str, str], ...] = (
    # first bytes, refusal code, what it is
    (b"\xd0\xcf\x11\xe0", "excel", "Excel 97"),
    (b"\x89PNG", "picture", "PNG"),
    (b"\xff\xd8\xff", "picture", "JPEG"),
    (b"GIF8", "picture", "GIF"),
    (b"RIFF", "picture", "WebP"),
    (b"II*\x00", "picture", "TIFF"),
    (b"MM\x00*", "picture", "TIFF"),
    (b"%PDF", "pdf", "PDF"),
    (b"\x1f\x8b", "archive", "gzip"),
    (b"7z\xbc\xaf", "archive", "7z"),
    (b"Rar!", "archive", "rar"),
    (b"BZh", "archive", "bzip2"),
    (b"\xfd7zXZ", "archive", "xz"),
    (b"(\xb5/\xfd", "archive", "zstd"),
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A text file that may be read: its lines (each ends in \\n) can be iterated once."""

    lines: Iterator[str]
    encoding: str
    notes: tuple[Note, ...]


def open_source(data: BinaryIO, filename: str, *, accepts: tuple[str, ...], max_bytes: int) -> Source:
    """The lines of a dropped-in file. `data` must be seekable (an uploaded file is).

    Raises InputRefused: too_large, empty, excel, archive, picture, pdf, html, binary, file_type, encoding.
    """
    data.seek(0)
    head = data.read(CHUNK_BYTES)
    _refuse_kind(head, filename, accepts)
    encoding = _encoding(data, head, max_bytes)
    notes = []
    if encoding == "gb18030":
        notes.append(Note(code="from_gb18030"))
    elif encoding == "utf-16":
        notes.append(Note(code="from_utf16"))
    elif head.startswith(codecs.BOM_UTF8):
        notes.append(Note(code="bom_removed"))
    return Source(lines=_lines(data, encoding), encoding=encoding, notes=tuple(notes))


def _refuse_kind(head: bytes, filename: str, accepts: tuple[str, ...]) -> None:
    if not head.strip(b" \t\r\n\x00" + codecs.BOM_UTF8):
        raise InputRefused("empty")
    if head.startswith(b"PK"):
        start = head[:4096]
        is_excel = b"[Content_Types].xml" in start or b"xl/" in start or b"mimetypeapplication" in start
        raise InputRefused("excel" if is_excel else "archive", kind="zip")
    for first, code, kind in MAGIC:
        if head.startswith(first):
            raise InputRefused(code, kind=kind)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:512].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<meta", b"<style")):
        raise InputRefused("html")
    suffix = PurePath(filename).suffix.lower()
    if suffix in EXCEL:
        raise InputRefused("excel", kind=suffix)
    if suffix and suffix not in accepts:
        raise InputRefused("file_type", suffix=suffix[:12], accepts=" ".join(accepts))


def _encoding(data: BinaryIO, head: bytes, max_bytes: int) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            _read_through(data, "utf-16", max_bytes)
        except UnicodeDecodeError as error:
            raise InputRefused("binary") from error
        return "utf-16"
    try:
        _read_through(data, "utf-8-sig", max_bytes)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8-sig"
    try:
        _read_through(data, "gb18030", max_bytes)
    except UnicodeDecodeError as error:
        raise InputRefused("encoding", line=_line_of_error(data, "utf-8-sig")) from error
    return "gb18030"


def _read_through(data: BinaryIO, encoding: str, max_bytes: int) -> None:
    """Decode all of it and keep nothing. Refuses size and control characters on the way."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    total = 0
    for chunk in _chunks(data):
        total += len(chunk)
        if total > max_bytes:
            raise InputRefused("too_large", limit_mb=max_bytes // 1_000_000)
        if encoding != "utf-16" and b"\x00" in chunk:
            raise InputRefused("binary")
        text = decoder.decode(chunk)
        if total == len(chunk):
            _refuse_control(text[:65536])
    decoder.decode(b"", final=True)


def _refuse_control(text: str) -> None:
    strange = sum(1 for char in text if char < " " and char not in "\t\r\n\f\x1a")
    if strange * 50 > len(text):
        raise InputRefused("binary")


def _line_of_error(data: BinaryIO, encoding: str) -> int:
    """The line, 1-based, of the first byte that does not decode."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    for chunk in _chunks(data):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
        line += chunk.count(b"\n")
    return line


def _chunks(data: BinaryIO) -> Iterator[bytes]:
    data.seek(0)
    while chunk := data.read(CHUNK_BYTES):
        yield chunk


def _lines(data: BinaryIO, encoding: str) -> Iterator[str]:
    """Physical lines, all ending in \\n whatever the file used."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
    rest, number = "", 0
    for chunk in _chunks(data):
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in lines:
            number += 1
            yield _bounded(line, number) + "\n"
        _bounded(rest, number + 1)
    rest += decoder.decode(b"", final=True)
    for line in rest.rstrip("\x1a").split("\n"):
        if line:
            yield _bounded(line, number + 1) + "\n"


def _bounded(line: str, number: int) -> str:
    if len(line) > MAX_LINE_CHARS:
        raise InputRefused("long_line", line=number, limit=MAX_LINE_CHARS)
    return line
