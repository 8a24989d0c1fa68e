"""The local engine: works run on this machine, one sandbox each, no set-up.

    engine.py    the verbs
    folder.py    what lies where on disk: a site's folder, a job's folder, their locks
    shim.py      the process that outlives the Celery worker: waits for cores, runs, meters, records
    admission.py who may run now (first come, first served), and when the next one could
    sandbox.py   what a program sees: the plan, and bubblewrap as its builder
    jail.py      the same plan built with user namespaces alone, where bubblewrap is missing
    cgroup.py    limits and counters of the kernel, v1 and v2
    run.py       one run: sandbox, limits, meter, results; ending.py records how it ended
    spawn.py     starting the sandbox; results.py takes over what a program left, trusting nothing
    meter.py     one reading from cgroup or, without one, from /proc
    journal.py   usage records, written once
    runtime.py   the recipes' libraries: installed after the site is up
    benchmark.py a program that measures a core

For trusted tenants on one machine: works share the kernel and there is no system call filter, which
the site's page says (`capabilities`).
"""
