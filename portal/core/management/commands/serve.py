"""manage.py serve: the whole site on one machine; what `make run` starts.

Prepares (catalogues, tables, reference and demonstration data, static files), then keeps web, Celery
worker and beat, the door for model calls and its meter running as children of this process, and says where and how
to sign in. Everything is
loaded once, before the children are made. Ctrl-C stops all of it. In production run gunicorn and
Celery yourself: docs/operating.md.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from portal import embedded
from portal.core import prepare
from portal.core.errors import Refused
from portal.embedded.supervisor import Part, Place, Supervisor

Ready = Callable[[], None]
RUNTIME = "marketplace.engines.local.runtime"
JOBS = "marketplace.engines.local.folder"
CALLS, CALLS_DEMO = "marketplace.gateway.serving", "marketplace.gateway.demo"
PORTS_TRIED = 20
RETRY_LATER_S = (60, 300, 1800)


class Command(BaseCommand):
    help = "Prepares the site and runs all of it: web, worker, beat and, where none are given, the services."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("LISTEN", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--calls-port", type=int, help="of the door for model calls")
        parser.add_argument("--threads", type=int, default=8, help="of each web process")
        parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1), help="of the web")
        parser.add_argument("--without-engine", action="store_true", help="leave out the recipes' libraries")
        parser.add_argument("--until-parent-ends", action="store_true", help="stop when make is gone")

    def handle(self, *args: Any, **options: Any) -> None:
        place = Place(settings.SUANLI_DATA)
        place.folder.mkdir(parents=True, exist_ok=True)
        place.address = f"http://{_shown(options['host'])}:{options['port']}/"
        try:
            place.take()
        except embedded.ServiceError as error:
            raise CommandError(str(error)) from error
        door = _bind(options["host"], options["port"])
        calls = _bind_calls(options["host"], options["port"], options["calls_port"])
        settings.GATEWAY_URL = f"http://{_shown(options['host'])}:{calls.getsockname()[1]}/v1"
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the services are stopped
        try:
            prepare.prepare(self.say)
        except KeyboardInterrupt:
            sys.exit(1)
        supervisor = Supervisor(
            place,
            services=embedded.running(),
            until_parent_ends=options["until_parent_ends"],
        )
        self.start(supervisor, door, calls, options)
        supervisor.run()
        end_jobs(settings.SUANLI_DATA / "engine")
        self.say("stopped")

    def start(
        self, supervisor: Supervisor, door: socket.socket, calls: socket.socket, options: dict[str, Any]
    ) -> None:
        """The web first: it needs the least, and somebody waits for it."""
        application = _load_web()
        connections.close_all()  # a connection must not be shared with children

        def web(ready: Ready) -> None:
            _web(application, door, options["processes"], options["threads"], ready)

        supervisor.start(Part("web", web), self.welcome(supervisor.place.address))
        supervisor.wait_ready("web")  # loading Celery takes as long as all of the above
        worker, beat = _load_celery()
        supervisor.start(Part("worker", worker))
        supervisor.start(Part("beat", beat))
        serving = import_module(CALLS)
        model_port = _free_port() if settings.DEMO and not options["without_engine"] else 0
        if model_port:
            settings.GATEWAY_ALLOWED_HOSTS = [*settings.GATEWAY_ALLOWED_HOSTS, f"127.0.0.1:{model_port}"]
        supervisor.start(Part("calls", lambda ready: serving.run_door(calls, ready)))
        supervisor.start(Part("meter", serving.run_meter))
        if model_port:
            demo = import_module(CALLS_DEMO)
            supervisor.start(
                Part("model", lambda ready: demo.serve_model(model_port, ready), nice=15, backoff_s=RETRY_LATER_S)
            )
        if not options["without_engine"]:
            engine = Part("engine", lambda ready: _engine(), once=True, nice=15, backoff_s=RETRY_LATER_S)
            supervisor.start(engine)

    def welcome(self, address: str) -> Callable[[], None]:
        def print_it() -> None:
            lines = ["", f"  Suanli is open at {address}"]
            demo = prepare.command("demo") if settings.DEMO else None
            lines.append(f"    model calls at {settings.GATEWAY_URL}")
            for who, email, password in getattr(demo, "sign_ins", list)():
                lines.append(f"    {who:<12} {email:<24} {password}")
            lines += ["  Ctrl-C stops everything.", ""]
            self.say("\n".join(lines))

        return print_it

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("", "0.0.0.0", "::") else host


def _bind(host: str, port: int) -> socket.socket:
    """The web's socket, held by the supervisor so that a restart of the web refuses nobody."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named TCP, because only then do event loops switch Nagle's algorithm off
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen(512)  # who comes while the site is prepared waits for it
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(f"Port {port} is taken; PORT={port + 1} make run takes another.") from error
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    return door


def _bind_calls(host: str, web: int, wanted: int | None) -> socket.socket:
    """The socket of the door for model calls: the wanted port, else the next free one after the web's."""
    if wanted is not None:
        return _bind(host, wanted)
    for port in range(web + 1, web + PORTS_TRIED):
        with contextlib.suppress(CommandError):
            return _bind(host, port)
    return _bind(host, 0)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _load_web() -> Callable[..., Any]:
    from django.core.wsgi import get_wsgi_application
    from django.urls import get_resolver

    application = get_wsgi_application()
    get_resolver().url_patterns  # noqa: B018  # imports every view before the fork
    return application


def _web(
    application: Callable[..., Any], door: socket.socket, processes: int, threads: int, ready: Ready
) -> None:
    from gunicorn.app.base import BaseApplication

    chosen = {
        "bind": f"fd://{door.fileno()}",
        "workers": processes,
        "threads": threads,
        "worker_class": "gthread",
        "graceful_timeout": 3,
        "timeout": 60,
        "keepalive": 5,
        "loglevel": "warning",
        "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,
        "post_worker_init": lambda worker: ready(),
        "proc_name": "suanli-web",
    }

    class Web(BaseApplication):
        def load_config(self) -> None:
            for name, value in chosen.items():
                self.cfg.set(name, value)

        def load(self) -> Callable[..., Any]:
            return application

    Web().run()


def _load_celery() -> tuple[Callable[[Ready], object], Callable[[Ready], object]]:
    from celery.apps import beat, worker  # noqa: F401  # before the fork

    from portal.celery import app

    app.loader.import_default_modules()
    level = os.environ.get("LOG_LEVEL", "WARNING")
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", f"--loglevel={level}"]
    schedule = settings.SUANLI_DATA / "beat-schedule"

    def run_worker(ready: Ready) -> None:
        warnings.filterwarnings("ignore", message=".*superuser privileges.*")
        argv = ["--quiet", "worker", "--pool=prefork", "--concurrency=2", "--hostname=serve@%h", *quiet]
        app.worker_main(argv)

    def run_beat(ready: Ready) -> None:
        app.start(["--quiet", "beat", f"--schedule={schedule}", "--pidfile=", f"--loglevel={level}"])

    return run_worker, run_beat


def end_jobs(engine: Path) -> None:
    """Jobs have processes of their own and outlive a worker, but not Ctrl-C: kill who holds a job's lock.

    What ran is found lost by the next start, and paid back; what only waited is started again.
    """
    folder = import_module(JOBS)
    for path in engine.glob("sites/*/jobs/*"):
        job = folder.Job(path)
        if job.alive() and (shim := job.read("shim")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(shim["pid"], signal.SIGKILL)


def _engine() -> None:
    """After the site is up, at low priority: the libraries of the recipes, the demonstration's runs."""
    root = settings.SUANLI_DATA / "engine"
    argv = [sys.executable, "-m", RUNTIME, "install", "--root", str(root)]
    done = subprocess.run(argv, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the recipes' libraries are not installed: {(done.stderr or done.stdout).strip()[-300:]}")
    if settings.DEMO and prepare.command("demo"):
        from django.core.management import call_command

        try:
            call_command("demo", runs=True)
        except Refused as refused:  # no sandbox on this machine: the site says so too, and stays open
            sys.exit(f"the demonstration's runs wait: {refused}")
