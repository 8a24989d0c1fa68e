"""Usage records of one site: written once, in order, never changed.

One line of fixed width a record, so that record n lies at (n - 1) x width: reading from a watermark and
finding the next number cost nothing however long the file, and a line torn by a crash shows as a rest.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from marketplace.engines.base import EngineUnavailable, Usage

WIDTH_BYTES = 512
PAGE_RECORDS = 1000


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def append(path: Path, record: dict[str, Any], *, may_be_there: bool) -> int:
    """Write `record` (a Usage without seq) durably and return its seq.

    may_be_there: a predecessor may have died after writing it; then it is looked for first.
    """
    with _locked(path) as fd:
        count = os.fstat(fd).st_size // WIDTH_BYTES
        if may_be_there:
            for seq in range(count, 0, -1):
                if _decode(os.pread(fd, WIDTH_BYTES, (seq - 1) * WIDTH_BYTES)).key == record["key"]:
                    return seq
        seq = count + 1
        line = json.dumps({"seq": seq, **record}, default=str).encode()
        assert len(line) < WIDTH_BYTES, record
        os.pwrite(fd, line.ljust(WIDTH_BYTES - 1) + b"\n", count * WIDTH_BYTES)
        os.ftruncate(fd, seq * WIDTH_BYTES)
        os.fsync(fd)
        return seq


def read(path: Path, since_seq: int) -> tuple[list[Usage], int]:
    """Records after `since_seq`, and the next watermark.

    EngineUnavailable("journal_behind") if the watermark is ahead of the file: the site's folder was
    replaced, and going on would skip records in silence.
    """
    assert since_seq >= 0
    try:
        with path.open("rb") as f:
            count = os.fstat(f.fileno()).st_size // WIDTH_BYTES
            f.seek(since_seq * WIDTH_BYTES)
            data = f.read(min(max(count - since_seq, 0), PAGE_RECORDS) * WIDTH_BYTES)
    except FileNotFoundError:
        count, data = 0, b""
    if since_seq > count:
        raise EngineUnavailable("journal_behind", watermark=since_seq, records=count)
    records = [_decode(data[i : i + WIDTH_BYTES]) for i in range(0, len(data), WIDTH_BYTES)]
    return records, since_seq + len(records)


def _decode(line: bytes) -> Usage:
    raw = json.loads(line)
    for name in ("started_at", "ended_at"):
        raw[name] = datetime.fromisoformat(raw[name])
    return Usage(**raw)


def without_seq(usage: Usage) -> dict[str, Any]:
    record = asdict(usage)
    del record["seq"]
    return record
