"""PostgreSQL and Redis that come with the portal, for a machine that has only Python.

`ensure()` is called by every door that starts a process (manage.py, wsgi, asgi, celery). Where
DATABASE_URL and REDIS_URL are set it does nothing. Otherwise it starts what is missing in the data
folder, says so through the environment, and keeps a shared lock for as long as the process lives:
the last user of a data folder stops its services. Children inherit the environment, so they start
nothing and hold nothing.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from .home import open_home, sweep_scratch
from .postgres import Postgres
from .redis import Redis
from .service import Service, ServiceError, start_all

__all__ = ["ServiceError", "data_folder", "discard", "ensure", "running", "services", "stop_if_last"]

BASE_DIR = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class _Held:
    fd: int  # of the users' lock
    pid: int  # who took it: a forked child shares the lock of its parent and must not give it up
    home: Path
    durable: bool


_held: dict[str, _Held] = {}  # by data folder
_embedded: list[Service] = []  # what this process found or made running


def data_folder() -> Path:
    """Where uploads, results and embedded services live: SUANLI_DATA, else `.data` in the checkout."""
    return Path(os.environ.get("SUANLI_DATA") or BASE_DIR / ".data").resolve()


def _secrets(home: Path) -> dict[str, str]:
    path = home / "secrets.json"
    if not path.exists():
        fresh = home / f"secrets.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({n: secrets.token_urlsafe(36) for n in ("owner", "runtime", "django")}))
        try:
            os.link(fresh, path)  # unlike a rename it fails if another start was faster
        except FileExistsError:
            pass
        fresh.unlink()
    return json.loads(path.read_text())


def services(folder: Path, *, durable: bool = True) -> tuple[Postgres, Redis]:
    """The two services of a data folder; nothing is started."""
    return _at(open_home(folder, durable=durable), durable=durable)


def ensure(folder: Path | None = None, *, durable: bool = True) -> None:
    """Make DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL true for this process.

    Raises ServiceError, with a sentence for a person, where a service cannot be started.
    durable=False is for tests: nothing is synced to disk, and the last user deletes it all.
    """
    want_pg, want_redis = "DATABASE_URL" not in os.environ, "REDIS_URL" not in os.environ
    if not (want_pg or want_redis):
        return
    folder = (folder or data_folder()).resolve()
    if not durable:
        sweep_scratch(lambda home: _stop_all(_at(home, durable=False)))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        home, users = _join(folder, durable=durable)
    except OSError as error:
        raise ServiceError(f"The data folder cannot be used: {error}. SUANLI_DATA names another.") from error
    postgres, redis = _at(home, durable=durable)
    os.environ.setdefault("SECRET_KEY", _secrets(home)["django"])
    wanted: list[Service] = [s for s, want in ((postgres, want_pg), (redis, want_redis)) if want]
    start_all(wanted)
    if want_pg:
        os.environ["SUANLI_EMBEDDED"] = "1"  # SECRET_KEY lives and dies with the database
        os.environ["DATABASE_URL"] = postgres.url("suanli")
        os.environ["DATABASE_OWNER_URL"] = postgres.url("suanli_owner")
    if want_redis:
        os.environ["REDIS_URL"] = redis.url()
    _held[str(folder)] = _Held(users, os.getpid(), home, durable)
    _embedded[:] = wanted
    atexit.register(stop_if_last, folder)


def running() -> list[Service]:
    """The embedded services that this process uses; none where the environment names others."""
    return list(_embedded)


def _join(folder: Path, *, durable: bool) -> tuple[Path, int]:
    """The home and a shared lock on it; waits while the last user of before is stopping the services."""
    while True:
        home = open_home(folder, durable=durable)
        fd = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_SH)
        if os.fstat(fd).st_nlink:
            return home, fd
        os.close(fd)  # a scratch home that its last user deleted while we waited


def stop_if_last(folder: Path) -> bool:
    """Give up our use of the folder's services, and stop them if nobody else uses them."""
    held = _held.get(str(folder))
    if held is None or held.pid != os.getpid():
        return False
    del _held[str(folder)]
    try:
        fcntl.flock(held.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        _stop_all(_at(held.home, durable=held.durable))
        if not held.durable:
            shutil.rmtree(held.home, ignore_errors=True)
        return True
    finally:
        os.close(held.fd)


def discard(folder: Path) -> None:
    """Delete a data folder that nobody uses, and its services' files wherever they lie (tests, benchmarks)."""
    home = (folder / "services").resolve()
    if (home / "secrets.json").exists():
        _stop_all(_at(home, durable=True))
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _at(home: Path, *, durable: bool) -> tuple[Postgres, Redis]:
    known = _secrets(home)
    return (
        Postgres(home / "pg", durable=durable, owner_password=known["owner"],
                 runtime_password=known["runtime"]),
        Redis(home / "redis", durable=durable),
    )


def _stop_all(running: tuple[Service, ...]) -> None:
    for service in running:
        service.signal_stop()
    for service in running:
        service.wait_stopped()
