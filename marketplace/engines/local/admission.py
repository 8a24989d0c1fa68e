"""Who may run now: first come, first served, on the site's cores and memory.

A job waits with a ticket `<queued_ns>-<key>` in `<root>/queue/waiting` and moves it to
`<root>/queue/running` when it is the oldest and its share is free. Both folders change only under one
lock. A ticket counts only while its job's shim lives, so whatever dies frees its share.
The oldest is never overtaken: a large work cannot starve behind small ones.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from marketplace.engines.local.folder import Job, Site, Spec, boot_ms


@dataclass(frozen=True)
class Ticket:
    """ends_in_s: of a running job, when its wall limit ends it at the latest; of a waiting one its length."""

    key: str
    cores: int
    memory_mb: int
    ends_in_s: int


@contextmanager
def _locked(site: Site) -> Iterator[None]:
    fd = os.open(site.queue / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _name(spec: Spec) -> str:
    return f"{spec.queued_ns:020d}-{spec.key}"


def enter(job: Job, spec: Spec) -> None:
    """Take a ticket (the same one again after the shim was killed while waiting)."""
    with _locked(job.site):
        for folder in ("waiting", "running"):
            (job.site.queue / folder).mkdir(exist_ok=True)
        share = {"cores": spec.cores, "memory_mb": spec.memory_mb, "wall_s": spec.wall_s}
        _put(job.site, "waiting", _name(spec), share)


def admit(job: Job, spec: Spec) -> bool:
    """Move from waiting to running if it is this job's turn."""
    with _locked(job.site):
        waiting = _live(job.site, "waiting", first_only=True)
        if not waiting or waiting[0].key != spec.key:
            return False
        running = _live(job.site, "running")
        if spec.cores > spec.site["cores"] - sum(t.cores for t in running):
            return False
        if spec.memory_mb > spec.site["memory_mb"] - sum(t.memory_mb for t in running):
            return False
        old = job.site.queue / "waiting" / _name(spec)
        share = {**json.loads(old.read_text()), "since_boot_ms": boot_ms()}
        _put(job.site, "running", _name(spec), share)
        old.unlink()
        return True


def _put(site: Site, folder: str, name: str, share: dict[str, int]) -> None:
    """Whole or not at all, for a torn ticket would stop the queue. Call it under the lock."""
    beside = site.queue / "new"
    beside.write_text(json.dumps(share))
    beside.replace(site.queue / folder / name)


def leave(job: Job, spec: Spec) -> None:
    with _locked(job.site):
        for folder in ("waiting", "running"):
            (job.site.queue / folder / _name(spec)).unlink(missing_ok=True)


def load(site: Site) -> tuple[list[Ticket], list[Ticket]]:
    """(running, waiting), both oldest first."""
    if not site.queue.is_dir():
        return [], []
    with _locked(site):
        return _live(site, "running"), _live(site, "waiting")


def _live(site: Site, folder: str, *, first_only: bool = False) -> list[Ticket]:
    """Tickets whose shim lives; the others are cleared away. Call it under the lock."""
    try:
        paths = sorted((site.queue / folder).iterdir())
    except FileNotFoundError:
        return []
    tickets: list[Ticket] = []
    for path in paths:
        ticket = _read(path)
        if Job(site.jobs / ticket.key).alive():
            tickets.append(ticket)
            if first_only:
                break
        else:
            path.unlink(missing_ok=True)
    return tickets


def _read(path: Path) -> Ticket:
    share = json.loads(path.read_text())
    gone_ms = boot_ms() - share["since_boot_ms"] if "since_boot_ms" in share else 0
    ends_in_s = max(0, share["wall_s"] - gone_ms // 1000)
    return Ticket(path.name.split("-", 1)[1], share["cores"], share["memory_mb"], ends_in_s)


def earliest_in_s(cores_total: int, cores: int, running: list[Ticket], waiting: list[Ticket]) -> int:
    """When `cores` are free at the latest, if everybody takes the time they bought. Pure.

    Memory is left out: a quote does not know it.
    """
    assert 0 < cores <= cores_total
    free = cores_total - sum(t.cores for t in running)
    ends = sorted((t.ends_in_s, t.cores) for t in running)
    at_s = 0
    for wanted, length_s in [*((t.cores, t.ends_in_s) for t in waiting), (cores, 0)]:
        while free < min(wanted, cores_total):
            at_s, freed = ends.pop(0)
            free += freed
        free -= wanted
        ends = sorted([*ends, (at_s + length_s, wanted)])
    return at_s
