"""The process beside each job: `python -m marketplace.engines.local.shim JOBDIR`.

It outlives whoever called `start` (a Celery worker that is killed takes no job with it): waits for its
share of the site, runs the program in the sandbox, meters it, ends it at its limits, keeps its results
and writes its usage record. It holds the job's lock as long as it lives; if it is killed the sandbox
dies with it and the next `check` ends the job as lost.

Exit codes of the command: 0 a shim runs now or the job had ended, 3 another shim has the job.
`--probe SETTINGS` instead tries whether a sandbox can be built here: 0 or 4.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path

from marketplace.engines.local import admission, ending, run, spawn
from marketplace.engines.local.folder import Job

WAIT_TICK_S = 0.1


def main(argv: list[str]) -> int:
    os.umask(0o022)  # the job's own uid reads what the stage is made of
    if argv[0] == "--probe":
        return spawn.probe(json.loads(argv[1]))
    job = Job(Path(argv[0]))
    try:
        lock = job.lock(wait_s=1)
    except FileNotFoundError:
        return 3
    if lock is None:
        return 3
    if job.read("status"):
        return 0
    if os.fork():
        return 0  # the lock is shared with the child: whoever waits for us knows that it is held
    with Path(job.path / "shim.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    code = 0
    try:
        job.write("shim", {"pid": os.getpid()})
        _live(job)
    except BaseException:
        traceback.print_exc()
        code = 1
        ending.mend(job)
    os._exit(code)


def _live(job: Job) -> None:
    spec = job.spec()
    if job.read("begun"):
        ending.mend(job)
        return
    admission.enter(job, spec)
    while not job.asked_to_stop() and not admission.admit(job, spec):
        time.sleep(WAIT_TICK_S)
    if job.asked_to_stop():
        ending.mend(job)
        return
    ending.end(job, run.run(job, spec))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
