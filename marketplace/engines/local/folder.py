"""What lies where on disk.

    <root>/jobs/<key>/     one job: its folder exists = it was started
        work.json          what to run (Spec); written before the folder gets its name
        files/             program.py, params.json and the customer's files
        lock               held by the shim as long as it lives
        shim.json          its pid
        begun.json         the program was about to start: never run it again
        meter.json         heartbeat: used so far, progress
        stop               somebody asked to stop
        log                what the program printed
        out/               its results, copied when it had ended
        ending.json        how it ended; the usage record follows
        status.json        final
    <root>/queue/          tickets, see admission.py
    <root>/forgotten/<key> a job that was removed: its key is spent
    <root>/usage           the journal
    <root>/tmp/            half-made job folders

Whatever may be read while it is written is written beside and renamed. Liveness is asked of the lock,
never of a pid, which may belong to somebody else by now.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marketplace.engines.base import SiteRef, Work, WorkRefused

FILES_MAX_BYTES = 512 << 20
DISK_MB = 1024
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_RESERVED = {"", ".", "..", "program.py", "params.json", "progress.jsonl", "out"}


@dataclass(frozen=True)
class Spec:
    """All the shim needs, so that it reads nothing but its job's folder."""

    key: str
    tenant: str
    queued_ns: int
    cores: int
    memory_mb: int
    wall_s: int
    cpu_limit_ms: int
    files: list[str]
    site: dict[str, Any]  # cores, memory_mb, disk_mb, sandbox, cgroup
    interpreter: dict[str, Any]  # sandbox.Interpreter


class Site:
    """The folder of one site."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs = root / "jobs"
        self.queue = root / "queue"
        self.forgotten = root / "forgotten"
        self.tmp = root / "tmp"
        self.journal = root / "usage"

    @classmethod
    def of(cls, site: SiteRef) -> Site:
        root = Path(site.settings["root"])
        if not root.is_absolute():
            raise ValueError(f"the root of site {site.key} is not absolute: {root}")
        return cls(root)

    def prepare(self) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.jobs, self.queue, self.forgotten, self.tmp):
            folder.mkdir(exist_ok=True)

    def job(self, key: str) -> Job:
        if not _KEY.fullmatch(key):
            raise WorkRefused("bad_key", key=key[:100])
        return Job(self.jobs / key)


class Job:
    """The folder of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key = path.name
        self.site = Site(path.parent.parent)
        self.files = path / "files"
        self.out = path / "out"
        self.log = path / "log"

    def exists(self) -> bool:
        return (self.path / "work.json").exists()

    def spec(self) -> Spec:
        return Spec(**json.loads((self.path / "work.json").read_text()))

    def read(self, name: str) -> dict[str, Any] | None:
        try:
            return json.loads((self.path / f"{name}.json").read_text())
        except FileNotFoundError:
            return None

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        beside = self.path / f".{name}.{os.getpid()}"
        with beside.open("w") as f:
            json.dump(value, f, default=str)
            f.flush()
            if name != "meter":  # lost by a power cut, a heartbeat costs half a second, not a truth
                os.fsync(f.fileno())
        beside.replace(self.path / f"{name}.json")

    def asked_to_stop(self) -> bool:
        return (self.path / "stop").exists()

    def lock(self, wait_s: float = 0) -> int | None:
        """The lock's file descriptor, or None while somebody else holds it."""
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return fd
            except BlockingIOError:
                if time.monotonic() >= until:
                    os.close(fd)
                    return None
                time.sleep(0.02)

    def alive(self) -> bool:
        """Whether a shim holds the lock. Shared, so that two who ask do not take each other for one."""
        try:
            fd = os.open(self.path / "lock", os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(fd)

    def remove(self) -> None:
        """First out of sight in one step, then file by file."""
        self.site.forgotten.joinpath(self.key).touch()
        trash = Path(tempfile.mkdtemp(dir=self.site.tmp))
        try:
            self.path.rename(trash / "job")
        except FileNotFoundError:
            pass
        shutil.rmtree(trash, ignore_errors=True)


def create(site: Site, work: Work, settings: Mapping[str, Any], interpreter: dict[str, Any]) -> bool:
    """Make the job's folder, whole or not at all. False if there is one already."""
    job = site.job(work.key)
    names = _checked_names(work)
    site.prepare()
    _clear_old(site.tmp)
    half = Path(tempfile.mkdtemp(dir=site.tmp))
    try:
        spec = Spec(
            key=work.key,
            tenant=work.tenant,
            queued_ns=time.time_ns(),
            cores=work.cores,
            memory_mb=work.memory_mb,
            wall_s=work.wall_s,
            cpu_limit_ms=work.cpu_limit_ms or work.cores * work.wall_s * 1000,
            files=["program.py", "params.json", *names],
            site={
                "cores": int(settings["cores"]),
                "memory_mb": int(settings["memory_mb"]),
                "disk_mb": int(settings.get("disk_mb", DISK_MB)),
                "sandbox": settings.get("sandbox"),
                "cgroup": settings.get("cgroup"),
            },
            interpreter=interpreter,
        )
        files = half / "files"
        files.mkdir()
        shutil.copyfile(work.program, files / "program.py")
        (files / "params.json").write_text(json.dumps(dict(work.params), ensure_ascii=False))
        for name, content in work.files.items():
            if isinstance(content, bytes):
                (files / name).write_bytes(content)
            else:
                shutil.copyfile(content, files / name)
        (half / "work.json").write_text(json.dumps(asdict(spec)))
        half.chmod(0o700)
        half.rename(job.path)
        return True
    except OSError:
        if job.exists():  # a folder that is not empty cannot be renamed over
            return False
        raise
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _clear_old(tmp: Path) -> None:
    """Folders whose maker died before they got their name."""
    for path in tmp.iterdir():
        try:
            old = time.time() - path.stat().st_mtime > 86400
        except FileNotFoundError:
            continue
        if old:
            shutil.rmtree(path, ignore_errors=True)


def _checked_names(work: Work) -> list[str]:
    total = 0
    for name, content in work.files.items():
        if name in _RESERVED or "/" in name or "\0" in name or len(name.encode()) > 200:
            raise WorkRefused("bad_file", name=name[:100])
        total += len(content) if isinstance(content, bytes) else content.stat().st_size
    if total > FILES_MAX_BYTES:
        raise WorkRefused("too_large", bytes=total, max_bytes=FILES_MAX_BYTES)
    return sorted(work.files)


def now() -> datetime:
    return datetime.now(UTC)


def boot_ms() -> int:
    """Milliseconds since boot: does not jump when somebody sets the clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
