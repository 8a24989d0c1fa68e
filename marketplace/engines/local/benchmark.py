"""Measures the cores a site gives: an ordinary work, stand-alone, standard library only.

One operation is a fixed piece of interpreter work (20,000 steps of a linear congruential generator) and
of memory work (SHA-256 over 1 MiB), so that neither a fast cache nor a hash instruction alone looks like
a fast core. Each of CORES processes does OPERATIONS of them; the amount never depends on the machine.

They are done in ROUNDS, each timed by the processor's own clock: time in which other work had the core does not
count against the core. The best round counts, since a neighbour on the same silicon slows some rounds and never
speeds one up. How much of the core it got says whether the core is there at all. Of several cores the worst counts.

Writes $WORK/out/result.json: {"score": operations per processor-second, an integer, "got_ppm": the part of its time
in which it had the core, best round, "cores", "operations": of all cores, "elapsed_ms", "digest": the same on
every honest machine}.
"""

import hashlib
import json
import os
import time
from pathlib import Path

OPERATIONS = 1_200
ROUNDS = 8
STEPS = 20_000
BLOCK = bytes(range(256)) * 4096


def operation(seed: int, digest: "hashlib._Hash") -> int:
    for _ in range(STEPS):
        seed = (seed * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
    digest.update(seed.to_bytes(8, "big"))
    digest.update(BLOCK)
    return seed


def one_core() -> "tuple[str, int, int]":
    """(digest of all of its work, score and got_ppm of the best of its rounds)."""
    digest = hashlib.sha256()
    seed, score, got_ppm = 1, 0, 0
    for _ in range(ROUNDS):
        began, began_cpu = time.monotonic_ns(), time.process_time_ns()
        for _ in range(OPERATIONS // ROUNDS):
            seed = operation(seed, digest)
        cpu_ns = max(time.process_time_ns() - began_cpu, 1)
        elapsed_ns = max(time.monotonic_ns() - began, 1)
        score = max(score, OPERATIONS // ROUNDS * 1_000_000_000 // cpu_ns)
        got_ppm = max(got_ppm, min(1_000_000, cpu_ns * 1_000_000 // elapsed_ns))
    return digest.hexdigest(), score, got_ppm


def other_core() -> "tuple[int, int]":
    """(pid, descriptor on which its result comes)."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, json.dumps(one_core()).encode())
        os._exit(0)
    os.close(write)
    return pid, read


def main() -> None:
    work = Path(os.environ.get("WORK", "/work"))
    cores = int(os.environ.get("CORES", "1"))
    began = time.monotonic_ns()
    others = [other_core() for _ in range(cores - 1)]
    found = [one_core()]
    for pid, read in others:
        found.append(tuple(json.loads(os.read(read, 1000))))
        os.waitpid(pid, 0)
    if len({digest for digest, _score, _got in found}) != 1:
        raise SystemExit("the cores do not agree")
    result = {
        "score": min(score for _digest, score, _got in found),
        "got_ppm": min(got for _digest, _score, got in found),
        "cores": cores,
        "operations": OPERATIONS * cores,
        "elapsed_ms": (time.monotonic_ns() - began) // 1_000_000,
        "digest": found[0][0],
    }
    (work / "out").mkdir(exist_ok=True)
    (work / "out" / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
