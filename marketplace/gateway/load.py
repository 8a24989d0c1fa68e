"""What the door is measured under: a trivial provider and callers that cost next to nothing.

Each of them is a process of its own.

The provider answers at once with what it was told to; a caller keeps its connections open and sends the same request
again and again. Both speak HTTP/1.1 just well enough, so that what is measured is the door.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CHUNKS = 24
USAGE = b'"usage":{"prompt_tokens":20,"completion_tokens":24,"total_tokens":44}'
ANSWER = (b'{"id":"c","object":"chat.completion","created":1,"model":"stub","choices":[{"index":0,"message":{"role":'
          b'"assistant","content":"' + b"word " * CHUNKS + b'"},"finish_reason":"stop"}],' + USAGE + b"}")
PIECE = (b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[{"index":0,"delta":'
         b'{"content":"word "},"finish_reason":null}]}\n\n')
LAST = (b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[{"index":0,"delta":{},'
        b'"finish_reason":"stop"}]}\n\n')
TOLD = (b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[],' + USAGE + b"}\n\n"
        b"data: [DONE]\n\n")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: "


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Provider(asyncio.Protocol):
    """Answers a chat: whole, or streamed in CHUNKS pieces `pace_s` apart."""

    pace_s = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.rest = transport, b""

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while (cut := self.rest.find(b"\r\n\r\n")) >= 0:
            head = self.rest[:cut].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self.rest) < cut + 4 + length:
                return
            body, self.rest = self.rest[cut + 4 : cut + 4 + length], self.rest[cut + 4 + length :]
            if b'"stream":true' in body or b'"stream": true' in body:
                self.loop_task = asyncio.ensure_future(self.stream())
            else:
                self.transport.write(
                    HEAD + b"application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)

    async def stream(self) -> None:
        self.transport.write(HEAD + b"text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(CHUNKS):
            self.transport.write(chunk(PIECE))
            await asyncio.sleep(self.pace_s)
        self.transport.write(chunk(LAST) + chunk(TOLD) + b"0\r\n\r\n")


@dataclass
class Caller(asyncio.Protocol):
    """One connection: asks, waits for the end of the answer, asks again until `until`."""

    request: bytes
    until: float
    done: Any
    count: int = 0
    failed: int = 0
    first_ms: list[float] = field(default_factory=list)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.seen, self.length, self.asked, self.is_first = b"", -1, time.perf_counter(), True
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.is_first and (b"data:" in data or b'"choices"' in data):
            self.first_ms.append(1000 * (time.perf_counter() - self.asked))
            self.is_first = False
        self.seen += data
        if self.length < 0:
            if b"\r\n\r\n" not in self.seen:
                return
            head, _sep, self.seen = self.seen.partition(b"\r\n\r\n")
            self.failed += b" 200 " not in head[:16]
            low = head.lower()
            self.length = int(low.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in low else 0
        if (len(self.seen) >= self.length) if self.length else self.seen.endswith(b"0\r\n\r\n"):
            self.count += 1
            if time.perf_counter() < self.until:
                self.ask()
            elif not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.failed += 1
            self.done.set_result(None)


@dataclass(frozen=True)
class Told:
    """What callers saw: answers, answers that were no 200, seconds it took, first bytes in milliseconds, sorted."""

    count: int
    failed: int
    seconds: float
    first_ms: list[float]

    def p95(self) -> float:
        return self.first_ms[int(0.95 * (len(self.first_ms) - 1))]


def request(path: str, body: bytes, secret: str) -> bytes:
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def call(port: int, ask: bytes, *, connections: int, seconds: float) -> Told:
    """Ask over so many connections for so long (0: once each)."""

    async def work() -> Told:
        loop, begun = asyncio.get_running_loop(), time.perf_counter()
        callers = [Caller(ask, begun + seconds, loop.create_future()) for _ in range(connections)]
        for one in callers:
            await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*(one.done for one in callers))
        first = sorted(ms for one in callers for ms in one.first_ms)
        return Told(sum(o.count for o in callers), sum(o.failed for o in callers), time.perf_counter() - begun, first)

    return _with_uvloop(work)


def _with_uvloop(work: Callable[[], Any]) -> Any:
    import uvloop

    return uvloop.run(work())


def provide(port: int, pace_s: float = 0.0) -> multiprocessing.process.BaseProcess:
    """A provider in a process of its own."""

    async def serve() -> None:
        Provider.pace_s = pace_s
        server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port)
        await server.serve_forever()

    process = multiprocessing.get_context("fork").Process(target=_with_uvloop, args=(serve,), daemon=True)
    process.start()
    return process


def in_process(work: Callable[[], Told]) -> Told:
    """The callers in a process of their own, so that only their answers come back."""
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[Told] = context.Queue()  # type: ignore[assignment]
    process = context.Process(target=lambda: results.put(work()))
    process.start()
    told = results.get(timeout=300)
    process.join()
    return told
