"""Measures the cores a site gives: an ordinary work, stand-alone, standard library only.

One operation is a fixed piece of interpreter work (20,000 steps of a linear congruential generator) and
of memory work (SHA-256 over 1 MiB), so that neither a fast cache nor a hash instruction alone looks like
a fast core. Each of CORES processes does OPERATIONS of them; the amount never depends on the machine.

Writes $WORK/out/result.json: {"score": operations per core-second, an integer, "cores", "operations":
of all cores, "elapsed_ms", "digest": the same on every honest machine}.
"""

import hashlib
import json
import os
import time
from pathlib import Path

OPERATIONS = 1_200
STEPS = 20_000
BLOCK = bytes(range(256)) * 4096


def operation(seed: int, digest: "hashlib._Hash") -> int:
    for _ in range(STEPS):
        seed = (seed * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
    digest.update(seed.to_bytes(8, "big"))
    digest.update(BLOCK)
    return seed


def one_core() -> str:
    digest = hashlib.sha256()
    seed = 1
    for _ in range(OPERATIONS):
        seed = operation(seed, digest)
    return digest.hexdigest()


def other_core() -> "tuple[int, int]":
    """(pid, descriptor on which its digest comes)."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, one_core().encode())
        os._exit(0)
    os.close(write)
    return pid, read


def main() -> None:
    work = Path(os.environ.get("WORK", "/work"))
    cores = int(os.environ.get("CORES", "1"))
    began = time.monotonic_ns()
    others = [other_core() for _ in range(cores - 1)]
    digests = {one_core()}
    for pid, read in others:
        digests.add(os.read(read, 64).decode())
        os.waitpid(pid, 0)
    elapsed_ms = (time.monotonic_ns() - began) // 1_000_000
    if len(digests) != 1:
        raise SystemExit("the cores do not agree")
    result = {
        "score": OPERATIONS * 1000 // max(elapsed_ms, 1),
        "cores": cores,
        "operations": OPERATIONS * cores,
        "elapsed_ms": elapsed_ms,
        "digest": digests.pop(),
    }
    (work / "out").mkdir(exist_ok=True)
    (work / "out" / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
