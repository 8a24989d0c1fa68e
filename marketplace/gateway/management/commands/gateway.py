"""manage.py gateway: the OpenAI-compatible door on a port of its own. Run one a core; `gateway_meter` beside them."""

from __future__ import annotations

import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.gateway.serving import run_door


class Command(BaseCommand):
    help = "Answers /v1/… for programs that call models, until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)

    def handle(self, *args: Any, **options: Any) -> None:
        # named TCP, because only then do event loops switch Nagle's algorithm off (40 ms a call)
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # one process a core shares the port
        try:
            door.bind((options["host"], options["port"]))
        except OSError as error:
            raise CommandError(f"Cannot listen on {options['host']}:{options['port']}: {error.strerror}.") from error
        self.stdout.write(f"model calls at http://{options['host']}:{options['port']}/v1")
        self.stdout.flush()
        run_door(door)
