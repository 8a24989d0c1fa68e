"""Processes die and Redis forgets: no call is lost or charged twice, and what was reserved comes back."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import openai
import pytest
from django.conf import settings
from django.db import OperationalError

from marketplace.gateway import meter
from marketplace.gateway.meter import Meter
from marketplace.gateway.models import Call, Lease
from portal import policy
from portal.core import clock
from portal.embedded import redis as embedded

from .conftest import INPUT, Door, balanced, fund, make_key, serve
from .upstreams import free_port, until

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def endpoint(tiny, yongli, mishap):
    return serve(tiny, yongli, mishap.url)


@pytest.fixture
def own_redis(tmp_path):
    """A Redis that may be killed."""
    service = embedded.Redis(tmp_path / "redis", durable=True)
    service.begin()
    service.finish()
    yield service
    service.signal_stop()
    service.wait_stopped()


@pytest.fixture
def fragile(endpoint, own_redis, tmp_path, platform, jiangnan, lin):
    """A door that depends on it."""
    _key, text = make_key(jiangnan, lin)
    fund(jiangnan, 10_000_000)
    one = Door(tmp_path / "spool", jiangnan, text, own_redis.url()).start()
    yield one
    one.stop()


def manage(*command: str, database: str, **env: str) -> subprocess.Popen:
    url = urlsplit(os.environ["DATABASE_URL"])
    return subprocess.Popen(
        [sys.executable, "manage.py", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "DATABASE_URL": urlunsplit(url._replace(path=f"/{database}")), **env})


def in_background(work):
    """Start it in a thread; gives a list that gets what came of it."""
    outcome: list = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_redis_wiped_while_a_call_runs(fragile, mishap, jiangnan, monkeypatch, stream):
    mishap.next = ["slow" if stream else "hang"]
    running = in_background(lambda: fragile.ask(stream=stream, max_tokens=16))
    until(lambda: mishap.asked and fragile.reserved() == 1)
    fragile.redis.flushall()
    mishap.release.set()
    until(lambda: running)
    assert not isinstance(running[0], Exception)
    fragile.settled(1)
    assert fragile.ask()
    calls = fragile.settled(2)
    assert [call.end for call in calls] == ["length", "length"]
    monkeypatch.setattr(policy, "CALL_LONGEST_S", -20)  # as if that were long ago
    fragile.take_back()
    assert set(Lease.objects.values_list("state", flat=True)) == {"closed"}
    balanced(jiangnan)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_redis_killed_and_started_again_while_a_call_runs(fragile, own_redis, mishap, jiangnan, monkeypatch, stream):
    mishap.next = ["slow" if stream else "hang"]
    running = in_background(lambda: fragile.ask(stream=stream, max_tokens=16))
    until(lambda: mishap.asked and fragile.reserved() == 1)
    os.kill(own_redis.pid(), 9)
    until(lambda: not own_redis.alive())
    mishap.release.set()
    until(lambda: running)
    assert not isinstance(running[0], Exception)
    with pytest.raises(openai.InternalServerError) as told:
        fragile.ask()
    assert told.value.status_code == 503
    own_redis.begin()
    own_redis.finish()
    assert fragile.ask()
    fragile.settled(2)
    monkeypatch.setattr(policy, "CALL_LONGEST_S", -20)
    fragile.take_back()
    assert Call.objects.count() == 2
    balanced(jiangnan)


def test_what_redis_lost_is_read_from_the_spool(fragile, mishap, jiangnan, monkeypatch):
    for _ in range(3):
        fragile.ask()
    fragile.redis.delete("gw:events")  # none of them has been read yet
    until(lambda: sum(path.read_bytes().count(b"\n") for path in fragile.spool.iterdir()) == 3)
    fragile.stop()
    assert fragile.meter.read_spool(older_s=-1) == 3
    assert fragile.meter.read_spool(older_s=-1) == 0
    assert list(fragile.spool.iterdir()) == []
    assert Call.objects.count() == 3
    fragile.take_back()
    balanced(jiangnan)


def test_an_event_that_comes_twice_is_one_call(endpoint, door, jiangnan):
    door.ask()
    [(_id, fields)] = door.redis.xrange("gw:events")
    door.redis.xadd("gw:events", fields)
    door.redis.xadd("gw:events", fields)
    until(lambda: door.meter.consume(block_ms=50) == 0)
    assert Call.objects.count() == 1
    door.take_back()
    balanced(jiangnan)


def test_an_event_of_nobody_is_put_aside_and_stops_no_other(endpoint, door, jiangnan):
    door.ask()
    [(_id, fields)] = door.redis.xrange("gw:events")
    stranger = json.loads(fields[b"e"]) | {"id": "gen_stranger", "organisation": 10**9}
    door.redis.xadd("gw:events", {"e": json.dumps(stranger)})
    door.redis.xadd("gw:events", {"e": "no JSON"})
    door.ask()
    calls = door.settled(2)
    assert all(call.charge_uy for call in calls)
    until(lambda: door.meter.consume(block_ms=50) == 0)
    assert [json.loads(e[b"e"])["id"] for _id, e in door.redis.xrange("gw:bad") if e[b"e"].startswith(b"{")] == [
        "gen_stranger"]
    assert door.redis.xlen("gw:bad") == 2
    door.take_back()
    balanced(jiangnan)


def test_events_wait_for_a_database_that_is_away(endpoint, door, jiangnan, monkeypatch):
    door.ask()

    def away(*args, **kwargs):
        raise OperationalError("the server is gone")

    with monkeypatch.context() as m:
        m.setattr(meter, "book", away)
        for _ in range(2):
            with pytest.raises(OperationalError):
                door.meter.consume(block_ms=50)
    assert len(door.settled()) == 1
    assert door.redis.xlen("gw:bad") == 0
    door.take_back()
    balanced(jiangnan)


@pytest.mark.slow
def test_a_meter_killed_between_commit_and_acknowledgement_books_once(endpoint, door, own_database, jiangnan):
    door.ask()
    door.ask()
    doomed = manage("gateway_meter", database=own_database, SUANLI_FAILPOINT="gateway.booked")
    assert doomed.wait(60) == 137
    assert Call.objects.count() in (1, 2)
    assert door.redis.xpending("gw:events", "meter")["pending"] > 0
    heir = Meter(redis_url=settings.REDIS_URL, folder=door.spool, name="gone")
    door.redis.xclaim("gw:events", "meter", "gone", 0, [e["message_id"] for e in door.redis.xpending_range(
        "gw:events", "meter", "-", "+", 10)])
    until(lambda: heir.consume(block_ms=50) == 0)
    assert Call.objects.count() == 2
    assert door.redis.xpending("gw:events", "meter")["pending"] == 0
    door.take_back()
    balanced(jiangnan)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_door_killed_in_the_middle_of_a_call(endpoint, door, mishap, own_database, jiangnan, stream):
    port = free_port()
    doomed = manage("gateway", "--port", str(port), database=own_database, GATEWAY_ALLOWED_HOSTS="127.0.0.1")
    assert "model calls at" in doomed.stdout.readline()
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=door.text, max_retries=0)
    until(lambda: _reachable(client))
    mishap.next = ["slow" if stream else "hang"]
    in_background(lambda: list(client.chat.completions.create(
        model="tiny-random", messages=[{"role": "user", "content": "x"}], max_tokens=16, stream=stream)))
    until(lambda: mishap.asked and door.reserved() == 1)
    doomed.kill()
    doomed.wait(10)
    door.meter.tick(now=clock.now())
    assert door.reserved() == 1  # its heart may beat again
    for name in door.redis.scan_iter("gw:heart:*"):
        if name.decode() != f"gw:heart:{door.gateway.process}":
            door.redis.delete(name)  # as after fifteen seconds
    door.meter.tick(now=clock.now())
    [call] = door.settled()
    assert (call.end, call.estimated, call.output_tokens) == ("lost", True, 0)
    assert call.charge_uy == round(call.input_tokens * INPUT / 1_000_000) > 0
    door.take_back()
    balanced(jiangnan)


def _reachable(client) -> bool:
    try:
        return bool(client.models.list().data)
    except openai.APIError:
        return False
