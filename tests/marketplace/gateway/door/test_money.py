"""Many at once: exactly those calls are served that the money pays for, and no micro-yuan is spent twice."""

import asyncio
import json

import aiohttp
import pytest

from bank.ledger import queries as books
from marketplace.billing import actions as billing
from marketplace.gateway.models import Call, Lease
from portal import policy
from portal.core import clock
from portal.core.errors import Refused

from .conftest import INPUT, OUTPUT, balanced, fund, make_key, serve
from .upstreams import until

WORTH = 2_500  # micro-yuan that one of these calls reserves
BODY = json.dumps({"model": "tiny-random", "max_tokens": 275, "messages": [{"role": "user", "content": "@"}]})
BODY = BODY.replace("@", "x" * (151 - len(BODY)))
assert len(BODY) * INPUT + 275 * OUTPUT == WORTH * 1_000_000


@pytest.fixture
def hanging(tiny, harbour, mishap):
    mishap.next = ["hang"] * 2_000
    return serve(tiny, harbour, mishap.url, parallel=5_000)


@pytest.fixture
def poor(yongli, zhao):
    """A company whose wallet pays for 200 calls."""
    fund(yongli, 200 * WORTH)
    return make_key(yongli, zhao)[1]


def ask_at_once(door, text: str, calls: int, mishap=None, also=None) -> list[int]:
    """The answers' statuses. When as many are served as will be, the provider is let go on."""

    async def one(session) -> int:
        async with session.post(f"{door.url}/chat/completions", data=BODY) as answer:
            await answer.read()
            return answer.status

    async def all_of_them() -> list[int]:
        headers = {"Authorization": f"Bearer {text}"}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            tasks = [asyncio.create_task(one(session)) for _ in range(calls)]
            beside = [asyncio.to_thread(also, n) for n in range(20)] if also else []
            others = asyncio.gather(*beside)
            while sum(t.done() for t in tasks) + len(mishap.asked) < calls:
                await asyncio.sleep(0.05)
            await others
            mishap.release.set()
            return await asyncio.gather(*tasks)

    return asyncio.run(all_of_them())


@pytest.mark.slow
@pytest.mark.parametrize("slice_uy", [70_000, 1_000_000])
def test_of_a_thousand_calls_exactly_those_are_served_that_the_balance_pays(
        hanging, door, mishap, poor, yongli, monkeypatch, slice_uy):
    monkeypatch.setattr(policy, "CALL_SLICE_UY", slice_uy)
    statuses = ask_at_once(door, poor, 1_000, mishap)
    assert (statuses.count(200), statuses.count(402)) == (200, 800)
    assert len(door.settled(200)) == 200
    door.take_back()
    balanced(yongli)


@pytest.mark.slow
def test_orders_of_the_web_and_calls_never_spend_the_same_money(hanging, door, mishap, poor, yongli, monkeypatch):
    monkeypatch.setattr(policy, "CALL_SLICE_UY", 30_000)
    funded: list[int] = []

    def order(n: int) -> None:
        from django.db import connection

        try:
            billing.fund(cause=f"order:o{n}", organisation=yongli, amount=20_000, now=clock.now())
            funded.append(n)
        except Refused as refused:
            assert refused.code == "insufficient_funds"
        finally:
            connection.close()

    statuses = ask_at_once(door, poor, 400, mishap, also=order)
    served = statuses.count(200)
    spent = served * WORTH + len(funded) * 20_000
    assert funded and served
    assert 500_000 - 10_000 - WORTH < spent <= 500_000
    door.settled(served)
    for n in funded:
        billing.release(cause=f"order:o{n}", now=clock.now())
    door.take_back()
    balanced(yongli)


def test_what_is_set_aside_is_a_slice_and_comes_back_when_nobody_calls(hanging, door, mishap, jiangnan):
    mishap.next = []
    wallet = billing.wallet_of(jiangnan)
    door.ask()
    assert books.balance(wallet).held == policy.CALL_SLICE_UY
    [call] = door.settled()
    door.meter.tick(now=clock.now())
    assert books.balance(wallet).held == policy.CALL_SLICE_UY - 10_000  # a fen has left, the rest is kept for a while
    door.take_back()
    held = books.balance(wallet)
    assert (held.held, held.posted) == (0, 10_000_000 - 10_000)
    assert Lease.objects.get().state == "closed"
    assert call.charge_uy < 10_000
    balanced(jiangnan)


def test_a_fen_paid_ahead_pays_the_next_calls_too(hanging, door, mishap, jiangnan):
    mishap.next = []
    for calls in range(1, 6):
        door.ask()
        door.settled(calls)
    door.take_back()
    charged = sum(Call.objects.values_list("charge_uy", flat=True))
    assert books.balance(billing.wallet_of(jiangnan)).posted == 10_000_000 - -(-charged // 10_000) * 10_000
    balanced(jiangnan)


def test_a_cap_of_a_key_holds_although_the_company_has_more(hanging, door, mishap, jiangnan, lin):
    mishap.next = []
    _key, text = make_key(jiangnan, lin, cap_uy=3 * WORTH)
    statuses = []
    mishap.release.set()
    for _ in range(6):
        statuses += ask_at_once(door, text, 1, mishap)
    spent = sum(Call.objects.values_list("charge_uy", flat=True)) if door.settled(statuses.count(200)) else 0
    assert 402 in statuses and spent <= 3 * WORTH
    door.take_back()
    balanced(jiangnan)


def test_a_keys_calls_a_minute_are_counted(hanging, door, mishap, jiangnan, lin):
    mishap.next = []
    _key, text = make_key(jiangnan, lin, calls_per_minute=3)
    mishap.release.set()
    statuses = [ask_at_once(door, text, 1, mishap)[0] for _ in range(5)]
    assert statuses in ([200, 200, 200, 429, 429], [200, 200, 200, 429, 200])  # a minute may have ended
    until(lambda: door.reserved() == 0)
