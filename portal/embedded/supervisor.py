"""Keeps the parts of a site running: starts them, starts again what dies, stops them together.

A part is a function in a forked child: the parent has loaded everything once, so a part starts in
milliseconds and shares its memory. Knows neither Django nor what the parts do.

Every part ends when the supervisor ends, however that happened: it holds the reading end of a pipe
whose writing end the supervisor alone has. Every part also holds `parts.lock`, so a start after
kill -9 can wait for what is left of the one before.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import selectors
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from .service import Service, ServiceError, start_all

TICK_S = 0.2
STOP_S = 4.5  # then what still runs is killed; with the services' own stop this stays below 8 s
BACKOFF_S = (0.5, 1, 2, 5, 10, 30)
WATCH_S = 1.0
STEADY_S = 60  # a part that lived that long starts again at once
LEFTOVER_S = 12


@dataclass
class Part:
    """What runs in a child. `run` calls what it is given when it serves. A part with `once` may end."""

    name: str
    run: Callable[[Callable[[], None]], object]
    once: bool = False
    nice: int = 0
    backoff_s: Sequence[float] = BACKOFF_S
    pid: int = 0
    since: float = 0.0
    deaths: int = 0
    due: float = 0.0  # when to start (again), on the monotonic clock
    output: int = -1
    text: bytes = b""


@dataclass
class Place:
    """The files of a supervisor in the data folder, and the two locks."""

    folder: Path
    _own: int = -1
    parts_lock: int = -1
    address: str = ""
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def note(self) -> Path:
        return self.folder / "serve.json"

    def take(self) -> None:
        """Become the only supervisor of this folder; ServiceError names the one that runs already."""
        self._own = _lock(self.folder / "serve.lock", patience_s=3)
        if self._own < 0 and (self.read() or {"stopping": True}).get("stopping"):
            self._own = _lock(self.folder / "serve.lock", patience_s=LEFTOVER_S)
        if self._own < 0:
            raise ServiceError(f"It already runs from this folder: {self.read().get('address', '')}")
        before = self.read()
        self.parts_lock = _lock(self.folder / "parts.lock", patience_s=LEFTOVER_S)
        if self.parts_lock < 0:
            for pid in before.get("parts", {}).values():
                _kill_group(pid)
            self.parts_lock = _lock(self.folder / "parts.lock", patience_s=5)
        if self.parts_lock < 0:
            raise ServiceError(f"Parts of an earlier start do not end: {before.get('parts')}")

    def leave_to_child(self) -> None:
        """In a part: only the supervisor is the supervisor."""
        os.close(self._own)

    def read(self) -> dict:
        try:
            return json.loads(self.note.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def write(self, *, stopping: bool = False) -> None:
        beside = self.note.with_suffix(".new")
        content = {"pid": os.getpid(), "address": self.address, "parts": self.pids, "stopping": stopping}
        beside.write_text(json.dumps(content))
        beside.replace(self.note)


def _lock(path: Path, *, patience_s: float) -> int:
    """The descriptor of an exclusive lock, -1 if somebody else keeps it that long."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(fd)
                return -1
            time.sleep(0.1)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class Supervisor:
    """Runs parts until told to stop. `services` are watched, and started again when one is killed."""

    def __init__(
        self, place: Place, *, services: Sequence[Service] = (), until_parent_ends: bool = False
    ) -> None:
        self.place = place
        self.services = services
        self.parts: list[Part] = []
        self._watched = 0.0
        self.asked = 0  # how often somebody asked us to stop
        self._parent = os.getppid() if until_parent_ends else 0
        self._lifeline, self._alive = os.pipe()
        self._ready_read, self._ready_write = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._ready_read, selectors.EVENT_READ, None)
        self._on_ready: dict[str, Callable[[], None]] = {}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked += 1

    def start(self, part: Part, on_ready: Callable[[], None] | None = None) -> None:
        """Run this part from now on; `on_ready` is called here, once, when it first serves."""
        self.parts.append(part)
        if on_ready:
            self._on_ready[part.name] = on_ready
        self._spawn(part)

    def wait_ready(self, name: str, timeout_s: float = 20) -> None:
        """Pass on what the parts say until this one serves; returns early when it dies or we shall stop."""
        until = time.monotonic() + timeout_s
        while name in self._on_ready and not self.asked and time.monotonic() < until:
            self._look(TICK_S)
            self._reap()

    def run(self) -> None:
        """Return when everything has stopped."""
        try:
            while not self.asked and not (self._parent and os.getppid() != self._parent):
                self._look(TICK_S)
                self._reap()
                self._revive()
        finally:
            self._stop()

    def _spawn(self, part: Part) -> None:
        read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._be(part, write)
        os.close(write)
        os.set_blocking(read, False)
        part.pid, part.output, part.since, part.due = pid, read, time.monotonic(), 0.0
        self._selector.register(read, selectors.EVENT_READ, part)
        self.place.pids[part.name] = pid
        self.place.write()

    def _be(self, part: Part, output: int) -> NoReturn:
        """In the child: become the part."""
        code = 1
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            self.place.leave_to_child()
            self._selector.close()
            os.close(self._alive)
            os.close(self._ready_read)
            for other in self.parts:
                if other.output >= 0 and other is not part:
                    os.close(other.output)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, io.TextIOWrapper):
                    stream.reconfigure(line_buffering=True)
            threading.Thread(target=self._watch, daemon=True, name="lifeline").start()
            if part.nice:
                os.nice(part.nice)
            part.run(lambda: self._tell_ready(part))
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
            if isinstance(end.code, str):
                sys.stderr.write(f"{end.code}\n")
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _tell_ready(self, part: Part) -> None:
        os.write(self._ready_write, f"{part.name}\n".encode())

    def _watch(self) -> None:
        """In a part's thread: when the supervisor is gone, stop; when that takes too long, be killed."""
        os.read(self._lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_S)
        os.killpg(0, signal.SIGKILL)

    def _look(self, timeout_s: float) -> None:
        for key, _events in self._selector.select(timeout_s):
            if key.data is None:
                for name in os.read(self._ready_read, 4096).decode().split():
                    self._on_ready.pop(name, lambda: None)()
            else:
                self._read(key.data)

    def _read(self, part: Part) -> None:
        try:
            data = os.read(part.output, 65536)
        except BlockingIOError:
            return
        if not data:
            self._close(part)
            return
        *lines, part.text = (part.text + data).split(b"\n")
        for line in lines:
            self._say(part.name, line)

    def _close(self, part: Part) -> None:
        if part.output < 0:
            return
        if part.text:
            self._say(part.name, part.text)
        self._selector.unregister(part.output)
        os.close(part.output)
        part.output, part.text = -1, b""

    def _say(self, name: str, line: bytes | str) -> None:
        text = line if isinstance(line, str) else line.decode(errors="replace")
        with contextlib.suppress(OSError):  # nobody reads us any more: not a reason to stop the site
            sys.stdout.write(f"{name:>8} │ {text.rstrip()}\n")
            sys.stdout.flush()

    def _reap(self) -> None:
        for part in self.parts:
            if not part.pid:
                continue
            pid, status = os.waitpid(part.pid, os.WNOHANG)
            if not pid:
                continue
            self._read_rest(part)
            _kill_group(part.pid)  # what it left behind
            part.pid = 0
            self.place.pids.pop(part.name, None)
            code = os.waitstatus_to_exitcode(status)
            if self.asked or (part.once and code == 0):
                continue
            lived = time.monotonic() - part.since
            part.deaths = 1 if lived > STEADY_S else part.deaths + 1
            wait = part.backoff_s[min(part.deaths, len(part.backoff_s)) - 1]
            part.due = time.monotonic() + wait
            how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
            self._say(part.name, f"{how}; it starts again in {wait:g} s")

    def _read_rest(self, part: Part) -> None:
        if part.output >= 0:
            self._read(part)
            self._close(part)

    def _revive(self) -> None:
        now = time.monotonic()
        for part in self.parts:
            if part.due and now >= part.due:
                self._spawn(part)
        helped = any(p.name == "services" and (p.pid or p.due) for p in self.parts)
        if helped or now - self._watched < WATCH_S:
            return
        self._watched = now
        gone = [s for s in self.services if not s.alive()]
        if gone:  # in a child, because recovery may take long and the logs must flow meanwhile
            self.parts = [p for p in self.parts if p.name != "services"]
            self._say("services", f"{' and '.join(s.name for s in gone)} ended; starting again")
            self.start(Part("services", lambda ready: start_all(gone), once=True))

    def _stop(self) -> None:
        """Ask every part to end; kill what has not ended in time, or when somebody asks again."""
        self.place.write(stopping=True)
        for part in self.parts:
            part.due = 0.0
            if part.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(part.pid, signal.SIGTERM)
        asked, until = self.asked, time.monotonic() + STOP_S
        self.asked = max(self.asked, 1)
        while any(p.pid for p in self.parts) and time.monotonic() < until and self.asked <= max(asked, 1):
            self._look(0.05)
            self._reap()
        for part in self.parts:
            if part.pid:
                _kill_group(part.pid)
        while any(p.pid for p in self.parts):
            self._look(0.05)
            self._reap()
        self.place.note.unlink(missing_ok=True)

