"""What the embedded services have in common: one process tree, alive exactly as long as a file lock.

A pid in a file may belong to somebody else after a reboot or kill -9; a lock that the service's
processes inherit cannot. So liveness is asked of the lock, and the pid is used only to send a signal.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 60  # recovery after kill -9 replays the log first
STOP_TIMEOUT_S = 20
LOG_MAX_BYTES = 5_000_000


class ServiceError(RuntimeError):
    """An embedded service cannot be started; the text is one sentence for a person."""


def service_user() -> pwd.struct_passwd | None:
    """The account that runs PostgreSQL when we are root (it refuses to be root); None otherwise."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceError(
        "PostgreSQL does not run as root, and this machine has neither user postgres nor nobody."
    )


class Service:
    name = "service"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self.durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it if it does not run; does not wait for it."""
        raise NotImplementedError

    def finish(self) -> None:
        """Wait until it serves, and complete what it needs; starts anew what died on the way."""
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def pid(self) -> int | None:
        raise NotImplementedError

    def alive(self) -> bool:
        """Whether any process of the service lives: it inherits the lock."""
        if self._process:
            self._process.poll()  # or a killed child of ours stays a zombie
        path = self.folder.with_suffix(".lock")
        if not path.exists():
            return False
        with path.open("r+") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def spawn(self, argv: Sequence[str | Path], **kwargs: Any) -> None:
        """Start the service detached, with the liveness lock among its open files."""
        fd = os.open(self.folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._lock(fd)
            with self._log().open("ab") as log:
                self._process = subprocess.Popen(
                    [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    pass_fds=(fd,), start_new_session=True, cwd=self.folder, **kwargs,
                )
        finally:
            os.close(fd)

    def _lock(self, fd: int) -> None:
        for _ in range(50):  # somebody who asks `alive` has it for a moment
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                return
        raise ServiceError(f"The embedded {self.name} runs already.")

    def _log(self) -> Path:
        log = self.folder.with_suffix(".log")
        if log.exists() and log.stat().st_size > LOG_MAX_BYTES:
            log.replace(log.with_suffix(".log.old"))
        return log

    def wait(self, ready: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
        """Poll until ready; ServiceError with the last lines of the log when it dies or takes too long."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if ready():
                return
            if not self.alive():
                break
            time.sleep(0.02)
        log = self.folder.with_suffix(".log")
        tail = " ".join(log.read_text(errors="replace").splitlines()[-3:]) if log.exists() else ""
        raise ServiceError(f"The embedded {self.name} did not start: {tail}")

    def signal_stop(self) -> None:
        """Ask it to stop; `wait_stopped` waits for it."""
        pid = self.pid()
        if pid is None or not self.alive():
            return
        try:
            os.kill(pid, self.stop_signal)
        except ProcessLookupError:
            pass

    def wait_stopped(self) -> None:
        until = time.monotonic() + STOP_TIMEOUT_S
        while self.alive() and time.monotonic() < until:
            time.sleep(0.02)


def start_all(services: Sequence[Service]) -> None:
    """Start what does not run, all at once, and wait for it. Services of one home; one starter at a time."""
    with (services[0].folder.parent / "start.lock").open("w") as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        for service in services:
            service.begin()
        for service in services:
            service.finish()
