"""`make mutants`: do the tests notice a bug? Puts each line of ledger.txt into a copy of the project and runs them.

    make mutants              all, two at a time; ends with `caught N of M`
    make mutants ONLY=expir   those whose name has this in it

A mutant is caught when a test fails that passes without it. One that breaks the setting up of the tests (a syntax
error) is not a bug that anybody ships, and counts as not caught.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("ledger.txt")
AT_ONCE = 2
LONGEST_S = 900
# what fails soonest first; -x ends at the first failure
TESTS = [f"tests/bank/ledger/test_{name}.py" for name in (
    "transfer", "hold", "lots", "reverse", "accounts", "post_many", "guards", "queries", "closing", "sealed", "check",
    "races", "model")]  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """`old` at its `nth` place in `path` becomes `new`."""

    name: str
    path: str
    nth: int
    old: str
    new: str

    def put_into(self, tree: Path) -> str:
        """Change the file below `tree`; returns what it was. ValueError where the text does not stand there."""
        file = tree / self.path
        text = file.read_text(encoding="utf-8")
        places = [found.start() for found in re.finditer(re.escape(self.old), text)]
        if len(places) < self.nth:
            raise ValueError(f"{self.name}: place {self.nth} of {self.old!r} is not in {self.path}")
        at = places[self.nth - 1]
        file.write_text(text[:at] + self.new + text[at + len(self.old) :], encoding="utf-8")
        return text


def mutants(only: str = "") -> list[Mutant]:
    return [mutant for mutant in _read(LIST.read_text(encoding="utf-8")) if only in mutant.name]


def _read(text: str) -> Iterator[Mutant]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, path, old, new = (part.replace("\\n", "\n") for part in line.split(" :: "))
            path, _, nth = path.partition(" @")
            yield Mutant(name, path, int(nth or 1), old, new)


def copy_of_the_tree() -> Path:
    """What git knows or would add, elsewhere."""
    tree = Path(tempfile.mkdtemp(prefix="suanli-mutants-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None))
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return tree


def tried(tree: Path) -> tuple[bool, str]:
    """Whether a test failed in that tree, and which, or what else happened."""
    try:
        # a busy machine may take minutes to set them up
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout=600", *TESTS]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        return True, f"no end within {LONGEST_S} s"
    failed = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    broken = re.search(r"^ERROR (\S+.*)", done.stdout, re.MULTILINE)
    if failed:
        return True, failed[1]
    if broken or done.returncode not in (0, 1):
        return False, f"the tests do not run: {broken[1] if broken else done.stdout[-300:] + done.stderr[-300:]}"
    return False, "every test passes"


def main(only: str = "") -> int:
    chosen = mutants(only)
    trees: Queue[Path] = Queue()
    for _ in range(AT_ONCE):
        trees.put(copy_of_the_tree())

    def run(mutant: Mutant) -> bool:
        tree, begun = trees.get(), time.monotonic()
        before = mutant.put_into(tree)
        try:
            caught, how = tried(tree)
        finally:
            (tree / mutant.path).write_text(before, encoding="utf-8")
            trees.put(tree)
        word = "caught " if caught else "MISSED "
        print(f"{word} {mutant.name}: {how} ({time.monotonic() - begun:.0f} s)", flush=True)
        return caught

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(run, chosen))
    finally:
        while not trees.empty():
            shutil.rmtree(trees.get(), ignore_errors=True)
    print(f"caught {sum(found)} of {len(found)}")
    return 0 if sum(found) >= 0.95 * len(found) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
