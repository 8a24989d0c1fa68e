"""Writes of this room: an allocation from waiting to ended.

`advance` is safe to repeat, to lose and to run twice at once: the engine's start is idempotent on our
key, every change of state is a compare-and-set, and a row that nobody looks at is found by its due time.
Engines are called outside transactions.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from marketplace import recipes
from marketplace.dispatch.models import Reservation, Site
from marketplace.engines.base import Engine, EngineUnavailable, SiteRef, Status, Work, WorkRefused
from portal import policy
from portal.accounts.models import Organisation
from portal.core.errors import Stale
from portal.core.failpoints import failpoint
from portal.history import actions as history

from .drivers import engine_of, site_ref
from .models import Allocation, ResultFile

log = logging.getLogger(__name__)

POLL_S = 2
LEASE_S = 20  # how long one worker has a row to itself
RETRY_S = (2, 4, 8, 15, 30, 60)
GIVE_UP_S = 300
RESULT_BYTES = 8_000_000
LOG_CHARS = 60_000
State = Allocation.State


@transaction.atomic
def allocate(
    *,
    organisation: Organisation,
    cause: str,
    site: Site,
    reservation: Reservation | None,
    recipe: str,
    input_key: str,
    params: dict[str, Any],
    cores: int,
    memory_mb: int,
    wall_s: int,
    now: datetime,
    actor: str,
) -> Allocation:
    """The allocation of that cause, made at the first call."""
    try:
        with transaction.atomic():
            allocation = Allocation.objects.create(
                organisation=organisation,
                cause=cause,
                site=site,
                reservation=reservation,
                recipe=recipe,
                input_key=input_key,
                params=params,
                cores=cores,
                memory_mb=memory_mb,
                wall_s=wall_s,
                due_at=now,
                give_up_at=now + timedelta(seconds=GIVE_UP_S),
                created_at=now,
            )
    except IntegrityError:
        return Allocation.objects.get(cause=cause)
    history.record(allocation, before="", after=State.PENDING, now=now, actor=actor)
    return allocation


def ask_to_stop(*, allocation: Allocation, now: datetime) -> None:
    """The run shall end; `advance` does it. Asking twice, or too late, does nothing."""
    Allocation.objects.filter(pk=allocation.pk, stop_asked_at=None, ended_at=None).update(
        stop_asked_at=now, due_at=now
    )


def advance(*, allocation_id: int, now: datetime, actor: str) -> Allocation:
    """Look at it once and move it on if it can be moved. Returns it as it is afterwards."""
    allocation = Allocation.objects.select_related("site", "organisation").get(pk=allocation_id)
    if allocation.is_ended or not _claim(allocation, now):
        return allocation
    try:
        if allocation.state == State.PENDING:
            _start(allocation, now, actor)
        if allocation.state == State.STARTED:
            _look(allocation, now, actor)
    except EngineUnavailable as error:
        _retry(allocation, now, actor, str(error))
    except Stale:
        allocation.refresh_from_db()  # somebody else moved it at the same time
    return allocation


def _claim(allocation: Allocation, now: datetime) -> bool:
    lease = now + timedelta(seconds=LEASE_S)
    mine = Allocation.objects.filter(
        pk=allocation.pk, due_at=allocation.due_at, due_at__lte=now, ended_at=None
    )
    if mine.update(due_at=lease) != 1:
        return False
    allocation.due_at = lease
    return True


def _start(allocation: Allocation, now: datetime, actor: str) -> None:
    if allocation.stop_asked_at is not None:
        _end(allocation, State.STOPPED, now=now, actor=actor, reason="stopped")
        return
    try:
        started = engine_of(allocation.site).start(site_ref(allocation.site), _work(allocation))
    except WorkRefused as refused:
        _end(allocation, State.FAILED, now=now, actor=actor, reason=refused.code)
        return
    failpoint("order.started")
    history.move(
        allocation,
        State.STARTED,
        now=now,
        actor=actor,
        changes={"native_id": started.native_id, "attempts": 0, "due_at": now + timedelta(seconds=1)},
    )
    allocation.due_at = now


def _work(allocation: Allocation) -> Work:
    recipe = recipes.get(allocation.recipe)
    files: dict[str, bytes | Path] = {path.name: path for path in recipe.modules}
    if allocation.input_key:
        with default_storage.open(allocation.input_key, "rb") as f:
            files["input.csv"] = f.read()
    return Work(
        key=allocation.public_id,
        tenant=allocation.organisation.public_id,
        program=recipe.program,
        files=files,
        params=allocation.params,
        cores=allocation.cores,
        memory_mb=allocation.memory_mb,
        wall_s=allocation.wall_s,
        cpu_limit_ms=allocation.cores * allocation.wall_s * 1000,
    )


def _look(allocation: Allocation, now: datetime, actor: str) -> None:
    engine, ref = engine_of(allocation.site), site_ref(allocation.site)
    if allocation.stop_asked_at is not None:
        engine.stop(ref, allocation.public_id)
    status = engine.check(ref, allocation.public_id)
    if status.state == "unknown":  # the site lost it: it never ran as far as anybody can prove
        _end(allocation, State.FAILED, now=now, actor=actor, reason="lost")
        return
    seen: dict[str, Any] = {
        "phase": status.state,
        "progress": list(status.progress)[-200:],
        "core_ms": status.core_ms,
        "cpu_ms": status.cpu_ms,
        "log": _log(engine, ref, allocation.public_id),
        "attempts": 0,
    }
    if status.state in ("waiting", "running"):
        if status.started_at is not None and allocation.started_at is None:
            seen["started_at"] = now
        seen["due_at"] = now + timedelta(seconds=POLL_S)
        Allocation.objects.filter(pk=allocation.pk, state=State.STARTED).update(**seen)
        for name, value in seen.items():
            setattr(allocation, name, value)
        return
    _collect(allocation, status, seen, now, actor)


def _log(engine: Engine, ref: SiteRef, key: str) -> str:
    """The end of what the program wrote; the engine hands it out in pieces."""
    text, offset = "", 0
    while True:
        piece, following = engine.log(ref, key, offset)
        text = (text + piece)[-LOG_CHARS:]
        if following == offset or not piece:
            return text
        offset = following


def _collect(allocation: Allocation, status: Status, seen: dict[str, Any], now: datetime, actor: str) -> None:
    """The run is over: bring its results home, then write how it ended."""
    to = {"succeeded": State.SUCCEEDED, "stopped": State.STOPPED}.get(status.state, State.FAILED)
    reason = status.reason or ""
    if to == State.SUCCEEDED:
        seen["result"] = _bring_home(allocation, now)
        failpoint("order.home")
        if seen["result"] is None:
            to, reason = State.FAILED, "no_result"
    if status.started_at is not None and status.ended_at is not None:
        # the site's clock need not be ours: keep its length, end it when we saw it end
        seen["started_at"] = now - (status.ended_at - status.started_at)
    _end(allocation, to, now=now, actor=actor, reason=reason, **seen)


def _bring_home(allocation: Allocation, now: datetime) -> dict[str, Any] | None:
    """Copy result files into the private storage; the parsed result.json, or None when there is none."""
    result: dict[str, Any] | None = None
    labels: dict[str, dict[str, str]] = {}
    found = engine_of(allocation.site).results(site_ref(allocation.site), allocation.public_id)
    for name, path, size in found:
        if name == "result.json" and size <= RESULT_BYTES:
            try:
                result = json.loads(Path(path).read_text("utf-8"))
            except ValueError:
                return None
            labels = {
                f.get("name", ""): f.get("label", {}) for f in result.get("files", []) if isinstance(f, dict)
            }
    for name, path, size in found:
        if name == "result.json":
            continue
        label = labels.get(name, {})
        row, _ = ResultFile.objects.get_or_create(
            allocation=allocation,
            name=name,
            defaults={
                "label_en": label.get("en", name)[:120],
                "label_zh": label.get("zh", name)[:120],
                "size_bytes": size,
                "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
                "created_at": now,
            },
        )
        if not default_storage.exists(row.storage_key):
            with Path(path).open("rb") as f:
                default_storage.save(row.storage_key, File(f))
    return result


def _end(allocation: Allocation, to: str, *, now: datetime, actor: str, reason: str, **seen: Any) -> None:
    history.move(
        allocation,
        to,
        now=now,
        actor=actor,
        reason=reason,
        changes={**seen, "reason": reason, "ended_at": now, "due_at": None},
    )


def _retry(allocation: Allocation, now: datetime, actor: str, why: str) -> None:
    if now >= allocation.give_up_at and allocation.state == State.PENDING:
        _end(allocation, State.FAILED, now=now, actor=actor, reason="site_unreachable")
        return
    if now >= allocation.give_up_at + timedelta(seconds=allocation.wall_s):
        _end(allocation, State.FAILED, now=now, actor=actor, reason="site_unreachable")
        return
    wait = RETRY_S[min(allocation.attempts, len(RETRY_S) - 1)]
    log.warning("site %s does not answer (%s); again in %d s", allocation.site, why, wait)
    Allocation.objects.filter(pk=allocation.pk, ended_at=None).update(
        attempts=allocation.attempts + 1, due_at=now + timedelta(seconds=wait)
    )


def forget(*, allocation: Allocation) -> None:
    """Let the site remove the run's folder, once everything is home."""
    try:
        engine_of(allocation.site).forget(site_ref(allocation.site), allocation.public_id)
    except EngineUnavailable:
        log.info("site %s does not answer; its folder of %s stays", allocation.site, allocation.public_id)


def forget_old_results(*, now: datetime, limit: int = 500) -> int:
    """Delete result files past their time; the receipt and the figures on the page stay. Safe to repeat."""
    old = ResultFile.objects.filter(deleted_at=None, created_at__lte=now - timedelta(days=policy.FILE_LIFE_DAYS))
    count = 0
    for row in old.order_by("pk")[:limit]:
        default_storage.delete(row.storage_key)
        ResultFile.objects.filter(pk=row.pk).update(deleted_at=now)
        count += 1
    return count
