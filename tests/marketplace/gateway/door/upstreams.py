"""Providers for tests: llama.cpp's own server with a random model, and a way to let it fail.

`Mishap` stands between the gateway and the real server and passes everything on, but does what it is told to the
next answers: the faults are made, the answers are real.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

ROOT = Path(__file__).resolve().parents[4]
TOKENS = ROOT / "marketplace/engines/tokens"
SECRET = "sk-upstream"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Llama:
    """A running server; `counted()` is what it counted itself since it began."""

    def __init__(self, folder: Path, *, embedding: bool = False) -> None:
        self.port = free_port()
        model = folder / "tiny.gguf"
        if not model.exists():
            subprocess.run([sys.executable, TOKENS / "tiny.py", model], check=True, capture_output=True)
        more = ["embedding"] if embedding else []
        self.process = subprocess.Popen(
            [sys.executable, TOKENS / "server.py", str(self.port), model, SECRET, *more],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "listening at" in line:
                break
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def counted(self) -> dict[str, int]:
        """prompt (what was computed), cached and predicted tokens, from /metrics."""
        headers = {"Authorization": f"Bearer {SECRET}"}
        ask = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers=headers)
        text = urllib.request.urlopen(ask, timeout=10).read().decode()
        told = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("llamacpp:"))
        return {"prompt": int(told["llamacpp:prompt_tokens_total"]),
                "cached": int(told["llamacpp:prompt_tokens_cached_total"]),
                "predicted": int(told["llamacpp:tokens_predicted_total"])}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@contextmanager
def loop_thread():
    """An event loop in a thread of its own; gives a function that runs a coroutine there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


class Mishap:
    """A provider that passes on to a real one. `next` holds what happens to the coming calls, one each:

    "500", "429", "401", "404", "400": that status, and nothing is asked · "refuse": the connection is closed unread
    "broken": the answer breaks off in the middle · "no usage" · "empty": no output · "slow": pieces come slowly
    "hang": no answer at all · "error": an error inside the stream · "more": goes on above what was asked for
    """

    def __init__(self, behind: str) -> None:
        self.behind, self.port = behind, free_port()
        self.next: list[str] = []
        self.asked: list[dict] = []
        self.broken_off = 0
        self.release = threading.Event()  # lets "hang" and "slow" go on

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        self.session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        await self.runner.cleanup()
        await self.session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        what = self.next.pop(0) if self.next else ""
        body = await request.json()
        self.asked.append(body)
        if what == "refuse":
            request.transport.abort()
            return web.Response()
        if what.isdigit():
            return web.json_response({"error": {"message": f"made to be {what}", "code": "made"}}, status=int(what))
        try:
            await self._hang(what)
            return await self._pass_on(request, body, what)
        except (asyncio.CancelledError, ConnectionError):
            self.broken_off += 1
            raise

    async def _hang(self, what: str) -> None:
        while what == "hang" and not self.release.is_set():
            await asyncio.sleep(0.02)

    async def _pass_on(self, request: web.Request, body: dict, what: str) -> web.StreamResponse:
        if what == "more":
            body = {**body, "max_tokens": body.get("max_tokens", 1) * 20, "ignore_eos": True}
        headers = {"Authorization": request.headers["Authorization"]}
        async with self.session.post(f"{self.behind}{request.path[3:]}", json=body, headers=headers) as real:
            answer = web.StreamResponse(status=real.status, headers={"Content-Type": real.headers["Content-Type"]})
            if not body.get("stream"):
                return await self._one(request, answer, await real.read(), what)
            await answer.prepare(request)
            pieces = 0
            async for event in _events(real):
                pieces += 1
                if what == "empty" and pieces > 1 and b"content" in event:
                    continue
                if what in ("no usage", "more") and b'"usage"' in event:
                    continue
                if what == "broken" and pieces == 3:
                    request.transport.abort()
                    return answer
                if what == "error" and pieces == 3:
                    await asyncio.sleep(0.1)  # so that something has gone to the caller
                    event = b'data: {"error":{"message":"made","code":500}}\n\n'
                if what == "empty" and b'"usage"' in event:
                    event = _without_output(event)
                await answer.write(event)
                while what == "slow" and pieces >= 3 and not self.release.is_set():
                    await asyncio.sleep(0.02)
            await answer.write_eof()
            return answer

    async def _one(self, request: web.Request, answer: web.StreamResponse, text: bytes, what: str):
        import json

        told = json.loads(text)
        if what == "no usage":
            told.pop("usage")
        if what == "empty":
            told["usage"]["completion_tokens"] = 0
            told["choices"][0]["message"]["content"] = ""
        text = json.dumps(told).encode()
        if what == "broken":
            answer.content_length = len(text)
            await answer.prepare(request)
            await answer.write(text[: len(text) // 2])
            await asyncio.sleep(0.05)
            request.transport.abort()
            return answer
        await answer.prepare(request)
        await answer.write(text)
        await answer.write_eof()
        return answer


async def _events(response: aiohttp.ClientResponse):
    rest = b""
    async for data in response.content.iter_any():
        *whole, rest = (rest + data).split(b"\n\n")
        for event in whole:
            yield event + b"\n\n"


def _without_output(event: bytes) -> bytes:
    import json

    told = json.loads(event[6:])
    told["usage"]["completion_tokens"] = 0
    return b"data: " + json.dumps(told).encode() + b"\n\n"


def until(true, timeout: float = 15):
    """Wait until that is true; what it gave."""
    end = time.monotonic() + timeout
    while not (found := true()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
    return found
