"""How fast the door and the meter are: `make bench ONLY=gateway`. Needs a database and a Redis that may be thrown away.

A trivial provider stands in for models; everything of ours is on: keys, reservations, the spool, leases, events.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.db import connection

from bank.ledger import actions as ledger
from bank.ledger.proof import prove
from marketplace.catalogue.models import Region
from portal.accounts import secrets
from portal.accounts.models import Organisation, User
from portal.core import clock

from . import load
from .door.store import EVENTS
from .meter import Meter
from .models import AccessKey, AiModel, Call, Endpoint, Price
from .serving import spool_folder

ROOT = Path(__file__).resolve().parents[2]
SECONDS, CONNECTIONS = 5.0, 16
BODY = json.dumps({"model": "stub", "max_tokens": 64, "messages": [{"role": "user", "content": "How many? " * 8}]})
STREAM = BODY[:-1] + ', "stream": true}'
PACE_S = 0.05  # twenty tokens a second and stream
EVENTS_MANY = 50_000
Row = dict[str, Any]


def run() -> list[Row]:
    """All figures of this room: about a minute."""
    stub, paced, port = 9471, 9472, 9473
    providers = [load.provide(stub), load.provide(paced, PACE_S)]
    secret = goods(stub, paced)
    try:
        with door(port) as pid:
            rows = [*_whole(port, pid, secret), *_streamed(port, pid, secret, stub), _paced(port, secret)]
        rows.append(_consumed())
        return rows
    finally:
        for provider in providers:
            provider.terminate()


def goods(stub: int, paced: int) -> str:
    """A company with money, a key (its text is returned), and two models: one answers at once, one at a pace."""
    now = clock.now()
    size = {"employees": 1, "revenue_wan": 1, "assets_wan": 1, "size_class": "micro", "industry": "other"}
    company = Organisation.objects.create(
        slug="bench", name="Bench", uscc="BENCH1", state="approved", created_at=now, **size)
    provider = Organisation.objects.create(
        slug="bench-provider", name="Provider", uscc="BENCH2", state="approved", is_provider=True, created_at=now,
        **size)
    user = User.objects.create_user("bench@suanli.test", "none")
    ledger.transfer(key="bench", reason="top_up", cause="bench:1", source=ledger.open(owner=None, kind="bank"),
                    target=ledger.open(owner=company, kind="wallet"), amount=10**12, now=now)
    region, _new = Region.objects.get_or_create(key="bench", defaults={"name_zh": "测", "name_en": "Bench"})
    for slug, port in (("stub", stub), ("paced", paced)):
        model = AiModel.objects.create(slug=slug, name=slug, maker="Bench", country="CN", context_tokens=4096)
        endpoint = Endpoint.objects.create(
            model=model, provider=provider, state="published", base_url=f"http://127.0.0.1:{port}/v1", parallel=10_000,
            upstream_model=slug, region=region, output_tokens=1024, created_at=now)
        for direction in ("input", "output"):
            Price.objects.create(endpoint=endpoint, direction=direction, uy_per_m=1_000_000, effective_from=now)
    text = secrets.fresh()
    key = AccessKey.objects.create(organisation=company, user=user, created_by=user, name="bench", created_at=now,
                                   secret_hash=secrets.hash_of(text))
    return f"sk-tok_{key.public_id[4:]}_{text}"


@contextmanager
def door(port: int):  # type: ignore[no-untyped-def]
    """`manage.py gateway` in a process of its own; its pid."""
    url = urlsplit(os.environ["DATABASE_URL"])
    env = {**os.environ, "DATABASE_URL": urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}")),
           "GATEWAY_ALLOWED_HOSTS": "127.0.0.1:9471,127.0.0.1:9472"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "gateway", "--port", str(port)], cwd=ROOT, env=env, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    time.sleep(1.5)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def cpu_ms(pid: int) -> float:
    """Processor time that a process has used, milliseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def measured(port: int, pid: int, ask: bytes) -> tuple[float, float]:
    """Calls a second, and the door's processor milliseconds for each."""
    load.in_process(lambda: load.call(port, ask, connections=CONNECTIONS, seconds=1.0))
    before = cpu_ms(pid)
    told = load.in_process(lambda: load.call(port, ask, connections=CONNECTIONS, seconds=SECONDS))
    if told.failed:
        raise RuntimeError(f"{told.failed} calls of the benchmark failed")
    return told.count / told.seconds, (cpu_ms(pid) - before) / told.count


def _whole(port: int, pid: int, secret: str) -> list[Row]:
    per_s, cpu = measured(port, pid, load.request("/v1/chat/completions", BODY.encode(), secret))
    return [_row("nonstream_per_s", round(per_s), "1/s"), _row("nonstream_cpu_ms", round(cpu, 3), "ms")]


def _streamed(port: int, pid: int, secret: str, stub: int) -> list[Row]:
    ask = load.request("/v1/chat/completions", STREAM.encode(), secret)
    per_s, cpu = measured(port, pid, ask)
    ours = load.in_process(lambda: load.call(port, ask, connections=4, seconds=SECONDS)).p95()
    alone = load.in_process(lambda: load.call(stub, ask, connections=4, seconds=SECONDS)).p95()
    return [_row("stream_per_s", round(per_s), "1/s"), _row("stream_cpu_ms", round(cpu, 3), "ms"),
            _row("ttft_added_p95_ms", round(ours - alone, 1), "ms")]


def _paced(port: int, secret: str) -> Row:
    body = STREAM.replace('"stub"', '"paced"').encode()
    ask = load.request("/v1/chat/completions", body, secret)
    # all of them at once, then again and again; the first time opens 200 connections to the provider
    load.in_process(lambda: load.call(port, ask, connections=200, seconds=0.5))
    told = load.in_process(lambda: load.call(port, ask, connections=200, seconds=SECONDS))
    if told.failed:
        raise RuntimeError(f"{told.failed} streams of the benchmark failed")
    return _row("paced200_ttft_p95_ms", round(told.p95(), 1), "ms")


def _consumed() -> Row:
    """Events a second into the books, from the stream that the calls above left, until EVENTS_MANY are written."""
    meter = Meter(redis_url=settings.REDIS_URL, folder=spool_folder())
    client = redis.Redis.from_url(settings.REDIS_URL)
    waiting = client.xlen(EVENTS)
    begun = time.perf_counter()
    read = 0
    while read < min(waiting, EVENTS_MANY) and (now := meter.consume(block_ms=100)):
        read += now
    took = time.perf_counter() - begun
    if Call.objects.count() < read or any(outcome.wrong for outcome in prove()):
        raise RuntimeError("the books are wrong after the benchmark")
    return _row("consumer_per_s", round(read / took), "events/s")


def _row(name: str, value: float, unit: str) -> Row:
    return {"name": f"gateway.{name}", "value": value, "unit": unit}
