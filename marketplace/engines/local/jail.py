"""The sandbox without bubblewrap: the same plan, built with Linux's namespaces alone.

Runs in a child of the shim that has already become the job's uid. It makes user, mount, process,
network, IPC, host name and cgroup namespaces, builds the plan's view on an empty tmpfs, makes that the
root, forbids further user namespaces, gives up every capability and runs the program as a child of the
new process 1. Needs Linux 5.12 (mount_setattr) and user namespaces for ordinary users.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from pathlib import Path

from marketplace.engines.local import sandbox
from marketplace.engines.local import syscalls as sc

_NAMESPACES = (
    sc.CLONE_NEWUSER
    | sc.CLONE_NEWNS
    | sc.CLONE_NEWPID
    | sc.CLONE_NEWNET
    | sc.CLONE_NEWIPC
    | sc.CLONE_NEWUTS
    | sc.CLONE_NEWCGROUP
)
_DEVICES = ("null", "zero", "full", "random", "urandom")


def run(root: Path, steps: list[sandbox.Step], env: dict[str, str], argv: list[str], status_fd: int) -> int:
    """Never returns to untrusted code: returns the program's exit code (128 + signal) as bubblewrap does,
    and has written {"exit-code": n} to status_fd if the program did run. Raises OSError before that."""
    uid, gid = os.geteuid(), os.getegid()
    sc.unshare(_NAMESPACES)
    sc.die_with_parent()
    sc.set_dumpable(True)  # a change of uid made /proc/self root's
    sandbox.map_own_ids(uid, gid)
    first = os.fork()
    if first:
        code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
        return code if code >= 0 else 128 - code
    try:
        sc.die_with_parent()
        _build(root, steps)
        socket.sethostname("job")
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        sc.restrict_mount("/proc", sc.MS_RDONLY)
        sc.give_up_privileges()
        os._exit(_as_process_one(env, argv, status_fd))
    except BaseException as e:
        os.write(2, f"sandbox: {e}\n".encode())
        os._exit(1)


def _build(root: Path, steps: list[sandbox.Step]) -> None:
    sc.mount("none", "/", "", sc.MS_REC | sc.MS_PRIVATE)
    sc.mount("tmpfs", str(root), "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=1m,mode=0755")
    for kind, *args in steps:
        at = root / args[-1].lstrip("/") if args else root / kind
        if kind == "link":
            at.symlink_to(args[0])
        elif kind == "mask":
            _tmpfs(at)
        elif kind == "seal":
            sc.restrict_mount(str(at), sc.MS_RDONLY, recursive=False)
        elif kind == "proc":
            at.mkdir()
            sc.mount("proc", str(at), "proc", sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC)
        elif kind == "dev":
            _devices(at)
        else:
            _bind(args[0], at, sc.MS_NOSUID | sc.MS_NODEV | (sc.MS_RDONLY if kind == "ro" else 0))
    os.chdir(root)
    sc.pivot_root(".", ".")
    sc.detach(".")
    os.chdir("/work")


def _bind(source: str, at: Path, flags: int) -> None:
    if Path(source).is_dir():
        at.mkdir(parents=True, exist_ok=True)
    else:
        at.parent.mkdir(parents=True, exist_ok=True)
        at.touch()
    sc.mount(source, str(at), "", sc.MS_BIND | sc.MS_REC)
    if flags:
        sc.restrict_mount(str(at), flags)


def _tmpfs(at: Path) -> None:
    at.mkdir(parents=True, exist_ok=True)
    sc.mount("tmpfs", str(at), "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=1m,mode=0755")


def _devices(at: Path) -> None:
    _tmpfs(at)
    for name in _DEVICES:
        _bind(f"/dev/{name}", at / name, 0)
    (at / "fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (at / name).symlink_to(f"/proc/self/fd/{number}")
    (at / "shm").mkdir()


def _as_process_one(env: dict[str, str], argv: list[str], status_fd: int) -> int:
    """Run the program, reap whatever is left to us, and report how the program ended."""
    program = os.fork()
    if program == 0:
        try:
            os.setsid()
            os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            os.execve(argv[0], argv, env)
        except BaseException as e:
            os.write(2, f"sandbox: {e}\n".encode())
        os._exit(127)
    sc.set_dumpable(False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored by a process 1 without a handler
    while True:
        pid, status = os.wait()
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code
            os.write(status_fd, b'{"exit-code": %d}\n' % code)
            return code
