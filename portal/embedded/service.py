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
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_TIMEOUT_S = 60  # recovery after kill -9 replays the log first
STOP_TIMEOUT_S = 20


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
    raise ServiceError("PostgreSQL does not run as root, and this machine has neither user postgres nor nobody.")


def private_folder(digest: str) -> Path:
    """A short folder outside the checkout for data and sockets, readable by us alone.

    Short, because a socket's path may have 107 bytes; outside, because a service user must not need
    any permission on the folders above the checkout.
    """
    base = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())
    folder = base / f"suanli-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o711, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise ServiceError(f"The folder {folder} belongs to somebody else.")
    return folder


class Service:
    name = "service"

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self.durable = durable

    def alive(self) -> bool:
        """Whether any process of the service lives: it inherits the lock."""
        path = self.folder.with_suffix(".lock")
        if not path.exists():
            return False
        with path.open("r+") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def spawn(self, argv: Sequence[str | Path], **kwargs) -> None:
        """Start the service detached, with the liveness lock among its open files."""
        fd = os.open(self.folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self.folder.with_suffix(".log").open("ab") as log:
                subprocess.Popen(  # noqa: S603
                    [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    pass_fds=(fd,), start_new_session=True, cwd=self.folder, **kwargs,
                )
        finally:
            os.close(fd)

    def wait(self, ready: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
        """Poll until ready; ServiceError with the last lines of the log when it dies or takes too long."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if ready():
                return
            if not self.alive():
                break
            time.sleep(0.03)
        log = self.folder.with_suffix(".log")
        tail = " ".join(log.read_text(errors="replace").splitlines()[-3:]) if log.exists() else ""
        raise ServiceError(f"The embedded {self.name} did not start: {tail}")

    def pid(self) -> int | None:
        raise NotImplementedError

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        pid = self.pid()
        if pid is None or not self.alive():
            return
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            pass
        until = time.monotonic() + STOP_TIMEOUT_S
        while self.alive() and time.monotonic() < until:
            time.sleep(0.02)
