"""What a program sees, and how it is built.

A plan is a list of steps (mounts), built by bubblewrap or, where that is missing, by `jail.py` with the
same namespaces. The program sees a read-only /usr, the one Python interpreter it runs on and the
recipes' libraries, its own files, a sized $WORK, /tmp and /dev/shm (one tmpfs for all three), an empty
network, its own process table, and nothing else: no data folder, no socket, no other job, no
environment.

The shim first makes a stage: a mount namespace of its own with that tmpfs, into which everything to be
shown is bound. So a job's uid needs no permission on the folders above (a checkout under /root works),
and results can be read when the sandbox is gone.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from marketplace.engines.local import syscalls as sc

PROJECT = Path(__file__).resolve().parents[3]
INODES = 20_000
LIBRARIES = "/opt/libraries"
_STAGE_POINTS = ("/mnt", "/media", "/srv", "/opt", "/run", "/var", "/tmp")
_SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("ld.so.cache", "alternatives")
_ASK = """
import json, os, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps([getattr(sys, "_base_executable", sys.executable), sys.base_prefix,
                  [paths["purelib"], paths["platlib"]] if sys.prefix != sys.base_prefix else []]))
"""

Step = tuple[str, ...]


@dataclass(frozen=True)
class Interpreter:
    """A Python without its virtual environment: the real executable, its installation, extra libraries.

    All are real paths: an environment's `bin/python` may be a chain of links through folders that a
    sandbox must not see, so the program runs on the base with the libraries on PYTHONPATH.
    """

    executable: str
    base_prefix: str
    libraries: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class NoSandbox(Exception):
    """The machine does not allow a sandbox; the text says why, for the log."""


def interpreter(python: str | None) -> Interpreter:
    """Ask a Python what it is made of. None: the base of the one running this, without libraries."""
    path = python or sys.executable
    answer = _ask(path, Path(path).stat().st_mtime_ns)
    return Interpreter(answer.executable, answer.base_prefix, answer.libraries if python else [])


@functools.lru_cache
def _ask(path: str, _mtime_ns: int) -> Interpreter:
    run = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, timeout=30, check=True)
    executable, base_prefix, libraries = json.loads(run.stdout)
    real = {str(Path(p).resolve()): None for p in libraries}
    return Interpreter(str(Path(executable).resolve()), str(Path(base_prefix).resolve()), list(real))


@functools.lru_cache
def bubblewrap() -> str | None:
    return shutil.which("bwrap")


@functools.lru_cache
def _bubblewrap_options(path: str) -> str:
    return subprocess.run([path, "--help"], capture_output=True, text=True, timeout=10, check=False).stdout


def job_uid(key: str) -> int | None:
    """The uid a job runs as when we are root, its own among a hundred million nobody else hands out
    (systemd's table of uid ranges leaves 1,879,048,192 and up unused); None when we are not root."""
    if os.geteuid() != 0:
        return None
    uid = 1_900_000_000 + zlib.crc32(key.encode()) % 100_000_000
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = (int(n) for n in line.split())
        if first <= uid < first + count:
            return uid
    return 65534  # in a container that maps few uids


class Stage:
    """The shim's private view. Entering it cannot be undone, so it is done once, in the shim."""

    def __init__(self, *, show: list[Path], disk_mb: int, uid: int | None) -> None:
        """show: what `bind` will be asked for, and whatever else must stay reachable."""
        self.path = Path(_stage_point(show))
        try:
            self._enter(disk_mb)
        except OSError as e:
            raise NoSandbox(str(e)) from e
        self.quota = self.path / "quota"
        for name in ("work", "tmp", "shm", "work/out"):
            (self.quota / name).mkdir(parents=True, exist_ok=True)
        (self.quota / "tmp").chmod(0o1777)
        (self.quota / "shm").chmod(0o1777)
        self.work = self.quota / "work"
        self.root = self.path / "root"
        self.root.mkdir()
        if uid is not None:
            for folder in (self.work, self.work / "out"):
                os.chown(folder, uid, uid)
        self._binds = 0

    def _enter(self, disk_mb: int) -> None:
        uid, gid = os.geteuid(), os.getegid()
        if uid == 0:
            sc.unshare(sc.CLONE_NEWNS)
        else:
            sc.unshare(sc.CLONE_NEWUSER | sc.CLONE_NEWNS)
            map_own_ids(uid, gid)
        sc.mount("none", "/", "", sc.MS_REC | sc.MS_PRIVATE)
        sc.mount("tmpfs", str(self.path), "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=1m,mode=0755")
        (self.path / "quota").mkdir()
        options = f"size={disk_mb}m,nr_inodes={INODES},mode=0755"
        sc.mount("tmpfs", str(self.path / "quota"), "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, options)

    def bind(self, source: Path) -> str:
        """Where `source` can be reached by the job's uid."""
        self._binds += 1
        at = self.path / f"bind-{self._binds}"
        if source.is_dir():
            at.mkdir()
        else:
            at.touch()
        sc.mount(str(source), str(at), "", sc.MS_BIND | sc.MS_REC)
        return str(at)

    def text(self, name: str, content: str) -> str:
        (self.path / name).write_text(content)
        return str(self.path / name)


def _stage_point(show: list[Path]) -> str:
    for point in _STAGE_POINTS:
        if Path(point).is_dir() and not any(p.is_relative_to(point) for p in show):
            return point
    raise NoSandbox("no folder to mount the stage on")


def map_own_ids(uid: int, gid: int) -> None:
    """After unshare(CLONE_NEWUSER): the same ids inside as outside."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path("/proc/self", name).write_text(text)


def plan(stage: Stage, python: Interpreter, hide: list[Path]) -> list[Step]:
    """The steps that build the program's view: ("ro" | "rw", source, path), ("link", target, path),
    ("mask", path) an empty folder over it, ("proc",), ("dev",), ("seal", path) make that one mount
    read-only at last: bubblewrap's own / and /dev are tmpfs without a size.

    hide: folders that must not be seen even if they lie beneath something that is shown (a checkout in
    /usr/src).
    """
    steps: list[Step] = [("ro", "/usr", "/usr")]
    for link in _SYSTEM_LINKS:
        path = Path(link)
        if path.is_symlink():
            steps.append(("link", str(path.readlink()), link))
        elif path.is_dir():
            steps.append(("ro", link, link))
    masked = [str(h) for h in hide if h.is_relative_to("/usr")]
    steps += [("mask", m) for m in masked]
    uid, gid = stage.work.stat().st_uid, stage.work.stat().st_gid
    passwd = f"job:x:{uid}:{gid}::/work:/bin/sh\n"
    steps += [("ro", f"/etc/{n}", f"/etc/{n}") for n in _ETC if Path("/etc", n).exists()]
    steps.append(("ro", stage.text("passwd", passwd), "/etc/passwd"))
    steps.append(("ro", stage.text("group", f"job:x:{gid}:\n"), "/etc/group"))
    steps += [("proc",), ("dev",)]
    steps += [("rw", str(stage.quota / "shm"), "/dev/shm"), ("rw", str(stage.quota / "tmp"), "/tmp")]
    steps.append(("rw", str(stage.work), "/work"))
    base = Path(python.base_prefix)
    if not base.is_relative_to("/usr") or any(base.is_relative_to(m) for m in masked):
        steps.append(("ro", stage.bind(base), str(base)))  # where it was built for: it finds its parts there
        inside = [str(h) for h in hide if h.is_relative_to(base)]
        steps += [("mask", m) for m in inside]
        masked += inside
    for library, shown_at in zip(python.libraries, _shown_libraries(python), strict=True):
        steps.append(("ro", stage.bind(Path(library)), shown_at))
    return steps + [("seal", p) for p in (*masked, "/dev", "/")]


def _shown_libraries(python: Interpreter) -> list[str]:
    """Where the libraries stand in the sandbox: away from their own path, which tells of the data folder."""
    return [f"{LIBRARIES}-{n}" for n, _ in enumerate(python.libraries, 1)]


def environment(python: Interpreter, *, cores: int, memory_mb: int, wall_s: int) -> dict[str, str]:
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/work",
        "WORK": "/work",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "CORES": str(cores),
        "MEMORY_MB": str(memory_mb),
        "WALL_S": str(wall_s),
    }
    if python.libraries:
        env["PYTHONPATH"] = ":".join(_shown_libraries(python))
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM", "BLIS", "RAYON"):
        env[f"{library}_NUM_THREADS"] = str(cores)
    return env


def command(python: Interpreter) -> list[str]:
    # -P: a customer's file called json.py beside the program must not be imported by it
    return [python.executable, "-s", "-P", "-B", "-u", "/work/program.py"]


def bubblewrap_argv(
    bwrap: str, steps: list[Step], env: dict[str, str], argv: list[str], status_fd: int
) -> list[str]:
    out = [bwrap, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    out += ["--cap-drop", "ALL"]
    if "--disable-userns" in _bubblewrap_options(bwrap):
        out.append("--disable-userns")
    out += ["--hostname", "job", "--json-status-fd", str(status_fd), "--clearenv"]
    for name, value in env.items():
        out += ["--setenv", name, value]
    words = {"ro": "--ro-bind", "rw": "--bind", "link": "--symlink", "mask": "--tmpfs"}
    words["seal"] = "--remount-ro"
    for kind, *args in steps:
        if kind in ("proc", "dev"):
            out += [f"--{kind}", f"/{kind}"]
        else:
            out += [words[kind], *args]
    return [*out, "--chdir", "/work", "--", *argv]
