"""One call of a model, from the reservation to the event that the meter reads.

What is reserved is the worst case at the dearest provider that may serve it; what is charged is what was used there,
never more. A provider that fails before its first byte is followed by the next one under the same reservation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp

from portal import policy
from portal.core.ids import public_id

from ..models import Call as Row
from ..rates import Counts, Rates, cost, counts_of, most
from . import upstream
from .answers import Trouble, short, store_down
from .body import Ask
from .choose import Choice, Health
from .event import Event
from .facts import Key, period_of, spent_of
from .sse import DONE, Stream
from .store import DUE, EPOCH, EVENTS, KEY, OPEN, PURSE, StoreDown

if TYPE_CHECKING:
    from .app import Gateway

Send = Callable[[dict[str, Any]], Awaitable[None]]
End = Row.End
NEXT_PROVIDER = {401, 403, 404, 408, 409, 429}  # its own affair, not the caller's
SEND_S = 60
TRIES = 60
CUT = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
SLACK = 16  # events of a stream that are no token: roles, ends


class Stopped(Exception):
    """Somebody ended the call while it ran: the caller went away, or the key was revoked."""


class Call:
    def __init__(self, gateway: Gateway, key: Key, ask: Ask, path: str, choices: list[Choice], send: Send) -> None:
        self.gateway, self.key, self.ask, self.path, self.choices, self.send = gateway, key, ask, path, choices, send
        now = gateway.now()
        self.minute_of_day = gateway.minute_of_day(now)
        self.begun = time.perf_counter()
        self.event = Event(
            id=public_id("gen"), organisation=key.company, key=key.pk, model=gateway.shelf.models[ask.model][0],
            endpoint=None, door=ask.door, stream=ask.stream, received_ms=int(now.timestamp() * 1000),
            epoch=gateway.store.epoch)
        self.output = 0  # tokens of all answers together, as reserved
        self.pack_reserved = 0
        self.reserved = False
        self.head_sent = False
        self.task: asyncio.Task[Any] | None = None
        self.stream: Stream | None = None
        self.choice: Choice | None = None
        self.tried_at = self.begun
        self.input_most = 0
        self.stopped = ""
        self.over = False  # how it ended is known: nobody stops it any more

    # reserving

    async def reserve(self) -> None:
        """Trouble 402, 429 or 503 when it cannot be paid or is too much at once; nothing is reserved then."""
        ask, gateway, key = self.ask, self.gateway, self.key
        context = gateway.shelf.models[ask.model][2]
        dearest_in = max(c.rates.dearest_input for c in self.choices)
        dearest_out = max(c.rates.dearest_output for c in self.choices)
        longest = max(c.target.output_tokens for c in self.choices)
        self.input_most = min(ask.input_most, context) if ask.kind == "chat" else ask.input_most
        wanted = ask.output_most(longest, context) * ask.answers
        least = min(wanted, policy.CALL_LEAST_OUTPUT_TOKENS * ask.answers)
        worst = Rates(dearest_in, dearest_in, dearest_in, dearest_out, dearest_out)
        need = most(worst, input_most=self.input_most, output_most=wanted)
        period, since = period_of(key, gateway.now())
        now_ms = int(time.time() * 1000)
        lost = self._lost(worst)
        keys = (EPOCH, f"{PURSE}{key.company}", f"{OPEN}{key.company}", DUE, f"{KEY}{key.pk}")
        spent, exhausted = "", False
        for _ in range(TRIES):
            seen = gateway.loans.seen(key.company)
            self.event.epoch = gateway.store.epoch
            told = await gateway.store.run(
                "reserve", keys, self.event.epoch, self.event.id, now_ms, now_ms + policy.CALL_LONGEST_S * 1000 + 5000,
                now_ms // 60000, self.event.pack, self.input_most, wanted, least, dearest_in, dearest_out,
                key.calls_per_minute, key.tokens_per_minute, -1 if key.cap_uy is None else key.cap_uy, period, spent,
                gateway.process, key.company, lost, "0" if exhausted else "1")
            if told[0] == 1:
                _one, self.event.reserved_uy, self.pack_reserved, self.output = (int(x) for x in told)
                self.reserved = True
                return
            why, number = told[1].decode(), int(told[2])
            if why == "spent":
                spent = str(await asyncio.to_thread(spent_of, key.pk, since))
            elif why == "short" and not exhausted:
                exhausted = not await gateway.loans.more(key.company, need - number, seen, self.event.pack)
            elif why != "epoch":
                raise self._refused(why, number, most(worst, input_most=self.input_most, output_most=least))
        raise store_down()

    def _refused(self, why: str, number: int, least_uy: int) -> Trouble:
        if why == "rate":
            wait = max(1, -(-number // 1000))
            return Trouble(429, "rate_limit_exceeded", f"This key's limit a minute is reached; free again in {wait} s. "
                           "Nothing was charged.", retry_after=wait)
        if why == "cap":
            return Trouble(402, "key_limit_reached", f"This key may spend CNY {max(0, number) / 1e6:.6f} more in this "
                           "period, which is not enough for this call.")
        if why == "short":
            return short(number, least_uy)
        return store_down()

    def _lost(self, worst: Rates) -> bytes:
        """What the meter is told if this process dies: the likely input at the cheapest of the chosen prices."""
        likely = Counts(input=min(self.ask.input_likely, self.input_most))
        first = self.choices[0]
        rates = first.target.tariff.rates(minute=self.minute_of_day, input_tokens=likely.input) or worst
        event = Event(**{**vars(self.event), "endpoint": first.target.pk, "estimated": True, "prices": rates.as_dict()})
        event.count(likely)
        event.charge_uy = cost(rates, likely)
        return event.line()

    # serving

    async def serve(self) -> None:
        """Ask provider after provider; answer the caller; settle whatever happens."""
        self.task = asyncio.current_task()
        try:
            if self.stopped:  # while it was reserved: nobody has been asked
                self._end(End.CLIENT, 499)
                return
            async with asyncio.timeout(policy.CALL_LONGEST_S):
                await self._try_all()
        except asyncio.CancelledError:
            if not self.stopped or self.task is None:
                self._end(End.LOST, 0)
                raise
            self.task.uncancel()
            await self._stop()
        except TimeoutError:
            self._end(End.UPSTREAM, 504, Counts())
            await self._fail(Trouble(504, "too_long", f"No answer within {policy.CALL_LONGEST_S} s."))
        finally:
            await asyncio.shield(self.gateway.settle(self))

    def stop(self, why: str) -> None:
        """From outside: "client" (went away) or "revoked" (its key)."""
        if self.stopped or self.over:
            return
        self.stopped = why
        if self.task:
            self.task.cancel()

    async def _stop(self) -> None:
        self._end(End.CLIENT, 499, self._so_far(), estimated=True)
        if self.stopped == "revoked":
            await self._fail(Trouble(401, "invalid_api_key", "This key was revoked; what had come by then is charged.",
                                     charged=True))

    async def _try_all(self) -> None:
        for choice in self.choices:
            health = self.gateway.health[choice.target.pk]
            last = choice is self.choices[-1]
            if health.running >= choice.target.parallel and not last:
                self._tried(choice, 0, "busy")
                continue
            health.running += 1
            try:
                if await self._try(choice, health):
                    return
            finally:
                health.running -= 1
        self._end(End.UPSTREAM, 502, Counts())
        await self._fail(Trouble(502, "upstream_failed", "No provider of this model answered.",
                                 retry_after=1))

    async def _try(self, choice: Choice, health: Health) -> bool:
        """Whether the caller has got an answer. False, and nothing sent: the next provider may try."""
        self.choice, self.stream = choice, None
        self.event.endpoint = choice.target.pk
        self.tried_at = time.perf_counter()
        each = min(self.output // self.ask.answers, choice.target.output_tokens) if self.output else 0
        body = self.ask.sent(choice.target.upstream_model, max(1, each))
        try:
            response = await upstream.ask(self.gateway.session, choice.target, self.path, body)
        except upstream.GONE as error:
            return self._next(choice, health, 0, type(error).__name__)
        try:
            if response.status >= 500 or response.status in NEXT_PROVIDER or response.status in range(300, 400):
                return self._next(choice, health, response.status, "status")
            if response.status >= 400:
                return await self._pass_refusal(choice, response)
            if self.ask.stream:
                return await self._stream(choice, health, response)
            return await self._whole(choice, health, response)
        finally:
            response.close()

    def _next(self, choice: Choice, health: Health, status: int, why: str) -> bool:
        health.failed()
        self._tried(choice, status, why)
        return False

    def _tried(self, choice: Choice, status: int, why: str) -> None:
        ms = round(1000 * (time.perf_counter() - self.tried_at))
        self.event.attempts.append({"endpoint": choice.target.public_id, "status": status, "ms": ms, "why": why})

    async def _pass_refusal(self, choice: Choice, response: aiohttp.ClientResponse) -> bool:
        """The provider does not take the request: its own words, no charge."""
        self._tried(choice, response.status, "refused")
        with contextlib.suppress(*upstream.GONE, ValueError):
            text = await upstream.read_all(response)
            self._end(End.REFUSED, response.status, Counts())
            await self._answer(response.status, text)
            return True
        self._end(End.REFUSED, response.status, Counts())
        await self._fail(Trouble(response.status, "refused", "The provider refused this call."))
        return True

    async def _whole(self, choice: Choice, health: Health, response: aiohttp.ClientResponse) -> bool:
        try:
            text = await upstream.read_all(response)
            told = json.loads(text)
            usage = told.get("usage")
        except (*upstream.GONE, ValueError, AttributeError) as error:
            return self._next(choice, health, response.status, type(error).__name__)
        counts = counts_of(usage) if isinstance(usage, dict) else None
        estimated = counts is None
        if counts is None:
            output = -(-len(text) // 4) if self.ask.kind == "chat" else 0
            counts = Counts(input=min(self.ask.input_likely, self.input_most), output=min(output, self.output))
        took = time.perf_counter() - self.tried_at
        health.succeeded(first_ms=None, per_s=counts.all_output / took if counts.all_output else None)
        self._tried(choice, response.status, "")
        finish = [c.get("finish_reason") for c in told.get("choices") or [] if isinstance(c, dict)]
        end = End.LENGTH if "length" in finish or told.get("status") == "incomplete" else End.STOP
        self._end(end, 200, counts, estimated=estimated)
        await self.gateway.settle(self)
        await self._answer(200, text)
        return True

    async def _stream(self, choice: Choice, health: Health, response: aiohttp.ClientResponse) -> bool:
        stream = self.stream = Stream(door=self.ask.door, wants_usage=self.ask.wants_usage)
        most_pieces = self.output + SLACK * self.ask.answers
        try:
            async for data in response.content.iter_any():
                out = stream.feed(data)
                if stream.failed:
                    break
                if not out:
                    continue
                if not self.head_sent:
                    first = time.perf_counter()
                    self.event.first_ms = round(1000 * (first - self.begun))
                    await self._head(200, "text/event-stream")
                await self._more(out)
                if stream.pieces > most_pieces and stream.counts is None:
                    return await self._cut(choice)
        except (*upstream.GONE, ValueError) as error:
            why = type(error).__name__
        else:
            why = "error" if stream.failed else "" if stream.done or stream.finish else "ended early"
        if why and not self.head_sent:
            return self._next(choice, health, response.status, why)
        if why:
            health.failed()
            self._tried(choice, response.status, why)
            self._end(End.UPSTREAM, 200, Counts())
            await self._fail(Trouble(502, "upstream_failed", "The provider broke off."))
            return True
        counts = stream.counts or self._so_far()
        took = max(1e-6, time.perf_counter() - self.begun - (self.event.first_ms or 0) / 1000)
        health.succeeded(first_ms=self.event.first_ms, per_s=counts.all_output / took)
        self._tried(choice, response.status, "")
        self._end(End.LENGTH if stream.finish == "length" else End.STOP, 200, counts, estimated=stream.counts is None)
        await self.gateway.settle(self)
        if not self.head_sent:
            await self._head(200, "text/event-stream")
        await self._more(b"", last=True)
        return True

    async def _cut(self, choice: Choice) -> bool:
        """More than was reserved and asked for: the provider does not keep to it."""
        self._tried(choice, 200, "above what was asked for")
        self._end(End.LENGTH, 200, self._so_far(), estimated=True)
        await self._more((CUT if self.ask.door == "chat" else b"") + DONE, last=True)
        return True

    # what it came to

    def _so_far(self) -> Counts:
        """Counted where the provider told nothing: the likely input, an output token for each piece that came."""
        pieces = self.stream.pieces if self.stream else 0
        return Counts(input=min(self.ask.input_likely, self.input_most), output=min(pieces, self.output))

    def _end(self, end: str, status: int, counts: Counts | None = None, *, estimated: bool = False) -> None:
        """Write down how it ended and what it comes to; nothing where nothing came back."""
        self.over = True
        event = self.event
        event.end, event.status, event.estimated = str(end), status, estimated
        event.total_ms = round(1000 * (time.perf_counter() - self.begun))
        if counts is None or not counts.total or self.choice is None:
            return
        if self.ask.kind == "chat" and not counts.all_output and end in (End.STOP, End.LENGTH):
            event.end = str(End.EMPTY)
            event.count(counts)
            return
        event.count(counts)
        rates = self.choice.target.tariff.rates(minute=self.minute_of_day, input_tokens=counts.all_input)
        rates = rates or self.choice.rates
        event.prices = rates.as_dict()
        event.pack_tokens = min(self.pack_reserved, counts.total)
        event.charge_uy = min(event.reserved_uy, cost(rates, counts, pack_tokens=event.pack_tokens))

    def settle_args(self) -> tuple[tuple[str, ...], tuple[str | int, ...]]:
        event = self.event
        keys = (f"{PURSE}{event.organisation}", f"{OPEN}{event.organisation}", DUE, EVENTS)
        return keys, (event.id, event.organisation, event.charge_uy, event.pack_tokens, sum(event.counts))

    # answering

    async def _head(self, status: int, kind: str, length: int | None = None) -> None:
        self.head_sent = True
        headers = [(b"content-type", kind.encode()), (b"x-request-id", self.event.id.encode()),
                   (b"cache-control", b"no-store")]
        if length is None:
            headers.append((b"x-accel-buffering", b"no"))
        else:
            headers.append((b"content-length", str(length).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def _more(self, data: bytes, *, last: bool = False) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await self.send({"type": "http.response.body", "body": data, "more_body": not last})
        except TimeoutError:  # a caller that does not read is one that is not there
            self.stop("client")
            await asyncio.sleep(0)

    async def _answer(self, status: int, text: bytes) -> None:
        await self._head(status, "application/json", len(text))
        await self._more(text, last=True)

    async def _fail(self, trouble: Trouble) -> None:
        """An error body, or inside the stream where that has begun."""
        if self.head_sent:
            await self._more(b"data: " + trouble.body() + b"\n\n", last=True)
        else:
            await self.gateway.refuse(self.send, trouble, self.event.id)


async def settle(gateway: Gateway, call: Call) -> None:
    """Once a call: the event to the spool and, with what was not needed, to Redis. Redis away: tried again later."""
    if not call.reserved:
        return
    call.reserved = False
    line = call.event.line()
    gateway.spool.append(line)
    keys, args = call.settle_args()
    try:
        await gateway.store.run("settle", keys, *args, line, int(time.time() * 1000))
    except StoreDown:
        gateway.unsettled.append((keys, (*args, line)))
