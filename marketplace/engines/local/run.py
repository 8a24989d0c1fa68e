"""One run of one program: sandbox, limits, meter, results. Called in the shim, once in its life."""

from __future__ import annotations

import os
import resource
import select
import shutil
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from marketplace.engines.base import State
from marketplace.engines.local import cgroup, sandbox
from marketplace.engines.local import syscalls as sc
from marketplace.engines.local.ending import Ending
from marketplace.engines.local.folder import Job, Spec, boot_ms, now
from marketplace.engines.local.meter import Meter, Reading
from marketplace.engines.local.results import copy_regular, read_progress
from marketplace.engines.local.spawn import become, open_stage, process_limit_works, spawn

TICK_S = 0.1  # how often limits are looked at
ENDING_TICK_S = 0.005  # when only the sandbox's remains are left to die
HEARTBEAT_S = 0.5  # how much usage is lost at most when the shim is killed
PROCESSES = 256  # threads count
LOG_MAX_BYTES = 1 << 20


def run(job: Job, spec: Spec) -> Ending:
    sc.become_subreaper()  # whatever the sandbox leaves behind is ours to wait for
    return _Run(job, spec).all()


class _Run:
    def __init__(self, job: Job, spec: Spec) -> None:
        self.job = job
        self.spec = spec
        self.python = sandbox.Interpreter(**spec.interpreter)
        self.uid = sandbox.job_uid(spec.key)
        self.tree = cgroup.find(spec.site["cgroup"])
        self.memory_capped = bool(self.tree and "memory" in self.tree.enforces)
        self.group: cgroup.Group | None = None
        self.meter = Meter(None, memory_capped=self.memory_capped, memory_bytes=spec.memory_mb << 20)
        self.stage: sandbox.Stage | None = None
        self.child: int | None = None  # the outermost process of the sandbox while it lives
        self.why = ""  # the limit that ended it
        self.started_boot_ms = boot_ms()
        self.elapsed_ms = 0
        self.log_bytes = 0
        self.log = job.log.open("ab", buffering=0)

    def all(self) -> Ending:
        code, ran = 1, False
        started_at = now()
        try:
            self._prepare()
            started_at = self._begin()
            code, ran = self._sandboxed()
        except (sandbox.NoSandbox, OSError) as e:
            self._say(f"sandbox: {e}")
            self._clear_away()
        return self._ended(started_at, code, ran)

    def _prepare(self) -> None:
        memory_bytes = self.spec.memory_mb << 20
        if self.tree:
            self.group = cgroup.Group.create(
                self.tree,
                f"{self.job.path.stat().st_ino}-{self.spec.key}",
                memory_bytes=memory_bytes,
                cores=self.spec.cores,
                processes=PROCESSES,
            )
            self.meter.group = self.group
        disk_mb = self.spec.site["disk_mb"]
        self.stage = open_stage(self.job.path, self.python, disk_mb=disk_mb, uid=self.uid)
        for name in self.spec.files:
            shutil.copyfile(self.job.files / name, self.stage.work / name)

    def _begin(self) -> datetime:
        """From here on it counts as run, and is never run again."""
        group = {"version": self.group.version, "paths": self.group.paths} if self.group else None
        started_at = now()
        self.started_boot_ms = boot_ms()  # the same clock for `check`: its readings never exceed the record
        begun = {"started_at": started_at.isoformat(), "boot_ms": self.started_boot_ms, "group": group}
        self.job.write("begun", begun)
        return started_at

    def _sandboxed(self) -> tuple[int, bool]:
        """(exit code, whether the program ran at all)."""
        assert self.stage
        hide = [self.job.site.root, sandbox.PROJECT]
        steps = sandbox.plan(self.stage, self.python, hide)
        env = sandbox.environment(
            self.python, cores=self.spec.cores, memory_mb=self.spec.memory_mb, wall_s=self.spec.wall_s
        )
        out_read, out_write = os.pipe()
        status_read, status_write = os.pipe()
        self.child = child = spawn(
            self.spec.site["sandbox"],
            self.stage,
            steps,
            env,
            sandbox.command(self.python),
            enter=self._enter,
            output=out_write,
            status=status_write,
        )
        os.close(out_write)
        os.close(status_write)
        code = self._watch(child, out_read)
        self._drain(out_read)
        said = os.read(status_read, 65536).decode()
        self._keep_results(self.stage.work / "out")
        return code, "exit-code" in said

    def _enter(self) -> None:
        """In the child, before anything foreign runs: into the group, under limits, to its own uid."""
        if self.group:
            self.group.enter()
        disk_bytes = self.spec.site["disk_mb"] << 20
        limits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_NOFILE: 1024,
            resource.RLIMIT_FSIZE: disk_bytes,
            resource.RLIMIT_CPU: self.spec.cpu_limit_ms // 1000 + 2,
        }
        if not self.memory_capped:
            limits[resource.RLIMIT_DATA] = self.spec.memory_mb << 21  # between two samples
        if self.uid is not None or process_limit_works():
            limits[resource.RLIMIT_NPROC] = PROCESSES
        for name, value in limits.items():
            hard = resource.getrlimit(name)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(name, (value, value))
        become(self.uid)

    def _watch(self, child: int, output: int) -> int:
        """Until everything of the job is dead; the exit code of the sandbox."""
        code: int | None = None
        beat_at = 0.0
        pid_fd = os.pidfd_open(child)
        waits = [pid_fd, output]
        while True:
            ready, _, _ = select.select(waits, [], [], TICK_S if code is None else ENDING_TICK_S)
            if output in ready and not self._take_output(output):
                waits.remove(output)
            gone, left = self._reap(child)
            if gone is not None:
                code, self.child = gone, None
                self.elapsed_ms = self._since_start_ms()
                waits = [w for w in waits if w != pid_fd]
            if not left:
                break
            reading = self.meter.read()
            if code is None and not self.why:
                self.why = self._limit_hit(reading)
            if code is not None or self.why:
                self._kill()
            if time.monotonic() >= beat_at:
                self._beat(reading)
                beat_at = time.monotonic() + HEARTBEAT_S
        os.close(pid_fd)
        return code if code is not None else 1

    def _since_start_ms(self) -> int:
        return boot_ms() - self.started_boot_ms

    def _limit_hit(self, reading: Reading) -> str:
        if self.job.asked_to_stop():
            return "stopped"
        if self._since_start_ms() >= self.spec.wall_s * 1000:
            return "wall"
        if reading.cpu_ms >= self.spec.cpu_limit_ms:
            return "cpu"
        if reading.mem_now_bytes > self.spec.memory_mb << 20:
            return "oom"
        return ""

    def _reap(self, child: int) -> tuple[int | None, bool]:
        """(the child's exit code if it ended now, whether descendants are left): we are their subreaper."""
        code = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return code, False
            if pid == 0:
                return code, True
            if pid == child:
                exited = os.waitstatus_to_exitcode(status)
                code = exited if exited >= 0 else 128 - exited

    def _kill(self) -> None:
        if self.group:
            self.group.kill()
        if self.child is not None:  # the sandbox dies with it
            os.kill(self.child, signal.SIGKILL)

    def _clear_away(self) -> None:
        """After a failure of our own: leave nothing running, and let it count until now."""
        if self.child is not None:
            self.elapsed_ms = self._since_start_ms()
        self._kill()
        while self.child is not None and self._reap(self.child)[1]:
            time.sleep(ENDING_TICK_S)

    def _beat(self, reading: Reading) -> None:
        beat = {
            "elapsed_ms": self._since_start_ms(),
            "cpu_ms": reading.cpu_ms,
            "mem_peak_bytes": reading.mem_peak_bytes,
            "progress": self._progress(),
        }
        self.job.write("meter", beat)

    def _progress(self) -> list[dict[str, Any]]:
        return read_progress(self.stage.work / "progress.jsonl") if self.stage else []

    def _take_output(self, output: int) -> bool:
        data = os.read(output, 65536)
        room = LOG_MAX_BYTES - self.log_bytes
        if data and room > 0:
            self.log.write(data[:room])
            if len(data) >= room:
                self._say("log cut here")
        self.log_bytes += len(data)
        return bool(data)

    def _drain(self, output: int) -> None:
        while self._take_output(output):
            pass
        os.close(output)

    def _say(self, text: str) -> None:
        self.log.write(f"\n[engine] {text}\n".encode(errors="backslashreplace"))

    def _keep_results(self, out: Path) -> None:
        """Copy the regular files out of the stage; nothing of the job runs any more."""
        beside = self.job.path / "out.new"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        left_out = copy_regular(out, beside)
        for name in left_out[:10]:
            self._say(f"not kept: {name}")
        beside.rename(self.job.out)

    def _ended(self, started_at: datetime, code: int, ran: bool) -> Ending:
        reading = self.meter.read()
        state: State = "failed"
        reason = self.why
        if self.why == "stopped":
            state = "stopped"
        elif not self.why and ran and code == 0:
            state = "succeeded"
        elif not self.why:
            reason = "oom" if reading.oom_kills else "exit" if ran else "sandbox"
        if self.group:
            self.group.remove()
        return Ending(
            state=state,
            reason=reason,
            exit_code=code if ran else None,
            started_at=started_at,
            elapsed_ms=self.elapsed_ms,
            cores=self.spec.cores,
            cpu_ms=reading.cpu_ms,
            mem_peak_bytes=reading.mem_peak_bytes,
            progress=self._progress(),
        )
