"""How a job ends: once, whoever ends it.

Always under the job's lock, in this order, so that a death between any two steps is repaired by the
next who comes: ending.json (the facts), the usage record (looked for first if somebody may have written
it), status.json (final).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from marketplace.engines.base import State, Status
from marketplace.engines.local import admission, cgroup, journal
from marketplace.engines.local.folder import Job, now


@dataclass(frozen=True)
class Ending:
    state: State
    reason: str
    exit_code: int | None
    started_at: datetime
    elapsed_ms: int
    cores: int
    cpu_ms: int
    mem_peak_bytes: int
    progress: list[dict[str, Any]]


def end(job: Job, ending: Ending, *, may_be_recorded: bool = False) -> None:
    """Record an ending."""
    job.write("ending", asdict(ending))
    _finish(job, ending, may_be_recorded=may_be_recorded)


def mend(job: Job) -> None:
    """End a job whose shim died, gave up, or was stopped before its turn. Call it under the job's lock."""
    if job.read("status"):
        return
    _kill_leftovers(job)
    known = job.read("ending")
    if known:
        known["started_at"] = datetime.fromisoformat(known["started_at"])
        _finish(job, Ending(**known), may_be_recorded=True)
        return
    begun, meter = job.read("begun"), job.read("meter") or {}
    stopped = job.asked_to_stop()
    ending = Ending(
        state="stopped" if stopped else "failed",
        reason="stopped" if stopped else "lost",
        exit_code=None,
        started_at=datetime.fromisoformat(begun["started_at"]) if begun else now(),
        elapsed_ms=meter.get("elapsed_ms", 0),
        cores=job.spec().cores,
        cpu_ms=meter.get("cpu_ms", 0),
        mem_peak_bytes=meter.get("mem_peak_bytes", 0),
        progress=meter.get("progress", []),
    )
    end(job, ending)


def _finish(job: Job, ending: Ending, *, may_be_recorded: bool) -> None:
    ended_at = ending.started_at + timedelta(milliseconds=ending.elapsed_ms)
    core_ms = ending.cores * ending.elapsed_ms
    record = {
        "key": job.key,
        "native_id": job.key,
        "started_at": ending.started_at.isoformat(),
        "ended_at": ended_at.isoformat(),
        "core_ms": core_ms,
        "cpu_ms": ending.cpu_ms,
        "mem_peak_bytes": ending.mem_peak_bytes,
    }
    journal.append(job.site.journal, record, may_be_there=may_be_recorded)
    status = Status(
        state=ending.state,
        reason=ending.reason,
        exit_code=ending.exit_code,
        started_at=ending.started_at,
        ended_at=ended_at,
        progress=ending.progress,
        native_id=job.key,
        cores=ending.cores,
        core_ms=core_ms,
        cpu_ms=ending.cpu_ms,
        mem_peak_bytes=ending.mem_peak_bytes,
    )
    admission.leave(job, job.spec())  # before anybody can see that it ended: its share is free by then
    job.write("status", asdict(status))


def _kill_leftovers(job: Job) -> None:
    begun = job.read("begun")
    if begun and begun["group"]:
        group = cgroup.Group(begun["group"]["version"], begun["group"]["paths"])
        group.kill()
        group.remove()
