"""One control group a job: the kernel's own limits and counters, v1 and v2.

Where no tree is writable there is no group, and the engine falls back to rlimits and sampling. A tree
may offer only some controllers (v2 without delegation still counts processor time and kills at once):
`Tree.enforces` says which limits hold.

v2 for a portal that is not root: a systemd service with `Delegate=yes` and `DelegateSubgroup=portal`
owns the folder above its own group, and groups are made there.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

MOUNT = "/sys/fs/cgroup"
FOLDER = "suanli"
_PERIOD_US = 100_000
_V1_LIMITS = {"memory": "memory", "cpu": "cores", "pids": "processes"}


@dataclass(frozen=True)
class Tree:
    """Where groups may be made: controller -> folder ("" is v2's single one); enforces: subset of
    memory, cores, processes."""

    version: int
    folders: dict[str, Path]
    enforces: frozenset[str]


@functools.lru_cache
def find(setting: str | None = None) -> Tree | None:
    """The tree of this machine, None without a writable one. setting: "none", or a mount point."""
    if setting == "none":
        return None
    mount = Path(setting or MOUNT)
    if (mount / "cgroup.controllers").exists():
        return _find_v2(mount)
    return _find_v1(mount)


def _find_v1(mount: Path) -> Tree | None:
    folders: dict[str, Path] = {}
    for controller in ("cpuacct", *_V1_LIMITS):
        folder = mount / controller / FOLDER
        if (mount / controller / "cgroup.procs").exists() and _make(folder):
            folders[controller] = folder
    if "cpuacct" not in folders:
        return None
    return Tree(1, folders, frozenset(limit for name, limit in _V1_LIMITS.items() if name in folders))


def _find_v2(mount: Path) -> Tree | None:
    best: Tree | None = None
    for base in {mount: None, _above_own_v2_group(mount): None}:
        folder = base / FOLDER
        if not _make(folder):
            continue
        for parent in (base, folder):
            for controller in ("memory", "cpu", "pids"):
                try:
                    (parent / "cgroup.subtree_control").write_text(f"+{controller}")
                except OSError:
                    continue
        names = {"memory": "memory", "cpu": "cores", "pids": "processes"}
        on = (folder / "cgroup.subtree_control").read_text().split()
        tree = Tree(2, {"": folder}, frozenset(limit for name, limit in names.items() if name in on))
        if best is None or len(tree.enforces) > len(best.enforces):
            best = tree
    return best


def _above_own_v2_group(mount: Path) -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, _, path = line.split(":", 2)
        if number == "0" and path != "/":
            return (mount / path.lstrip("/")).parent
    return mount


def _make(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
        return os.access(folder / "cgroup.procs", os.W_OK)
    except OSError:
        return False


class Group:
    """One job's group: the folders named in `paths` (kept in begun.json for whoever mends)."""

    def __init__(self, version: int, paths: dict[str, str]) -> None:
        self.version = version
        self.paths = paths

    @classmethod
    def create(cls, tree: Tree, name: str, *, memory_bytes: int, cores: int, processes: int) -> Group:
        group = cls(tree.version, {c: str(f / name) for c, f in tree.folders.items()})
        for path in group.paths.values():
            Path(path).mkdir(exist_ok=True)
        if tree.version == 1:
            limits: list[tuple[str, str, object]] = [
                ("memory", "memory.limit_in_bytes", memory_bytes),
                ("memory", "memory.memsw.limit_in_bytes", memory_bytes),
                ("cpu", "cpu.cfs_period_us", _PERIOD_US),
                ("cpu", "cpu.cfs_quota_us", cores * _PERIOD_US),
                ("pids", "pids.max", processes),
            ]
        else:
            limits = [
                ("", "memory.max", memory_bytes),
                ("", "memory.swap.max", 0),
                ("", "memory.oom.group", 1),
                ("", "cpu.max", f"{cores * _PERIOD_US} {_PERIOD_US}"),
                ("", "pids.max", processes),
            ]
        for controller, name_, value in limits:
            file = Path(group.paths.get(controller, "/nowhere")) / name_
            if file.exists():
                file.write_text(str(value))
        return group

    def enter(self) -> None:
        """Move the calling process in."""
        for path in self.paths.values():
            Path(path, "cgroup.procs").write_text("0")

    def _read(self, controller: str, name: str) -> str:
        try:
            return Path(self.paths.get(controller, "/nowhere"), name).read_text()
        except OSError:
            return ""

    def cpu_ms(self) -> int:
        if self.version == 1:
            return int(self._read("cpuacct", "cpuacct.usage") or 0) // 1_000_000
        return _field(self._read("", "cpu.stat"), "usage_usec") // 1000

    def mem_peak_bytes(self) -> int:
        """0 where the kernel does not say (v2 before Linux 5.19)."""
        if self.version == 1:
            return int(self._read("memory", "memory.max_usage_in_bytes") or 0)
        return int(self._read("", "memory.peak") or 0)

    def oom_kills(self) -> int:
        if self.version == 1:
            return _field(self._read("memory", "memory.oom_control"), "oom_kill")
        return _field(self._read("", "memory.events"), "oom_kill")

    def pids(self) -> list[int]:
        controller = next(iter(self.paths))
        return [int(p) for p in self._read(controller, "cgroup.procs").split()]

    def kill(self, timeout_s: float = 2) -> bool:
        """Kill everything in it; True when nothing is left."""
        switch = Path(self.paths.get("", "/nowhere"), "cgroup.kill")
        if switch.exists():
            switch.write_text("1")
        no_more = Path(self.paths.get("pids", self.paths.get("", "/nowhere")), "pids.max")
        if no_more.exists():
            no_more.write_text("0")  # or a fork bomb outruns the loop below
        until = time.monotonic() + timeout_s
        while pids := self.pids():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def remove(self) -> None:
        for path in self.paths.values():
            for _ in range(50):
                try:
                    Path(path).rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)  # the kernel is still letting go of the last process
                else:
                    break


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
