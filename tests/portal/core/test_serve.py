import json
import subprocess
import sys

from portal.core.management.commands import serve

HOLD = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def job_of(engine, pid: int):
    path = engine / "sites/sit_1/jobs/alc_1"
    path.mkdir(parents=True)
    (path / "lock").touch()
    (path / "shim.json").write_text(json.dumps({"pid": pid}))
    return path


def test_a_running_job_ends_with_the_site(tmp_path):
    path = job_of(tmp_path, 0)
    shim = subprocess.Popen([sys.executable, "-c", HOLD, path / "lock"], stdout=subprocess.PIPE, text=True)
    assert shim.stdout.readline() == "held\n"
    (path / "shim.json").write_text(json.dumps({"pid": shim.pid}))
    serve.end_jobs(tmp_path)
    assert shim.wait(10) == -9


def test_a_pid_that_holds_no_job_is_left_alone(tmp_path):
    other = subprocess.Popen(["sleep", "60"])
    job_of(tmp_path, other.pid)
    try:
        serve.end_jobs(tmp_path)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_without_an_engine_there_is_nothing_to_end(tmp_path):
    serve.end_jobs(tmp_path / "engine")


def test_who_listens_everywhere_is_told_an_address_that_opens():
    assert serve._shown("0.0.0.0") == "127.0.0.1"
    assert serve._shown("192.168.1.5") == "192.168.1.5"
