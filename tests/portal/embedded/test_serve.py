"""The whole site as `make run` starts it, and what is left of it after kill -9 of each part."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
import redis

from portal import embedded
from portal.embedded import services

from .conftest import ROOT, gone, kill, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Site:
    """`manage.py serve` in a process of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.port = free_port()

    def start(self) -> Site:
        self.began = time.monotonic()
        self.log = (self.folder / f"log-{self.began}").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(self.port), "--without-engine"],
            cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log, start_new_session=True,
        )
        until(lambda: "is open at" in self.said() or self.process.poll() is not None, 100, "the site is open")
        assert self.process.poll() is None, self.said()
        until(lambda: {"web", "worker", "beat", "calls", "meter"} <= self.pids().keys(), 30, "all parts")
        return self

    def said(self) -> str:
        return Path(self.log.name).read_text()

    def pids(self) -> dict[str, int]:
        return json.loads((self.folder / "serve.json").read_text())["parts"]

    def services(self) -> dict[str, int]:
        pg, redis_ = services(self.folder)
        return {"postgres": pg.pid(), "redis": redis_.pid()}

    def get(self, path: str = "/accounts/login/") -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.status

    def works(self) -> bool:
        try:
            return self.get() == 200
        except OSError:
            return False

    def keep(self, note: str) -> None:
        """Something that must never be lost again, in each of the two."""
        with psycopg.connect(services(self.folder)[0].url("suanli")) as c:
            c.execute("INSERT INTO history_step (subject, before, after, at, actor, reason, params) "
                      "VALUES (%s, '', '', now(), 'system:test', '', '{}')", [note])
        with redis.Redis.from_url(services(self.folder)[1].url()) as client:
            client.sadd("kept", note)

    def kept(self) -> tuple[set[str], set[str]]:
        with psycopg.connect(services(self.folder)[0].url("suanli")) as c:
            rows = {r[0] for r in c.execute("SELECT subject FROM history_step WHERE actor = 'system:test'")}
        with redis.Redis.from_url(services(self.folder)[1].url(), decode_responses=True) as client:
            return rows, client.smembers("kept")

    def stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 0, self.said()
        return time.monotonic() - began


@pytest.fixture(scope="module")
def site(tmp_path_factory, request):
    from . import conftest

    folder = Path(conftest.tempfile.mkdtemp(prefix="suanli-test-", dir="/var/tmp"))
    kept = {n: v for n, v in conftest.os.environ.items() if n not in conftest.GIVEN}
    running = Site(folder, kept | {"SUANLI_DATA": str(folder), "DEMO": "1"}).start()
    yield running
    if running.process.poll() is None:
        running.stop()
    embedded.discard(folder)


def test_it_serves_pages_and_hashed_static_files(site):
    assert site.get("/") == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/", timeout=30) as answer:
        page = answer.read().decode()
    assert '/static/css/suanli.' in page
    assert "suanli.css" not in page


def test_it_answers_programs_that_call_models_at_the_address_it_prints(site):
    address = re.search(r"model calls at (http://\S+/v1)", site.said())[1]

    def refused() -> bool:
        try:
            urllib.request.urlopen(f"{address}/models", timeout=10)
        except urllib.error.HTTPError as error:
            return error.code == 401 and json.load(error)["error"]["code"] == "invalid_api_key"
        except OSError:
            return False
        return False

    until(refused, 30, "the door answers")


def test_it_runs_as_the_runtime_role_on_tables_of_the_owner(site):
    site.get("/")
    with psycopg.connect(services(site.folder)[0].url("suanli_owner")) as c:
        users = {r[0] for r in c.execute("SELECT usename FROM pg_stat_activity WHERE datname = 'suanli' "
                                         "AND pid <> pg_backend_pid() AND backend_type = 'client backend'")}
        owners = {r[0] for r in c.execute("SELECT tableowner FROM pg_tables WHERE schemaname = 'public'")}
    assert users == {"suanli"}
    assert owners == {"suanli_owner"}


@pytest.mark.parametrize("part", ["web", "worker", "beat", "calls", "meter"])
def test_a_killed_part_comes_back(site, part):
    site.keep(part)
    before = site.pids()[part]
    kill(before)
    until(lambda: site.pids().get(part, before) != before, 15, f"{part} is back")
    until(site.works, 15, "the site answers")
    assert part in site.kept()[0] & site.kept()[1]


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_killed_service_comes_back(site, service):
    site.keep(service)
    before = site.services()[service]
    kill(before)
    until(lambda: site.services()[service] not in (before, None), 30, f"{service} is back")
    until(lambda: all(each.answers() for each in services(site.folder)), 30, f"{service} answers")
    until(site.works, 30, "the site answers")
    assert service in site.kept()[0] & site.kept()[1]


def test_after_the_supervisor_is_killed_the_next_start_works(site):
    site.keep("supervisor")
    left = list(site.pids().values())
    kill(site.process.pid)
    site.process.wait()
    site.start()
    assert all(gone(pid) for pid in left)
    assert site.works()
    assert "supervisor" in site.kept()[0] & site.kept()[1]


def test_after_everything_is_killed_the_next_start_works(site):
    site.keep("everything")
    left = [*site.services().values(), *site.pids().values()]
    kill(site.process.pid)
    for pid in left:
        if not gone(pid):
            kill(pid)
    site.process.wait()
    site.start()
    assert site.works()
    assert "everything" in site.kept()[0] & site.kept()[1]


def test_a_second_one_is_told_where_the_first_is(site, manage):
    done = manage("serve", SUANLI_DATA=str(site.folder), PORT="1")
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"It already runs from this folder: http://127.0.0.1:{site.port}/")


def test_a_taken_port_is_said_in_a_sentence(site, manage):
    done = manage("serve", PORT=str(site.port))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"CommandError: Port {site.port} is taken; PORT={site.port + 1} make run takes another."
    )


def test_it_stops_within_eight_seconds_and_starts_again_without_preparing(site):
    pids = [*site.services().values(), *site.pids().values()]
    assert site.stop() < 8
    assert all(gone(pid) for pid in pids)
    assert not (site.folder / "serve.json").exists()
    site.start()
    assert "preparing" not in site.said()
    assert "collecting" not in site.said()
