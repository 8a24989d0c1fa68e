"""Events on this machine's disk before anybody relies on Redis: Redis may be wiped at any time.

Each process appends to segments of its own in one folder; a segment is synced at most EVERY_S after an event, and
closed after SEGMENT_S. The meter deletes a closed segment when every event of it stands in the books.
A power cut may lose EVERY_S of events.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

EVERY_S = 0.05
SEGMENT_S = 5.0
OPEN_SUFFIX, CLOSED_SUFFIX = ".open", ".jsonl"


class Spool:
    """Appends lines; `append` returns at once, a task writes and syncs."""

    def __init__(self, folder: Path, process: str) -> None:
        self.folder, self.process = folder, process
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._waiting: list[bytes] = []
        self._wake = asyncio.Event()
        self._path: Path | None = None
        self._file = -1
        self._since = 0.0
        self._number = 0

    def append(self, line: bytes) -> None:
        self._waiting.append(line)
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled: write what is waiting, then close the segment."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), SEGMENT_S)
                await asyncio.sleep(EVERY_S)
                self._wake.clear()
                lines, self._waiting = self._waiting, []
                await asyncio.to_thread(self._write, lines)
        finally:
            self._write(self._waiting)
            self.close()

    def _write(self, lines: list[bytes]) -> None:
        if lines:
            if self._file < 0:
                self._begin()
            os.write(self._file, b"\n".join(lines) + b"\n")
            os.fdatasync(self._file)
        if self._file >= 0 and time.monotonic() - self._since > SEGMENT_S:
            self.close()

    def _begin(self) -> None:
        self._number += 1
        self._path = self.folder / f"{self.process}-{self._number:08d}{OPEN_SUFFIX}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._since = time.monotonic()

    def close(self) -> None:
        """The segment is complete; the meter may take it."""
        if self._file < 0 or self._path is None:
            return
        self._path.rename(self._path.with_suffix(CLOSED_SUFFIX))
        os.close(self._file)
        self._file = -1


def segments(folder: Path) -> Iterator[Path]:
    """Those that are complete, and the open ones whose process has died: it held their lock."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix == CLOSED_SUFFIX or (path.suffix == OPEN_SUFFIX and not _is_held(path)):
            yield path


def _is_held(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # renamed just now
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def lines(path: Path) -> list[bytes]:
    """Whole lines of a segment; what a crash cut off at the end is left out."""
    *whole, _rest = path.read_bytes().split(b"\n")
    return [line for line in whole if line]
