"""A running door before real providers, on a database and a Redis of its own; the official client in front."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import openai
import pytest
import redis
import uvicorn
from django.conf import settings

from bank.ledger import actions as ledger
from bank.ledger.models import Account, Hold, Posting
from bank.ledger.proof import prove
from marketplace.catalogue.models import Region
from marketplace.gateway import secrets_box
from marketplace.gateway.door.app import Gateway
from marketplace.gateway.meter import Meter
from marketplace.gateway.models import AccessKey, AiModel, Call, Endpoint, Lease, Price
from portal.accounts import secrets
from portal.core import clock
from tests.bank.ledger.conftest import at_once, own_database

from .upstreams import SECRET, Llama, Mishap, free_port, loop_thread, until

__all__ = ["at_once", "own_database"]
# micro-yuan for a million tokens
INPUT, CACHED, OUTPUT = 2_000_000, 500_000, 8_000_000


@pytest.fixture
def db(own_database):
    """Commits are real: the door asks from threads of its own."""
    return own_database


@pytest.fixture(autouse=True)
def _empty_redis():
    client = redis.Redis.from_url(settings.REDIS_URL)
    for name in client.scan_iter("gw:*"):
        client.delete(name)
    yield


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def llama(models_folder):
    server = Llama(models_folder)
    yield server
    server.stop()


@pytest.fixture
def in_loop():
    with loop_thread() as run:
        yield run


@pytest.fixture
def mishap(llama, in_loop):
    one = Mishap(llama.url)
    in_loop(one.start())
    yield one
    one.release.set()
    in_loop(one.stop())


@pytest.fixture
def tiny(db):
    return AiModel.objects.create(
        slug="tiny-random", name="Tiny", maker="Suanli", country="CN", context_tokens=2048)


def serve(model: AiModel, provider, url: str, *, price_factor: int = 1, parallel: int = 64, **fields) -> Endpoint:
    """A published endpoint with its prices."""
    region, _new = Region.objects.get_or_create(key="hz", defaults={"name_zh": "杭州", "name_en": "Hangzhou"})
    now = clock.now()
    endpoint = Endpoint.objects.create(
        model=model, provider=provider, state="published", base_url=url, upstream_model="tiny-random",
        region=region, output_tokens=1024, parallel=parallel, created_at=now, published_at=now,
        secret=secrets_box.seal(SECRET), **fields)
    for direction, price in (("input", INPUT), ("cached", CACHED), ("output", OUTPUT)):
        Price.objects.create(endpoint=endpoint, direction=direction, uy_per_m=price * price_factor, effective_from=now)
    return endpoint


def make_key(company, user, **fields) -> tuple[AccessKey, str]:
    secret = secrets.fresh()
    key = AccessKey.objects.create(
        organisation=company, user=user, created_by=user, name="till", secret_hash=secrets.hash_of(secret),
        created_at=clock.now(), **fields)
    return key, f"sk-tok_{key.public_id[4:]}_{secret}"


def fund(company, amount_uy: int) -> None:
    wallet = ledger.open(owner=company, kind="wallet")
    ledger.transfer(key=f"fund:{company.slug}:{clock.now().timestamp()}", reason="top_up", cause="payment:test",
                    source=ledger.open(owner=None, kind="bank"), target=wallet, amount=amount_uy, now=clock.now())


class Door:
    """A gateway in a thread, the meter beside it, and what one wants to know of both."""

    def __init__(self, spool: Path, company, text: str, redis_url: str = "") -> None:
        self.spool, self.company, self.text = spool, company, text
        self.redis_url = redis_url or settings.REDIS_URL
        self.meter = Meter(redis_url=self.redis_url, folder=spool)
        self.redis = redis.Redis.from_url(self.redis_url)

    def start(self) -> Door:
        self.gateway = Gateway(redis_url=self.redis_url, spool=self.spool, open_secret=secrets_box.open_,
                               allowed={"127.0.0.1"})
        self.port = free_port()
        config = uvicorn.Config(self.gateway, host="127.0.0.1", port=self.port, log_level="warning", lifespan="on")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve()), daemon=True)
        self.thread.start()
        until(lambda: self.server.started)
        return self

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(15)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def client(self, text: str | None = None, **fields) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=self.url, api_key=text or self.text, **{"max_retries": 0, "timeout": 30, **fields})

    def ask(self, content: str = "How many portions?", *, stream: bool = False, max_tokens: int = 8, **fields):
        """A chat by the official client: the answer, or for a stream the list of its pieces."""
        made = self.client().chat.completions.create(
            model="tiny-random", messages=[{"role": "user", "content": content}], max_tokens=max_tokens, stream=stream,
            **{**fields, "extra_body": {"ignore_eos": True, **fields.get("extra_body", {})}})
        return list(made) if stream else made

    def settled(self, calls: int = 1) -> list[Call]:
        """Run the meter until so many calls stand in the books; all of them, oldest first."""
        def enough() -> bool:
            self.meter.consume(block_ms=50)
            return Call.objects.count() >= calls

        until(enough)
        return list(Call.objects.order_by("id"))

    def left(self) -> int:
        """What Redis may still spend of the company's money."""
        return int(self.redis.hget(f"gw:purse:{self.company.pk}", "uy") or 0)

    def reserved(self) -> int:
        return self.redis.hlen(f"gw:open:{self.company.pk}")

    def take_back(self) -> None:
        """Everything lent goes back; nothing may be reserved any more."""
        from portal import policy

        idle, policy.CALL_LEASE_IDLE_S = policy.CALL_LEASE_IDLE_S, -1
        try:
            until(lambda: [self.meter.consume(block_ms=10), self.meter.tick(now=clock.now())]
                  and not Lease.objects.exclude(state="closed").exists())
        finally:
            policy.CALL_LEASE_IDLE_S = idle


@pytest.fixture
def door(db, tmp_path, platform, jiangnan, lin, settings):
    _key, text = make_key(jiangnan, lin)
    fund(jiangnan, 10_000_000)
    one = Door(tmp_path / "spool", jiangnan, text).start()
    yield one
    one.stop()


def balanced(company) -> None:
    """Nothing is reserved, what left the company's money is what its calls came to, and the books are right."""
    charged = sum(Call.objects.filter(organisation=company).values_list("charge_uy", flat=True))
    borne = sum(Call.objects.filter(organisation=company).values_list("uncovered_uy", flat=True))
    purse = Account.objects.filter(owner=company, kind="calls").first()
    paid_out = -sum(Posting.objects.filter(account=purse, amount__lt=0).values_list("amount", flat=True))
    assert paid_out == charged - borne
    assert 0 <= (purse.posted if purse else 0) < 10_000
    assert not Hold.objects.filter(state="open").exists()
    assert [str(outcome) for outcome in prove() if outcome.wrong] == []
