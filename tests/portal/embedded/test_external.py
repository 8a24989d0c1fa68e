"""With DATABASE_URL and REDIS_URL no embedded part is used: two servers of our own on TCP ports."""

from __future__ import annotations

import os
import signal
import subprocess

import psycopg
import pytest
import redis

from portal.embedded import postgres, service
from portal.embedded import redis as redis_

from .conftest import until
from .test_serve import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ROLES = """
CREATE ROLE shop_owner LOGIN PASSWORD 'o';
CREATE ROLE shop_web LOGIN PASSWORD 'w';
"""
# as in docs/operating.md
GRANTS = """
ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop_web;
ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner GRANT USAGE, SELECT ON SEQUENCES TO shop_web;
"""


@pytest.fixture
def servers(folder):
    """(PostgreSQL's port, Redis's port)."""
    made = postgres.Postgres(folder / "pg", durable=False, owner_password="a", runtime_password="b")
    folder.chmod(0o711)
    made._init()
    pg_port, redis_port = free_port(), free_port()
    argv = [postgres.binaries() / "postgres", "-D", made.data, "-k", made.folder, "-p", str(pg_port),
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    log = (folder / "log").open("w")
    pg = subprocess.Popen(argv, stdout=log, stderr=log, **made.run_as)
    argv = [redis_.binary(), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    red = subprocess.Popen(argv, stdout=log, stderr=log)
    admin = f"postgresql://suanli_owner:a@127.0.0.1:{pg_port}/postgres"
    until(lambda: _connects(admin), 30, "PostgreSQL on TCP")
    until(lambda: _pings(redis_port), 30, "Redis on TCP")
    with psycopg.connect(admin, autocommit=True) as c:
        c.execute(ROLES)
        c.execute("CREATE DATABASE shop OWNER shop_owner")
    with psycopg.connect(admin.replace("/postgres", "/shop"), autocommit=True) as c:
        c.execute(GRANTS)
    yield pg_port, redis_port
    pg.send_signal(signal.SIGINT)
    red.terminate()
    pg.wait(30)
    red.wait(30)
    log.close()


def _connects(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _pings(port: int) -> bool:
    try:
        return redis.Redis(port=port).ping()
    except redis.RedisError:
        return False


def test_migrate_check_and_shell_use_the_given_servers(servers, folder, manage):
    pg_port, redis_port = servers
    data = folder / "data"
    given = {
        "DATABASE_URL": f"postgresql://shop_web:w@127.0.0.1:{pg_port}/shop",
        "DATABASE_OWNER_URL": f"postgresql://shop_owner:o@127.0.0.1:{pg_port}/shop",
        "DATABASE_RUNTIME_ROLE": "shop_web",
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "SECRET_KEY": "s" * 50,
        "SUANLI_DATA": str(data),
    }
    assert (done := manage("migrate", "-v0", **given)).returncode == 0, done.stderr
    assert (done := manage("load_reference", **given)).returncode == 0, done.stderr
    say = (
        "from django.db import connection; from django.core.cache import cache; cache.set('here', 1); "
        "c = connection.cursor(); c.execute('SELECT current_user'); print(c.fetchone()[0])"
    )
    done = manage("shell", "-c", say, **given)
    assert done.stdout.splitlines()[-1:] == ["shop_web"], done.stderr
    assert any(b"here" in key for key in redis.Redis(port=redis_port).scan_iter())
    assert not (data / "services").exists()
    with psycopg.connect(given["DATABASE_URL"], autocommit=True) as c:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("UPDATE ledger_posting SET id = id")
        assert c.execute("SELECT count(*) > 0 FROM catalogue_package").fetchone() == (True,)


def test_a_service_user_is_known_only_to_root():
    assert (service.service_user() is None) == (os.geteuid() != 0)
