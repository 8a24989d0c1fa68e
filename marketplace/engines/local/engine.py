"""The verbs of the local engine. All state is in the site's folder, so any process may ask."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from marketplace.engines.base import (
    Abilities,
    Capacity,
    Engine,
    EngineUnavailable,
    Feasibility,
    Protection,
    SiteRef,
    Started,
    Status,
    Usage,
    Work,
    WorkRefused,
)
from marketplace.engines.local import (
    admission,
    cgroup,
    ending,
    folder,
    journal,
    results,
    runtime,
    sandbox,
    spawn,
)
from marketplace.engines.local.folder import Job, Site

STOP_WAIT_S = 5
RELAUNCH_AFTER_S = 3  # a start that made the folder a moment ago launches the shim itself
PROBE_AGAIN_S = 60
LOG_CHUNK_BYTES = 64 << 10
_probes: dict[tuple[str, str], tuple[float, str]] = {}


class LocalEngine(Engine):
    name = "local"
    abilities = Abilities(
        can_reserve=False,
        can_quote_start=True,
        can_update_limits=False,
        kills_at_limit=True,
        limit_granularity_s=1,
        max_overshoot_ms=500,
    )

    def machine_cores(self) -> int | None:
        return os.cpu_count()

    def capacity(self, site: SiteRef) -> Capacity:
        """Not ready: root_unwritable, no_sandbox (params: detail), installing (percent, line),
        runtime_missing, runtime_failed (detail)."""
        place = Site.of(site)
        total = int(site.settings["cores"])
        running, _ = admission.load(place)
        free = max(0, total - sum(t.cores for t in running))
        reason, params = self._why_not_ready(site, place)
        return Capacity(total, free, int(site.settings["memory_mb"]), not reason, reason, params)

    def capabilities(self, site: SiteRef) -> Protection:
        tree = cgroup.find(site.settings.get("cgroup"))
        how, _ = _builder(site, sandbox.interpreter(None))
        if not how:
            return Protection("", (), (), "")
        enforced = {"filesystem", "network", "nested_namespaces", "disk", "wall", "cpu_time"}
        enforced |= tree.enforces if tree else set()
        if os.geteuid() == 0:
            enforced.add("own_uid")
        if os.geteuid() == 0 or spawn.process_limit_works():
            enforced.add("processes")
        every = enforced | {"own_uid", "memory", "cores", "processes", "system_call_filter", "own_kernel"}
        metered_by = "cgroup" if tree else "sampling"
        return Protection(how, tuple(sorted(enforced)), tuple(sorted(every - enforced)), metered_by)

    def quote(self, site: SiteRef, cores: int, wall_s: int) -> Feasibility:
        total = int(site.settings["cores"])
        if cores < 1 or wall_s < 1:
            return Feasibility(False, reason="bad_limits")
        if cores > total:
            return Feasibility(False, reason="too_many_cores")
        place = Site.of(site)
        if reason := self._why_not_ready(site, place)[0]:
            return Feasibility(False, reason=reason)
        return Feasibility(True, admission.earliest_in_s(total, cores, *admission.load(place)))

    def start(self, site: SiteRef, work: Work) -> Started:
        place = Site.of(site)
        job = place.job(work.key)
        if job.exists():
            if job.spec().tenant != work.tenant:
                raise WorkRefused("key_taken", key=work.key)
            self._nudge(job)
            return Started(work.key, already=True)
        if (place.forgotten / work.key).exists():
            raise WorkRefused("already_ended", key=work.key)
        _check_limits(site, work)
        python = _python(site)
        how, detail = _builder(site, python)
        if not how:
            raise WorkRefused("no_sandbox", detail=detail)
        settings = {**site.settings, "sandbox": how}
        try:
            created = folder.create(place, work, settings, python.as_dict())
        except OSError as e:
            raise EngineUnavailable("root_unwritable", detail=str(e)) from e
        self._nudge(job)
        return Started(work.key, already=not created)

    def check(self, site: SiteRef, key: str) -> Status:
        job = Site.of(site).job(key)
        try:
            return self._check(job) if job.exists() else Status("unknown")
        except FileNotFoundError:
            if job.exists():
                raise
            return Status("unknown")  # forgotten meanwhile

    def _check(self, job: Job) -> Status:
        if status := job.read("status"):
            return _status(status)
        lock = job.lock()
        if lock is not None:
            try:
                if job.read("begun") or job.read("ending") or job.asked_to_stop():
                    ending.mend(job)
            finally:
                os.close(lock)
        if status := job.read("status"):
            return _status(status)
        if lock is not None and time.time() - job.path.stat().st_mtime > RELAUNCH_AFTER_S:
            self._nudge(job)
        return _living(job)

    def usage(self, site: SiteRef, since_seq: int) -> tuple[list[Usage], int]:
        return journal.read(Site.of(site).journal, since_seq)

    def stop(self, site: SiteRef, key: str) -> Status:
        job = Site.of(site).job(key)
        status = self.check(site, key)
        if status.final or status.state == "unknown":
            return status
        (job.path / "stop").touch()
        until = time.monotonic() + STOP_WAIT_S
        while not status.final:
            if time.monotonic() > until and job.alive() and (shim := job.read("shim")):
                os.kill(shim["pid"], signal.SIGKILL)  # it holds the lock, so the pid is its own
            time.sleep(0.05)
            status = self.check(site, key)
        return status

    def log(self, site: SiteRef, key: str, offset: int = 0) -> tuple[str, int]:
        try:
            with Site.of(site).job(key).log.open("rb") as f:
                f.seek(offset)
                data = f.read(LOG_CHUNK_BYTES)
        except FileNotFoundError:
            return "", offset
        for cut in range(min(4, len(data))):  # a letter may be half written yet, or half in this chunk
            try:
                return data[: len(data) - cut].decode(), offset + len(data) - cut
            except UnicodeDecodeError:
                continue
        return data.decode(errors="replace"), offset + len(data)

    def results(self, site: SiteRef, key: str) -> list[tuple[str, Path, int]]:
        job = Site.of(site).job(key)
        return results.regular_files(job.out)[0] if job.out.is_dir() else []

    def forget(self, site: SiteRef, key: str) -> None:
        if self.stop(site, key).state != "unknown":
            Site.of(site).job(key).remove()

    def living(self, site: SiteRef) -> list[str]:
        """Keys that wait or run here now, for whoever shuts the machine down."""
        running, waiting = admission.load(Site.of(site))
        return [t.key for t in (*running, *waiting)]

    def _why_not_ready(self, site: SiteRef, place: Site) -> tuple[str, dict[str, Any]]:
        try:
            place.prepare()
        except OSError as e:
            return "root_unwritable", {"detail": str(e)}
        try:
            python = _python(site)
        except EngineUnavailable as e:
            return e.code, e.params
        how, detail = _builder(site, python)
        return ("", {}) if how else ("no_sandbox", {"detail": detail})

    def _nudge(self, job: Job) -> None:
        """Give the job a shim if it needs one; harmless if it has one."""
        if job.read("status") or job.alive():
            return
        try:
            with (job.path / "shim.log").open("ab") as log:
                code = spawn.run_shim([str(job.path)], log)
        except (OSError, subprocess.SubprocessError) as e:
            raise EngineUnavailable("shim_failed", detail=str(e)) from e
        if code not in (0, 3):
            raise EngineUnavailable("shim_failed", exit_code=code)


def _check_limits(site: SiteRef, work: Work) -> None:
    cpu_limit_ms = 1 if work.cpu_limit_ms is None else work.cpu_limit_ms
    if min(work.cores, work.memory_mb, work.wall_s, cpu_limit_ms) < 1:
        raise WorkRefused("bad_limits")
    if work.cores > int(site.settings["cores"]):
        raise WorkRefused("too_many_cores", cores=work.cores, cores_total=int(site.settings["cores"]))
    if work.memory_mb > int(site.settings["memory_mb"]):
        raise WorkRefused("too_much_memory", memory_mb=work.memory_mb)
    if work.network:
        raise WorkRefused("network_not_offered")


def _python(site: SiteRef) -> sandbox.Interpreter:
    """The site's runtime, or EngineUnavailable saying what it waits for."""
    path = site.settings.get("runtime")
    if not path:
        return sandbox.interpreter(None)
    if home := runtime.home_of(Path(path)):
        match runtime.status(home):
            case runtime.Installing(percent, line):
                raise EngineUnavailable("installing", percent=percent, line=line)
            case runtime.Missing():
                raise EngineUnavailable("runtime_missing")
            case runtime.Failed(reason):
                raise EngineUnavailable("runtime_failed", detail=reason)
    try:
        return sandbox.interpreter(str(path))
    except (OSError, subprocess.SubprocessError) as e:
        raise EngineUnavailable("runtime_missing", detail=str(e)) from e


def _builder(site: SiteRef, python: sandbox.Interpreter) -> tuple[str, str]:
    """(the first way to build a sandbox that works here, or "", why the last one does not)."""
    detail = ""
    for how in spawn.builders(site.settings.get("sandbox")):
        detail = _probe(how, python)
        if not detail:
            return how, ""
    return "", detail


def _probe(how: str, python: sandbox.Interpreter) -> str:
    """Why no sandbox can be built here; empty if one can. Remembered: it costs 0.1 s."""
    key = (how, python.executable)
    at, detail = _probes.get(key, (float("-inf"), "never tried"))
    if detail and time.monotonic() - at > PROBE_AGAIN_S:
        detail = spawn.try_here(how, python)
        _probes[key] = (time.monotonic(), detail)
    return detail


def _status(raw: dict[str, Any]) -> Status:
    for name in ("started_at", "ended_at"):
        raw[name] = datetime.fromisoformat(raw[name])
    return Status(**raw)


def _living(job: Job) -> Status:
    """A job that has not ended. Its elapsed time is read off the clock, not off the last heartbeat."""
    spec, begun = job.spec(), job.read("begun")
    if not begun:
        return Status("waiting", native_id=job.key, cores=spec.cores)
    meter = job.read("meter") or {}
    return Status(
        "running",
        started_at=datetime.fromisoformat(begun["started_at"]),
        progress=meter.get("progress", []),
        native_id=job.key,
        cores=spec.cores,
        core_ms=spec.cores * max(0, folder.boot_ms() - begun["boot_ms"]),
        cpu_ms=meter.get("cpu_ms", 0),
        mem_peak_bytes=meter.get("mem_peak_bytes", 0),
    )
