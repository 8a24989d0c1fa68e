"""The door and the meter as the settings say; what `manage.py gateway`, `gateway_meter` and `serve` run."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn
from django.conf import settings
from django.db import OperationalError, connection
from redis.exceptions import RedisError

from portal.core import clock

from . import addresses, secrets_box
from .door.app import Gateway
from .meter import Meter

log = logging.getLogger(__name__)
GRACE_S = 3
TICK_S = 1.0
SPOOL_EVERY_S = 2.0


def spool_folder() -> Path:
    return settings.SUANLI_DATA / "gateway" / "spool"


def run_door(door: socket.socket, ready: Callable[[], None] = lambda: None) -> None:
    """Answer on this listening socket until the process is asked to stop; calls that run then get GRACE_S."""
    application = Gateway(redis_url=settings.REDIS_URL, spool=spool_folder(), open_secret=secrets_box.open_,
                          allowed=addresses.allowed_hosts())
    config = uvicorn.Config(
        application, loop="uvloop", http="httptools", log_level="warning", lifespan="on",
        timeout_graceful_shutdown=GRACE_S, access_log=False,
        h11_max_incomplete_event_size=64_000, timeout_keep_alive=75, server_header=False)
    server = uvicorn.Server(config)

    async def serve() -> None:
        ready()
        await server.serve(sockets=[door])

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())


def run_meter(ready: Callable[[], None] = lambda: None) -> None:
    """Bring events into the books until the process is asked to stop. Redis or PostgreSQL away: waits for them."""
    stop = False

    def ask(*_: object) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    meter = Meter(redis_url=settings.REDIS_URL, folder=spool_folder(), name=socket.gethostname())
    ticked = spooled = 0.0
    ready()
    while not stop:
        try:
            meter.consume(block_ms=500)
            now = time.monotonic()
            if now - ticked > TICK_S:
                meter.tick(now=clock.now())
                ticked = now
            if now - spooled > SPOOL_EVERY_S:
                meter.read_spool()
                spooled = now
        except (RedisError, OperationalError) as error:
            log.warning("the meter waits: %s", error)
            connection.close()
            time.sleep(1)
