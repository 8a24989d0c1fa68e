import os
import subprocess

import psycopg
import pytest

from portal.embedded import home, postgres, service, services
from portal.embedded import redis as redis_

from .conftest import kill, until

pytestmark = pytest.mark.slow
FORBIDDEN = (
    "TRUNCATE later", "DROP TABLE later", "ALTER TABLE later ADD COLUMN m int", "CREATE TABLE mine (n int)",
    "CREATE ROLE friend", "CREATE DATABASE other",
)


@pytest.fixture
def running(folder):
    """Both services of the folder, started; stopped afterwards."""
    both = services(folder)
    service.start_all(both)
    yield both
    for each in both:
        each.signal_stop()
    for each in both:
        each.wait_stopped()


def write_a_row(pg) -> None:
    with psycopg.connect(pg.url("suanli_owner")) as c:
        c.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        c.execute("INSERT INTO kept VALUES (1)")


def rows(pg) -> int:
    with psycopg.connect(pg.url("suanli")) as c:
        return c.execute("SELECT count(*) FROM kept").fetchone()[0]


def redis_does(redis, command: str) -> str:
    import redis as client

    with client.Redis.from_url(redis.url(), decode_responses=True) as c:
        return c.execute_command(*command.split())


def test_nothing_is_lost_when_both_are_killed(running):
    pg, redis = running
    write_a_row(pg)
    redis_does(redis, "SET kept 1")
    kill(pg.pid())
    kill(redis.pid())
    service.start_all(running)
    assert rows(pg) == 1
    assert redis_does(redis, "GET kept") == "1"


def test_a_backend_that_is_killed_takes_nothing_with_it(running):
    pg, _ = running
    write_a_row(pg)
    victim = psycopg.connect(pg.url("suanli"))
    kill(victim.info.backend_pid)
    until(pg.answers, 30, "PostgreSQL has recovered")
    assert rows(pg) == 1


def test_a_second_start_finds_them_running(running):
    before = [each.pid() for each in running]
    service.start_all(running)
    assert [each.pid() for each in running] == before


def test_a_pid_of_somebody_else_is_not_taken_for_the_service(folder, running):
    pg, redis = running
    for each in running:
        each.signal_stop()
    for each in running:
        each.wait_stopped()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (pg.data / "postmaster.pid").write_text(f"{other.pid}\n{pg.data}\n")
        (redis.folder / "pid").write_text(str(other.pid))
        assert not pg.alive()
        pg.signal_stop()
        redis.signal_stop()
        service.start_all(running)
        assert pg.answers()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_half_made_database_is_made_anew(folder):
    pg, _redis = services(folder)
    pg.folder.mkdir(mode=0o700)
    (pg.folder / "fresh").mkdir()
    (pg.folder / "fresh" / "PG_VERSION").write_text("18")
    try:
        service.start_all([pg])
        assert pg.answers()
    finally:
        pg.signal_stop()
        pg.wait_stopped()


def test_passwords_that_do_not_fit_are_said_at_once(folder, running):
    pg, _ = running
    stranger = postgres.Postgres(pg.folder, durable=True, owner_password="x", runtime_password="y")
    with pytest.raises(service.ServiceError, match="are not those of the database"):
        stranger.answers()


def test_the_runtime_role_owns_nothing_and_reaches_tables_made_later(running):
    pg, _ = running
    with psycopg.connect(pg.url("suanli_owner")) as owner:
        owner.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY, n int)")
    with psycopg.connect(pg.url("suanli"), autocommit=True) as c:
        c.execute("INSERT INTO later (n) VALUES (1)")
        c.execute("UPDATE later SET n = 2")
        assert c.execute("SELECT n FROM later").fetchone() == (2,)
        for forbidden in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(forbidden)


def test_nobody_else_may_read_the_data_or_reach_the_sockets(running):
    pg, redis = running
    assert pg.folder.stat().st_mode & 0o077 == 0
    assert redis.folder.stat().st_mode & 0o077 == 0
    assert (pg.folder.parent / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_long_path_gets_its_sockets_elsewhere(folder):
    deep = folder / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    place = home.socket_folder(deep, ".s.PGSQL.5432")
    assert len(os.fsencode(place)) < 60
    assert place.stat().st_mode & 0o077 == 0
    assert home.socket_folder(folder, "s") == folder
    place.rmdir()


def test_root_copies_the_binaries_where_the_service_user_cannot_reach_them(monkeypatch, folder):
    if os.geteuid() != 0:
        pytest.skip("runs as root only: an ordinary user starts PostgreSQL where it lies")
    monkeypatch.setattr(postgres, "_open_to_all", lambda path: False)
    copied = postgres.binaries()
    assert copied.is_relative_to("/var/lib/suanli") or copied.is_relative_to("/var/tmp")
    user = service.service_user()
    said = subprocess.run([copied / "initdb", "--version"], user=user.pw_uid, capture_output=True, text=True)
    assert "PostgreSQL" in said.stdout, said.stderr


def test_a_redis_is_found_on_the_path_or_in_the_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert subprocess.run([redis_.binary(), "--version"], capture_output=True).returncode == 0
