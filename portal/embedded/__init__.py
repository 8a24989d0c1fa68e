"""PostgreSQL and Redis that come with the portal, for a machine that has only Python.

`ensure()` is called by every door that starts a process (manage.py, wsgi, asgi, celery). Where
DATABASE_URL and REDIS_URL are set it does nothing. Otherwise it starts what is missing in the data
folder, says so through the environment, and keeps a shared lock for as long as the process lives:
the last user of a data folder stops its services.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import secrets
from pathlib import Path

from .postgres import Postgres
from .redis import Redis
from .service import ServiceError, private_folder

__all__ = ["ServiceError", "data_folder", "ensure", "stop_if_last"]

BASE_DIR = Path(__file__).resolve().parents[2]
_held: dict[str, tuple[int, int]] = {}  # data folder -> (file descriptor of the users' lock, pid)


def data_folder() -> Path:
    """Where uploads, results and embedded services live: SUANLI_DATA, else `.data` in the checkout."""
    return Path(os.environ.get("SUANLI_DATA") or BASE_DIR / ".data").resolve()


def _secrets(folder: Path) -> dict[str, str]:
    path = folder / "secrets.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    missing = {"owner", "runtime", "django"} - known.keys()
    if missing:
        known |= {name: secrets.token_urlsafe(36) for name in missing}
        fresh = path.with_suffix(".new")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            json.dump(known, f)
        fresh.replace(path)
    return known


def services(folder: Path, *, durable: bool = True) -> tuple[Postgres, Redis]:
    """The two services of a data folder; nothing is started."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    home = private_folder(digest)
    known = _secrets(folder)
    return (
        Postgres(home / "pg", durable=durable, owner_password=known["owner"], runtime_password=known["runtime"]),
        Redis(home / "redis", durable=durable),
    )


def ensure(folder: Path | None = None, *, durable: bool = True) -> None:
    """Make DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL true for this process.

    Raises ServiceError, with a sentence for a person, where a service cannot be started.
    """
    want_pg, want_redis = "DATABASE_URL" not in os.environ, "REDIS_URL" not in os.environ
    if not (want_pg or want_redis):
        return
    folder = (folder or data_folder()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    users = os.open(folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(users, fcntl.LOCK_SH)  # waits while the last user of before is stopping the services
    with (folder / "start.lock").open("w") as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        postgres, redis = services(folder, durable=durable)
        os.environ.setdefault("SECRET_KEY", _secrets(folder)["django"])
        if want_pg:
            postgres.ensure()
            os.environ["DATABASE_URL"] = postgres.url("suanli")
            os.environ["DATABASE_OWNER_URL"] = postgres.url("suanli_owner")
        if want_redis:
            redis.ensure()
            os.environ["REDIS_URL"] = redis.url()
    _held[str(folder)] = (users, os.getpid())
    atexit.register(stop_if_last, folder)


def stop_if_last(folder: Path) -> bool:
    """Give up our use of the folder's services, and stop them if nobody else uses them."""
    fd, pid = _held.get(str(folder), (-1, -1))
    if pid != os.getpid():  # a forked child shares the lock of its parent
        return False
    del _held[str(folder)]
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        for service in services(folder):
            service.stop()
        return True
    finally:
        os.close(fd)
