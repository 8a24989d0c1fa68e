"""Starting the sandbox from the shim, and trying whether one can be started here at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

from marketplace.engines.local import jail, sandbox
from marketplace.engines.local import syscalls as sc

PROBE_FAILED = 4
START_TIMEOUT_S = 30
_STATUS_FD = 3


def builders(setting: str | None) -> list[str]:
    """The ways to build a sandbox, best first; a site's setting leaves only one."""
    if setting:
        return [setting]
    return ["bubblewrap", "namespaces"] if sandbox.bubblewrap() else ["namespaces"]


def open_stage(job: Path, python: sandbox.Interpreter, *, disk_mb: int, uid: int | None) -> sandbox.Stage:
    """The stage, put where it hides nothing that is still needed: the job, what is to be shown, and
    what this process itself may yet import."""
    show = [job, sandbox.PROJECT, Path(sys.prefix), Path(sys.base_prefix), Path(python.base_prefix)]
    show += map(Path, python.libraries)
    if bwrap := sandbox.bubblewrap():
        show.append(Path(bwrap))
    return sandbox.Stage(show=show, disk_mb=disk_mb, uid=uid)


def spawn(
    how: str,
    stage: sandbox.Stage,
    steps: list[sandbox.Step],
    env: dict[str, str],
    argv: list[str],
    *,
    enter: Callable[[], None],
    output: int,
    status: int,
) -> int:
    """Start `argv` in the sandbox; the pid of its outermost process, which dies with us.

    enter: called in the child before anything foreign runs. Its exit code is the program's
    (128 + signal); on the `status` descriptor stands {"exit-code": n} if the program ran at all.
    """
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        for fd, at in ((null, 0), (output, 1), (output, 2)):
            os.dup2(fd, at)
        if status != _STATUS_FD:
            os.dup2(status, _STATUS_FD)
        os.set_inheritable(_STATUS_FD, True)
        os.closerange(_STATUS_FD + 1, 65536)  # the job's lock above all
        os.chdir("/")
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        enter()
        sc.die_with_parent()
        if os.getppid() == parent:
            _build(how, stage, steps, env, argv)
    except BaseException as e:
        os.write(2, f"sandbox: {e}\n".encode())
    os._exit(1)


def _build(
    how: str, stage: sandbox.Stage, steps: list[sandbox.Step], env: dict[str, str], argv: list[str]
) -> NoReturn:
    if how == "bubblewrap":
        bwrap = sandbox.bubblewrap() or "bwrap"
        os.execve(bwrap, sandbox.bubblewrap_argv(bwrap, steps, env, argv, _STATUS_FD), {})
    os._exit(jail.run(stage.root, steps, env, argv, _STATUS_FD))


def run_shim(args: list[str], log: IO[bytes]) -> int:
    """Run the shim's command until it has detached; its exit code. It gets none of our environment,
    which may hold secrets, and none of our open files."""
    env = {n: os.environ[n] for n in ("PATH", "TMPDIR", "LANG") if n in os.environ}
    argv = [sys.executable, "-s", "-m", "marketplace.engines.local.shim", *args]
    run = subprocess.run(
        argv,
        cwd=sandbox.PROJECT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )
    return run.returncode


def try_here(how: str, python: sandbox.Interpreter) -> str:
    """Why no sandbox can be built on this machine; empty if one can."""
    if sys.platform != "linux":
        return f"a sandbox needs Linux, this is {sys.platform}"
    with tempfile.TemporaryFile() as log:
        settings = json.dumps({"how": how, "interpreter": python.as_dict()})
        try:
            if run_shim(["--probe", settings], log) == 0:
                return ""
        except (OSError, subprocess.SubprocessError) as e:
            return str(e)
        log.seek(0)
        return log.read(2000).decode(errors="replace").strip() or "it failed without a word"


def process_limit_works() -> bool:
    """Since Linux 5.14 RLIMIT_NPROC counts within a user namespace; before, everything of the uid."""
    major, minor = (int("".join(filter(str.isdigit, n))) for n in os.uname().release.split(".")[:2])
    return (major, minor) >= (5, 14)


def become(uid: int | None) -> None:
    """Give up root for a uid of the job's own."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def probe(settings: dict[str, Any]) -> int:
    """Build a sandbox around nothing: 0, or 4 with the reason on standard error."""
    python = sandbox.Interpreter(**settings["interpreter"])
    uid = sandbox.job_uid("probe")
    try:
        with tempfile.TemporaryDirectory() as folder:
            stage = open_stage(Path(folder), python, disk_mb=16, uid=uid)
            steps = sandbox.plan(stage, python, [])
    except (sandbox.NoSandbox, OSError) as e:
        sys.stderr.write(f"{e}\n")
        return PROBE_FAILED
    read, write = os.pipe()
    argv = [python.executable, "-I", "-S", "-c", "pass"]
    child = spawn(settings["how"], stage, steps, {}, argv, enter=lambda: become(uid), output=2, status=write)
    os.close(write)
    os.waitpid(child, 0)
    return 0 if b'"exit-code": 0' in os.read(read, 65536) else PROBE_FAILED
