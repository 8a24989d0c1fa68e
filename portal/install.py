"""Makes .venv from nothing but a Python: `python3 -I portal/install.py base|dev`, called by make.

Uses the standard library alone and imports nothing of the project. What was installed is a copy of its
requirement file in .venv, written last: make compares the two and calls again when they differ.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
INCLUDES = {"base": ("base",), "dev": ("dev", "base")}


def main(name: str) -> int:
    with (ROOT / "requirements" / f"{name}.txt").open("rb") as wanted:
        fcntl.flock(wanted, fcntl.LOCK_EX)  # two makes at once
        if installed(name):
            return 0
        problem = missing() or (port_problem() if name == "base" else "")
        if problem:
            return say(problem)
        if not usable():
            say("making .venv")
            shutil.rmtree(VENV, ignore_errors=True)
            made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
            if made.returncode:
                return say(f"Python could not make .venv: {(made.stdout + made.stderr).strip()[-300:]}")
        return install(name)


def installed(name: str) -> bool:
    stamp = VENV / f"{name}.txt"
    return usable() and stamp.exists() and stamp.read_bytes() == requirements(name).read_bytes()


def requirements(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def usable() -> bool:
    """A link to a Python that was removed, or a folder half made, is not."""
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", "import pip"], capture_output=True).returncode == 0


def missing() -> str:
    if usable():
        return ""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            return f"Python's module {module} is missing: install it (on Debian: apt install python{version}-venv)."
    return ""


def port_problem() -> str:
    """Said before the packages are loaded, not a minute later."""
    port = int(os.environ.get("PORT") or 8000)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((os.environ.get("LISTEN") or "127.0.0.1", port))
            s.listen(1)
        except OSError:
            return f"Port {port} is taken; PORT={port + 1} make run takes another."
    return ""


def install(name: str) -> int:
    say("installing the packages (half a minute, once)")
    argv = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--require-hashes"]
    argv += ["--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run([*argv, "-r", str(requirements(name))], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        return say(f"The packages could not be installed: {(errors or [done.stderr.strip()])[-1][:300]}")
    for part in INCLUDES[name]:
        shutil.copyfile(requirements(part), VENV / f"{part}.txt")
    return 0


def say(text: str) -> int:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
