"""The meter: brings events of calls from Redis and from the spool into the books, and looks after leases.

One process a machine that runs the door (`manage.py gateway_meter`); several do no harm.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from django.db import DatabaseError, OperationalError, connection

from portal import policy
from portal.core import clock
from portal.core.errors import Refused
from portal.core.failpoints import failpoint

from . import leases
from .booking import book
from .door import spool
from .door.store import DUE, EPOCH, EVENTS, HEART, LENT, OPEN, PURSE, SINCE, SyncStore
from .models import Call, Lease

log = logging.getLogger(__name__)
GROUP, BAD = "meter", "gw:bad"
BATCH = 1000
SETTLED_S = 5.0  # a spool's segment that old should be in the books by way of Redis
TICK_LOCK = 0x6A7E3  # any number that nobody else takes
CREDIT_AFTER_S = 5


class Meter:
    def __init__(self, *, redis_url: str, folder: Path, name: str = "meter") -> None:
        self.store = SyncStore(redis_url)
        self.folder, self.name = folder, name
        self._mine_read = False

    def consume(self, *, block_ms: int = 500) -> int:
        """Bring the next events into the books; returns how many were read. Acknowledged after the commit."""
        found = self._read(block_ms)
        if not found:
            return 0
        mine_read, self._mine_read = self._mine_read, False  # what fails now is read again first
        self._book([fields[b"e"].decode() for _id, fields in found])
        failpoint("gateway.booked")
        ids = [id_ for id_, _fields in found]
        with self.store.client.pipeline(transaction=False) as pipe:
            pipe.xack(EVENTS, GROUP, *ids)
            pipe.xdel(EVENTS, *ids)
            pipe.execute()
        self._mine_read = mine_read
        return len(found)

    def _read(self, block_ms: int) -> list[Any]:
        """What this meter had read and not finished before it died, then what others left, then what is new."""
        client: Any = self.store.client
        try:
            if not self._mine_read:
                told = client.xreadgroup(GROUP, self.name, {EVENTS: "0"}, count=BATCH)
                mine = [entry for entry in (told[0][1] if told else []) if entry[1]]
                self._mine_read = not mine
                if mine:
                    return mine
            left = client.xautoclaim(EVENTS, GROUP, self.name, min_idle_time=60_000, count=BATCH)[1]
            if left:
                return [entry for entry in left if entry[1]]
            told = client.xreadgroup(GROUP, self.name, {EVENTS: ">"}, count=BATCH, block=block_ms)
            return told[0][1] if told else []
        except redis.exceptions.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            try:
                client.xgroup_create(EVENTS, GROUP, id="0", mkstream=True)
            except redis.exceptions.ResponseError as taken:
                if "BUSYGROUP" not in str(taken):
                    raise
            return self._read(block_ms)

    def _book(self, lines: Sequence[str]) -> None:
        now = clock.now()
        try:
            book(lines, now=now)
        except OperationalError:  # the database is away, or two meters met: nothing is wrong with the events
            raise
        except (DatabaseError, ValueError, Refused) as error:
            if len(lines) == 1:  # one that cannot be read must not stop the others
                log.error("an event cannot be booked and is put aside: %s", error)
                self.store.client.xadd(BAD, {"e": lines[0], "why": str(error)[:500]})
                return
            for line in lines:
                self._book([line])

    def read_spool(self, *, older_s: float = SETTLED_S) -> int:
        """Events of the spool that never came through Redis; finished segments go. Returns how many were missing."""
        missing = 0
        for path in spool.segments(self.folder):
            if time.time() - path.stat().st_mtime < older_s:
                continue
            lines = spool.lines(path)
            for start in range(0, len(lines), BATCH):
                missing += self._missing(lines[start : start + BATCH])
            path.unlink()
        return missing

    def _missing(self, lines: list[bytes]) -> int:
        by_id = {json.loads(line)["id"]: line.decode() for line in lines}
        known = set(Call.objects.filter(request_id__in=by_id).values_list("request_id", flat=True))
        lost = [line for id_, line in by_id.items() if id_ not in known]
        if lost:
            self._book(lost)
        return len(lost)

    def tick(self, *, now: datetime) -> None:
        """Reap calls that nobody settled, then look after leases; one meter at a time."""
        with connection.cursor() as c:
            c.execute("SELECT pg_try_advisory_lock(%s)", [TICK_LOCK])
            if not c.fetchone()[0]:
                return
        try:
            self.store.run("reap", (DUE, EVENTS), int(time.time() * 1000), PURSE, OPEN, HEART, BATCH)
            self._credit_forgotten(now)
            self._close_idle(now)
            self._give_back(now)
        finally:
            with connection.cursor() as c:
                c.execute("SELECT pg_advisory_unlock(%s)", [TICK_LOCK])

    def _credit_forgotten(self, now: datetime) -> None:
        """A door that died between the hold and the credit: the purse gets it now."""
        for lease in Lease.objects.filter(state=Lease.State.OPEN, epoch=self.store.epoch).select_related("hold"):
            if (now - lease.created_at).total_seconds() < CREDIT_AFTER_S or self._is_lent(lease):
                continue
            company = lease.organisation_id
            self.store.run("credit", (EPOCH, f"{PURSE}{company}", f"{LENT}{company}"), self.store.epoch,
                           lease.public_id, "uy", lease.hold.left, int(time.time() * 1000))

    def _is_lent(self, lease: Lease) -> bool:
        return bool(self.store.client.sismember(f"{LENT}{lease.organisation_id}", lease.public_id))

    def _close_idle(self, now: datetime) -> None:
        epoch = self.store.epoch
        by_company: dict[int, list[Lease]] = {}
        for lease in Lease.objects.filter(state=Lease.State.OPEN):
            if lease.epoch == epoch and self._is_lent(lease):
                by_company.setdefault(lease.organisation_id, []).append(lease)
            elif lease.epoch != epoch and self._earlier_calls_are_over():
                leases.close(lease=lease, after=self._last_event(), now=now)
        before = int(time.time() * 1000) - policy.CALL_LEASE_IDLE_S * 1000
        for company, some in by_company.items():
            after = self.store.run(
                "close", (EPOCH, f"{PURSE}{company}", f"{OPEN}{company}", f"{LENT}{company}", EVENTS), epoch, before)
            if after:
                for lease in some:
                    leases.close(lease=lease, after=after.decode(), now=now)

    def _earlier_calls_are_over(self) -> bool:
        """Calls that began under an earlier run of Redis still charge its leases."""
        since = int(self.store.client.get(SINCE) or 0)
        return time.time() * 1000 - since > policy.CALL_LONGEST_S * 1000 + 10_000

    def _last_event(self) -> str:
        try:
            return self.store.client.xinfo_stream(EVENTS)["last-generated-id"].decode()
        except redis.exceptions.ResponseError:
            return "0-0"

    def _give_back(self, now: datetime) -> None:
        closing = list(Lease.objects.filter(state=Lease.State.CLOSING))
        if not closing:
            return
        passed = self._passed()
        for lease in closing:
            if _number(lease.closing_after) <= passed:
                leases.give_back(lease=lease, now=now)

    def _passed(self) -> tuple[int, int]:
        """Every event up to that id stands in the books."""
        client = self.store.client
        try:
            pending = client.xpending(EVENTS, GROUP)
            if pending["pending"]:
                first = _number(pending["min"].decode())
                return first[0], first[1] - 1
            group = next(g for g in client.xinfo_groups(EVENTS) if g["name"] == GROUP.encode())
        except (redis.exceptions.ResponseError, StopIteration):
            return 0, 0
        return _number(group["last-delivered-id"].decode())


def _number(event: str) -> tuple[int, int]:
    first, _dash, second = event.partition("-")
    return int(first or 0), int(second or 0)
