"""The ASGI application: who asks, for what, and what everybody shares."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from redis.exceptions import RedisError

from portal import policy
from portal.accounts import secrets
from portal.core import clock
from portal.core.ids import public_id

from ..models.keys import KEY_PREFIX
from . import body, call, upstream
from .answers import Trouble, bad_key, dump, store_down
from .choose import Health, choices
from .facts import Key, Shelf, load_key, load_shelf
from .loans import Loans
from .lookup import generation
from .spool import Spool
from .store import CHANNEL, HEART_S, Store, StoreDown

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
KEY_S = 10.0  # how long a key is believed without asking the books again; a change is heard of at once
KEYS_MOST = 10_000
SHELF_S = 5.0
HEADERS_MOST = 64
TAIL_MOST = 36


class Gateway:
    """What the calls of one process share."""

    def __init__(self, *, redis_url: str, spool: Path, open_secret: Callable[[str], str],
                 allowed: Collection[str] = ()) -> None:
        self.process = public_id("gwp")[4:]
        self.zone = ZoneInfo(settings.PLATFORM_TZ)
        self.store = Store(redis_url)
        self.spool = Spool(spool, self.process)
        self.loans = Loans(self.store)
        self.health: dict[int, Health] = defaultdict(Health)
        self.shelf = Shelf({}, {})
        self.unsettled: list[tuple[tuple[str, ...], tuple[Any, ...]]] = []
        self.running: dict[int, set[call.Call]] = defaultdict(set)
        self._keys: dict[str, tuple[Key | None, float]] = {}
        self._offset = timedelta(0)
        self._open_secret, self._allowed = open_secret, allowed
        self._tasks: list[asyncio.Task[Any]] = []

    # life

    async def start(self) -> None:
        self.session = upstream.open_session(self._allowed)
        await self._refresh()
        for work in (self.spool.run(), self._every(SHELF_S, self._refresh), self._every(HEART_S / 3, self._beat),
                     self._every(1.0, self._settle_again), self._listen()):
            self._tasks.append(asyncio.create_task(work))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.session.close()
        await self.store.client.aclose()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:
                log.warning("gateway: %s: %s", work.__name__, error)
            await asyncio.sleep(seconds)

    async def _refresh(self) -> None:
        self.shelf = await asyncio.to_thread(load_shelf, self._open_secret, self._allowed)
        self._offset = await asyncio.to_thread(clock.offset)

    async def _beat(self) -> None:
        await self.store.beat(self.process)

    async def _settle_again(self) -> None:
        waiting, self.unsettled = self.unsettled, []
        for number, (keys, args) in enumerate(waiting):
            try:
                await self.store.run("settle", keys, *args, int(time.time() * 1000))
            except StoreDown:
                self.unsettled.extend(waiting[number:])
                return

    async def _listen(self) -> None:
        """Keys that changed and shelves that did, as actions tell them; a lost message costs KEY_S."""
        while True:
            try:
                async with self.store.client.pubsub() as news:
                    await news.subscribe(CHANNEL)
                    async for message in news.listen():
                        if message["type"] == "message":
                            await self._hear(message["data"].decode())
            except (RedisError, OSError):
                await asyncio.sleep(1)

    async def _hear(self, word: str) -> None:
        kind, _space, which = word.partition(" ")
        if kind == "key":
            found = self._keys.pop(which.removeprefix("tky_"), (None, 0.0))[0]
            if found and (now := await asyncio.to_thread(load_key, found.public_id[4:])) and not self._works(now):
                for running in list(self.running[found.pk]):
                    running.stop("revoked")
        elif kind == "shelf":
            await self._refresh()

    # what time it is

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def minute_of_day(self, at: datetime) -> int:
        there = at.astimezone(self.zone)
        return there.hour * 60 + there.minute

    # who asks

    async def key_of(self, scope: Scope) -> Key:
        """Trouble 401 for a key that does not work: always the same words; 403 where it may not be used from there."""
        given = _header(scope, b"authorization") or b""
        kind, _space, text = given.decode("latin-1").partition(" ")
        prefix, tail, secret = (*text.strip().split("_", 2), "", "")[:3]
        plausible = kind.lower() == "bearer" and prefix == KEY_PREFIX and tail.isascii() and tail.isalnum()
        if not plausible or len(tail) > TAIL_MOST:
            raise bad_key()
        key, until = self._keys.get(tail, (None, 0.0))
        if time.monotonic() > until:
            key = await asyncio.to_thread(load_key, tail)
            if len(self._keys) >= KEYS_MOST:
                self._keys.clear()
            self._keys[tail] = (key, time.monotonic() + KEY_S)
        if not secrets.same(secret, key.secret_hash if key else None) or key is None or not self._works(key):
            raise bad_key()
        if key.suspended:
            raise Trouble(403, "company_suspended", "This company may not buy at present.")
        if key.networks:
            client = ipaddress.ip_address((scope.get("client") or ("0.0.0.0", 0))[0])
            if not any(client in network for network in key.networks):
                raise Trouble(403, "address_not_allowed", "This key may not be used from this address.")
        return key

    def _works(self, key: Key) -> bool:
        return not key.revoked and (key.expires_at is None or self.now() < key.expires_at)

    # answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                await self._answer(scope, receive, send)
            except Trouble as trouble:
                await self.refuse(send, trouble)
            except StoreDown:
                await self.refuse(send, store_down())

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"].removeprefix("/v1/").rstrip("/"), scope["method"]
        if len(scope["headers"]) > HEADERS_MOST:
            raise Trouble(431, "too_many_headers", "Too many headers.")
        if path in body.DOORS and scope["path"].startswith("/v1/"):
            if method != "POST":
                raise Trouble(405, "method_not_allowed", "Use POST.")
            await self._call(path, scope, receive, send)
        elif method == "GET" and scope["path"].startswith("/v1/"):
            key = await self.key_of(scope)
            await _json(send, 200, await self._tell(path, key))
        else:
            raise Trouble(404, "not_found", "There is no such address; see /v1/models.")

    async def _tell(self, path: str, key: Key) -> Any:
        first, _slash, rest = path.partition("/")
        if first == "models" and not rest:
            return {"object": "list", "data": [self._model(slug) for slug in sorted(self.shelf.models)
                                               if not key.allowed or slug in key.allowed]}
        if first == "models" and rest in self.shelf.models:
            return self._model(rest)
        if first == "generation" and rest and (found := await asyncio.to_thread(generation, key.company, rest)):
            return found
        raise Trouble(404, "not_found", "There is no such model or call; a call is known some seconds after its end.")

    def _model(self, slug: str) -> dict[str, Any]:
        _pk, _kind, context, maker = self.shelf.models[slug]
        return {"id": slug, "object": "model", "created": 0, "owned_by": maker, "context_length": context}

    async def _call(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        key = await self.key_of(scope)
        ask = body.read(path, await _body(scope, receive))
        if ask.model not in self.shelf.models:
            raise Trouble(404, "model_not_found", f"No model {ask.model!r} is offered here.", param="model")
        if key.allowed and ask.model not in key.allowed:
            raise Trouble(403, "model_not_allowed", f"This key may not call {ask.model!r}.", param="model")
        if self.shelf.models[ask.model][1] != ask.kind:
            raise Trouble(400, "wrong_kind", f"{ask.model!r} does not do this.", param="model")
        minute = self.minute_of_day(self.now())
        found = choices(self.shelf.targets[ask.model], self.health, [key.prefer, ask.prefer], minute=minute,
                        input_most=ask.input_most)
        one = call.Call(self, key, ask, path, found, send)
        gone = asyncio.create_task(_gone(receive, one))
        self.running[key.pk].add(one)
        try:
            await one.reserve()
            await one.serve()
        finally:
            gone.cancel()
            self.running[key.pk].discard(one)

    async def settle(self, one: call.Call) -> None:
        await call.settle(self, one)

    async def refuse(self, send: Send, trouble: Trouble, request: str = "") -> None:
        more = [(b"retry-after", str(trouble.retry_after).encode())] if trouble.retry_after else []
        if request:
            more.append((b"x-request-id", request.encode()))
        await _bytes(send, trouble.status, trouble.body(), more)


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole request. Trouble 413 above the limit, 408 where it does not come."""
    length = _header(scope, b"content-length")
    too_large = Trouble(413, "too_large", f"A request has at most {policy.CALL_BODY_BYTES:,} bytes.")
    if length and length.isdigit() and int(length) > policy.CALL_BODY_BYTES:
        raise too_large
    parts, size = [], 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(policy.CALL_BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Trouble(499, "gone", "The caller went away.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > policy.CALL_BODY_BYTES:
                    raise too_large
                if not message.get("more_body"):
                    return b"".join(parts)
    raise Trouble(408, "too_slow", f"The request did not come within {policy.CALL_BODY_S} s.")


async def _gone(receive: Receive, one: call.Call) -> None:
    """Stop the call when its caller goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    one.stop("client")


async def _json(send: Send, status: int, value: Any) -> None:
    await _bytes(send, status, dump(value), [])


async def _bytes(send: Send, status: int, text: bytes, more: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode()),
               (b"cache-control", b"no-store"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
