"""Proving that a site can do what it sells: a benchmark job that really runs there.

Safe to repeat: the job's key is the site and the number of the attempt.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site
from marketplace.engines.base import (
    BENCHMARK_DIGEST,
    BENCHMARK_PROGRAM,
    REFERENCE_SCORE,
    EngineUnavailable,
    Work,
    WorkRefused,
)
from portal import policy
from portal.core.enqueue import after_commit
from portal.core.errors import Stale
from portal.core.money import share
from portal.history import actions as history

from .drivers import engine_of, site_ref

WALL_S = 120
LOOK_AGAIN = timedelta(seconds=2)
State = Site.State


def start(*, site: Site, now: datetime, actor: str) -> None:
    """Begin the benchmark. Raises Stale when it is running already."""
    history.move(
        site,
        State.VERIFYING,
        now=now,
        actor=actor,
        changes={"verify_due_at": now, "verify_attempts": site.verify_attempts + 1},
    )
    after_commit("provisioning.verify", site.pk)


def needed_score() -> int:
    """What the benchmark must reach: the class's reference × 0.9 (policy)."""
    return share(REFERENCE_SCORE, policy.BENCHMARK_SHARE_PPM)


def advance(*, site_id: int, now: datetime, actor: str) -> Site:
    """Look at the benchmark once; the site is verified or failed when it has ended."""
    site = Site.objects.get(pk=site_id)
    if site.state != State.VERIFYING:
        return site
    key = f"ver_{site.public_id}_{site.verify_attempts}"
    engine, ref = engine_of(site), site_ref(site)
    try:
        engine.start(
            ref,
            Work(
                key=key,
                tenant=site.public_id,
                program=BENCHMARK_PROGRAM,
                cores=1,
                memory_mb=min(256, site.memory_mb),
                wall_s=WALL_S,
            ),
        )
        status = engine.check(ref, key)
    except EngineUnavailable:
        Site.objects.filter(pk=site.pk).update(verify_due_at=now + LOOK_AGAIN * 5)
        return site
    except WorkRefused as refused:
        if refused.code != "already_ended":
            _end(site, State.FAILED, now, actor, refused.code, None)
            return site
        status = engine.check(ref, key)
    if not status.final:
        Site.objects.filter(pk=site.pk).update(verify_due_at=now + LOOK_AGAIN)
        return site
    score = _score(engine.results(ref, key)) if status.state == "succeeded" else None
    if score is not None and score >= needed_score():
        _end(site, State.VERIFIED, now, actor, "", score)
        dispatch.heartbeat(site=site, now=now)
        dispatch.open_always(now=now)
    else:
        _end(site, State.FAILED, now, actor, status.reason or "below_reference", score)
    engine.forget(ref, key)
    return site


def _end(site: Site, to: str, now: datetime, actor: str, reason: str, score: int | None) -> None:
    try:
        history.move(
            site,
            to,
            now=now,
            actor=actor,
            reason=reason,
            score=score or 0,
            needed=needed_score(),
            changes={
                "score": score,
                "verify_due_at": None,
                "verified_at": now if to == State.VERIFIED else site.verified_at,
            },
        )
    except Stale:
        site.refresh_from_db()


def _score(results: list[tuple[str, Path, int]]) -> int | None:
    for name, path, size in results:
        if name == "result.json" and size < 100_000:
            try:
                result = json.loads(Path(path).read_text("utf-8"))
                # the digest shows that all of the work was done
                return int(result["score"]) if result["digest"] == BENCHMARK_DIGEST else None
            except (ValueError, KeyError, TypeError):
                return None
    return None


def due(*, now: datetime) -> list[int]:
    """Sites whose benchmark wants a look."""
    return list(
        Site.objects.filter(state=State.VERIFYING, verify_due_at__lte=now).values_list("pk", flat=True)
    )


def beat_all(*, now: datetime) -> int:
    """Ask every verified site's engine whether it is there; who answers gets this minute. Returns how many did."""
    alive = 0
    for site in Site.objects.filter(state=State.VERIFIED):
        try:
            engine_of(site).capacity(site_ref(site))
        except EngineUnavailable:
            continue
        dispatch.heartbeat(site=site, now=now)
        alive += 1
    return alive
