"""Taking over what a program left, without trusting any of it: no link, device or pipe is followed.

The portal may be root and these folders were the program's to arrange, so `out` or `progress.jsonl`
may be a link to a host file, a pipe that blocks, or ten thousand nested folders.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

MAX_FILES = 100
MAX_DEPTH = 4
MAX_BYTES = 256 << 20
PROGRESS_LINES = 200
PROGRESS_MAX_BYTES = 256 << 10
_COPY_BYTES = 1 << 20


def regular_files(folder: Path) -> tuple[list[tuple[str, Path, int]], list[str]]:
    """([(name inside folder, path, bytes)], names left out), within the caps, in order of name."""
    kept: list[tuple[str, Path, int]] = []
    left_out: list[str] = []
    total = 0
    todo = [(folder, "", 1)]
    while todo:
        at, prefix, depth = todo.pop()
        try:
            if at.is_symlink():
                raise NotADirectoryError(at)
            entries = sorted(os.scandir(at), key=lambda e: e.name)
        except OSError:
            left_out.append(prefix.rstrip("/") or "out")
            continue
        for entry in entries:
            name = prefix + entry.name
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode) and depth < MAX_DEPTH:
                todo.append((Path(entry.path), f"{name}/", depth + 1))
            elif stat.S_ISREG(info.st_mode) and _fits(name, len(kept), total + info.st_size):
                kept.append((name, Path(entry.path), info.st_size))
                total += info.st_size
            else:
                left_out.append(name)
            if len(left_out) > MAX_FILES:
                return sorted(kept), left_out
    return sorted(kept), left_out


def _fits(name: str, count: int, total: int) -> bool:
    """Names that are no text, or would break a header or a path elsewhere, are not kept either."""
    return name.isprintable() and "\\" not in name and count < MAX_FILES and total <= MAX_BYTES


def copy_regular(source: Path, target: Path) -> list[str]:
    """Copy them; the names left out. Call it when nothing can change `source` any more."""
    kept, left_out = regular_files(source)
    for name, path, size in kept:
        to = target / name
        to.parent.mkdir(parents=True, exist_ok=True)
        with open_regular(path) as read, to.open("xb") as write:
            while size > 0 and (data := read.read(min(size, _COPY_BYTES))):
                write.write(data)
                size -= len(data)
    return left_out


def open_regular(path: Path) -> BinaryIO:
    """Open for reading, a regular file or OSError; never waits."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError(path)
    return os.fdopen(fd, "rb")


def read_progress(path: Path) -> list[dict[str, Any]]:
    """The newest whole lines that are JSON objects."""
    try:
        with open_regular(path) as f:
            size = os.fstat(f.fileno()).st_size
            f.seek(max(0, size - PROGRESS_MAX_BYTES))
            data = f.read(PROGRESS_MAX_BYTES)
    except OSError:
        return []
    lines: list[dict[str, Any]] = []
    for line in data.split(b"\n")[-PROGRESS_LINES - 1 :]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            lines.append(value)
    return lines[-PROGRESS_LINES:]
