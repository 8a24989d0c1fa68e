"""One reading of what a job used so far: from its control group, else from /proc.

Sampling sees a process only while it lives or after its parent waited for it, ten times a second; its
figures are kept from falling. A group counts everything, so it is preferred wherever there is one.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from marketplace.engines.local.cgroup import Group

_TICK_MS = 1000 // os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Reading:
    cpu_ms: int = 0
    mem_peak_bytes: int = 0
    mem_now_bytes: int = 0  # 0 when the kernel itself caps memory
    oom_kills: int = 0


class Meter:
    """Reads the descendants of the calling process, of which the job is the only one."""

    def __init__(self, group: Group | None, *, memory_capped: bool, memory_bytes: int) -> None:
        """memory_bytes: what the job may use; only past that are shared pages told apart, which is slow."""
        self.group = group
        self.memory_bytes = memory_bytes
        self.memory_capped = memory_capped
        self.last = Reading()

    def read(self) -> Reading:
        cpu_ms = mem_now = 0
        if self.group is None or not self.memory_capped:
            cpu_ms, mem_now = _sample(self.memory_bytes)
        peak = max(self.last.mem_peak_bytes, mem_now)
        if self.group is not None:
            cpu_ms = self.group.cpu_ms()
            peak = max(peak, self.group.mem_peak_bytes())
        self.last = Reading(
            cpu_ms=max(self.last.cpu_ms, cpu_ms),
            mem_peak_bytes=peak,
            mem_now_bytes=mem_now,
            oom_kills=self.group.oom_kills() if self.group else 0,
        )
        return self.last


def _sample(memory_bytes: int) -> tuple[int, int]:
    """(processor ms of living and dead descendants, bytes of memory of the living)."""
    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_ms = round((dead.ru_utime + dead.ru_stime) * 1000)
    resident = 0
    seen: list[int] = []
    todo = _children(os.getpid())
    while todo:
        pid = todo.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        cpu_ms += sum(int(f) for f in fields[11:15]) * _TICK_MS  # its own and its waited-for children's
        resident += int(fields[21]) * _PAGE_BYTES
        seen.append(pid)
        todo += _children(pid)
    if resident > memory_bytes:
        resident = sum(_share(pid) for pid in seen)
    return cpu_ms, resident


def _share(pid: int) -> int:
    """Its memory, with each shared page divided among those who share it."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(p) for p in (task / "children").read_text().split()]
    except OSError:
        pass
    return found
