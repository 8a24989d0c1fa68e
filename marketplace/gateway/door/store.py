"""What the door keeps in Redis: purses, open calls, counters of keys, events on their way to the meter.

Redis spends only what was lent to it (leases). A Redis that has restarted may have lost its last second, so every new
connection looks at the server's run first (`begin.lua`) and what was lent to an earlier run is never spent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
import redis.asyncio

EPOCH, SINCE, DUE, EVENTS, CHANNEL = "gw:epoch", "gw:since", "gw:due", "gw:events", "gw:news"
PURSE, OPEN, LENT, KEY, HEART = "gw:purse:", "gw:open:", "gw:lent:", "gw:key:", "gw:heart:"
FOLDER = Path(__file__).with_name("lua")
HEART_S = 15


@dataclass(frozen=True)
class Script:
    text: str
    sha: str


SCRIPTS = {
    path.stem: Script(text := path.read_text(encoding="utf-8"), hashlib.sha1(text.encode()).hexdigest())
    for path in sorted(FOLDER.glob("*.lua"))
}
BEGIN = (SCRIPTS["begin"].text, 3, EPOCH, DUE, SINCE)


class StoreDown(Exception):
    """Redis does not answer; nothing was reserved."""


def run_of(info: bytes) -> str:
    """The run of a server out of its INFO."""
    return next(line[7:] for line in info.decode().splitlines() if line.startswith("run_id:"))


class Store:
    """For the door: asynchronous. Every call raises StoreDown when Redis is away."""

    def __init__(self, url: str) -> None:
        self.epoch = ""
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url, max_connections=32, timeout=5, socket_timeout=None, socket_connect_timeout=2,
            redis_connect_func=self._connected)
        self.client = redis.asyncio.Redis(connection_pool=pool)

    async def _connected(self, connection: Any) -> None:
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        run = run_of(await connection.read_response(disable_decoding=True))
        await connection.send_command("EVAL", *BEGIN, run, PURSE, OPEN, LENT, KEY)
        await connection.read_response()
        self.epoch = run

    async def run(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Any:
        script = SCRIPTS[name]
        try:
            try:
                return await self.client.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)
            except redis.exceptions.NoScriptError:
                return await self.client.execute_command("EVAL", script.text, len(keys), *keys, *args)
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as error:
            raise StoreDown(str(error)) from error

    async def beat(self, process: str) -> None:
        """This process is alive for another HEART_S seconds."""
        await self.client.set(f"{HEART}{process}", 1, ex=HEART_S)


class SyncStore:
    """For the meter and for actions: synchronous. Raises redis.exceptions.ConnectionError."""

    def __init__(self, url: str) -> None:
        self.epoch = ""
        self.client = redis.Redis.from_url(url, redis_connect_func=self._connected, socket_timeout=None)

    def _connected(self, connection: Any) -> None:
        connection.on_connect()
        connection.send_command("INFO", "server")
        run = run_of(connection.read_response(disable_decoding=True))
        connection.send_command("EVAL", *BEGIN, run, PURSE, OPEN, LENT, KEY)
        connection.read_response()
        self.epoch = run

    def run(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Any:
        return self.client.eval(SCRIPTS[name].text, len(keys), *keys, *args)
