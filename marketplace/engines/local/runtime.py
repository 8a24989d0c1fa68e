"""The recipes' libraries: a Python of their own, installed after the site is up.

    python -m marketplace.engines.local.runtime install --root DIR [--recipes DIR]
    python -m marketplace.engines.local.runtime status  --root DIR

    <root>/<hash>/        a virtual environment; the hash is that of all requirement files together
    <root>/<hash>.part/   one being installed; an interrupted install goes on where it was
    <root>/current        link to the newest finished one: <root>/current/bin/python is a site's `runtime`
    <root>/lock           held while somebody installs
    <root>/progress.json  how far, or why it failed

Finished means renamed to <hash>: what has that name is whole. It may be moved because programs run on
the base interpreter with the environment's libraries on their path (`sandbox.Interpreter`).
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
LINE_CHARS = 200


@dataclass(frozen=True)
class Ready:
    python: Path


@dataclass(frozen=True)
class Installing:
    percent: int
    line: str


@dataclass(frozen=True)
class Missing:
    pass


@dataclass(frozen=True)
class Failed:
    reason: str


State = Ready | Installing | Missing | Failed


def python(root: Path) -> Path:
    """The interpreter to name in a site's settings; it exists once the first install is finished."""
    return root / "current" / "bin" / "python"


def home_of(interpreter: Path) -> Path | None:
    """The root of an interpreter that this module installs, None for any other."""
    return interpreter.parents[2] if interpreter.parts[-3:] == ("current", "bin", "python") else None


def requirements(recipes: Path = RECIPES) -> list[Path]:
    return sorted(recipes.glob("*/requirements.txt"))


def stamp(files: Sequence[Path]) -> str:
    """What the libraries depend on: every requirement file and the Python they are for."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {os.uname().machine}".encode())
    for path in files:
        digest.update(path.parent.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def status(root: Path, recipes: Path = RECIPES) -> State:
    """Where the libraries that the recipes need today stand. An older set does not count as ready."""
    wanted = root / stamp(requirements(recipes))
    current = (root / "current").resolve()
    if wanted.is_dir() and current == wanted.resolve() and python(root).exists():
        return Ready(python(root))
    try:
        said = json.loads((root / "progress.json").read_text())
    except (FileNotFoundError, ValueError):
        said = {}
    lock = _lock(root, create=False)
    if lock is None:
        return Installing(said.get("percent", 0), said.get("line", ""))
    if lock >= 0:
        os.close(lock)
    if said.get("failed") and said.get("stamp") == wanted.name:
        return Failed(said["failed"])
    return Missing()


def install(root: Path, recipes: Path = RECIPES) -> State:
    """Install what is missing; returns at once if nothing is, or if somebody else is at it."""
    root.mkdir(parents=True, exist_ok=True)
    lock = _lock(root, create=True)
    if lock is None:
        return status(root, recipes)
    try:
        files = requirements(recipes)
        wanted = root / stamp(files)
        if not wanted.is_dir():
            part = wanted.with_suffix(".part")
            failed = _build(root, part, files)
            if failed:
                _say(root, wanted.name, failed=failed)
                return Failed(failed)
            part.rename(wanted)
        _point_at(root, wanted)
        _say(root, wanted.name, percent=100)
        _compile(wanted)
    finally:
        os.close(lock)
    return status(root, recipes)


def _build(root: Path, part: Path, files: Sequence[Path]) -> str:
    """Make the environment and fill it; why that failed, or nothing."""
    name = part.stem
    _say(root, name, percent=1, line="python -m venv")
    interpreter = part / "bin" / "python"
    if not (part / "complete-venv").exists():
        argv = [sys.executable, "-m", "venv", "--clear", *([] if files else ["--without-pip"]), str(part)]
        failed = _follow(argv, lambda line: None)
        if failed:
            return failed
        (part / "complete-venv").touch()
    if not files:
        return ""
    expected = sum(_is_requirement(line) for path in files for line in path.read_text().splitlines())
    seen = 0

    def tell(line: str) -> None:
        nonlocal seen
        seen += line.startswith(("Collecting ", "Requirement already satisfied"))
        percent = 5 + 75 * min(seen, expected) // max(expected, 1)
        if line.startswith("Installing collected"):
            percent = 85
        _say(root, name, percent=percent, line=line)

    argv = [str(interpreter), "-m", "pip", "install", "--no-compile", "--prefer-binary"]
    argv += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    for path in files:
        argv += ["-r", str(path)]
    return _follow(argv, tell)


def _compile(wanted: Path) -> None:
    """Byte-compile, when works can run already: it takes 7 s and saves every work 0.3 s (measured)."""
    stamp_file = wanted / "compiled"
    if stamp_file.exists():
        return
    argv = [str(wanted / "bin" / "python"), "-m", "compileall", "-q"]
    argv += ["-x", "/(pip|setuptools|pkg_resources)/", str(wanted / "lib")]
    subprocess.run(argv, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.nice(15), check=False)
    stamp_file.touch()


def _is_requirement(line: str) -> bool:
    return bool(line.strip()) and not line.startswith((" ", "#", "-"))


def _follow(argv: list[str], tell: Callable[[str], None]) -> str:
    """Run it, pass on its lines; its last error line if it fails."""
    try:
        process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
    except OSError as e:
        return str(e)
    last = worst = ""
    assert process.stdout is not None
    for raw in process.stdout:
        line = raw.strip()[:LINE_CHARS]
        if line:
            last = line
            worst = line if "error" in line.lower() and not worst else worst
            tell(line)
    if process.wait() == 0:
        return ""
    return worst or last or f"{argv[2]} left with code {process.returncode}"


def _say(root: Path, name: str, *, percent: int = 0, line: str = "", failed: str = "") -> None:
    beside = root / ".progress"
    beside.write_text(json.dumps({"stamp": name, "percent": percent, "line": line, "failed": failed}))
    beside.replace(root / "progress.json")


def _point_at(root: Path, wanted: Path) -> None:
    """Let `current` name the new one; the one before stays, for jobs that still run on it."""
    current = root / "current"
    before = current.resolve() if current.is_symlink() else None
    if before == wanted.resolve():
        return
    beside = root / ".current"
    beside.unlink(missing_ok=True)
    beside.symlink_to(wanted.name)
    beside.replace(current)
    for old in root.iterdir():
        if old.is_dir() and not old.is_symlink() and old.resolve() not in (wanted.resolve(), before):
            shutil.rmtree(old, ignore_errors=True)


def _lock(root: Path, *, create: bool) -> int | None:
    """The descriptor of the lock, None while somebody installs, -1 if there is no lock file yet."""
    try:
        fd = os.open(root / "lock", os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if create else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=("install", "status"))
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--recipes", type=Path, default=RECIPES)
    args = parser.parse_args(argv)
    root = args.root.resolve()
    state = (install if args.verb == "install" else status)(root, args.recipes.resolve())
    sys.stdout.write(f"{state}\n")
    return 0 if isinstance(state, Ready | Installing) else 1


if __name__ == "__main__":
    sys.exit(main())
