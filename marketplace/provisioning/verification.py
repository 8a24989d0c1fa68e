"""Proving that a site can do what it sells: a benchmark job that really runs there.

Safe to repeat: the job's key is the site and the number of the attempt. A core that is too slow, or that other work
has nearly all of the time, is tried again by itself a few times before it has failed (docs/decisions/0012).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

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
from portal.history.models import Step

from .drivers import engine_of, site_ref

WALL_S = 120
LOOK_AGAIN = timedelta(seconds=2)
# a try that did not do it is made again after these pauses, then it has failed
PAUSES = (timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=90))
LEAST_GOT_PPM = 250_000  # a core that runs its owner's work in three seconds of four is not there to be sold
TRY_AGAIN = "machine_busy"  # reason of the step between two tries
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
    if site.state != State.VERIFYING or (site.verify_due_at is not None and site.verify_due_at > now):
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
    found = _measured(engine.results(ref, key)) if status.state == "succeeded" else None
    if found is not None and found.is_enough:
        if _end(site, State.VERIFIED, now, actor, "", found):
            dispatch.heartbeat(site=site, now=now)
            dispatch.open_always(now=now)
    elif found is None:
        _end(site, State.FAILED, now, actor, status.reason or "below_reference", None)
    elif not _try_again(site, now, actor, found):
        _end(site, State.FAILED, now, actor, found.reason, found)
    engine.forget(ref, key)
    return site


@dataclass(frozen=True)
class Measured:
    """What a benchmark that ran to its end says."""

    score: int
    got_ppm: int

    @property
    def is_enough(self) -> bool:
        return self.score >= needed_score() and self.got_ppm >= LEAST_GOT_PPM

    @property
    def reason(self) -> str:
        return "below_reference" if self.score < needed_score() else TRY_AGAIN


def tries(site: Site) -> int:
    """How many tries of the benchmark that is running, or ran last, were made again."""
    steps = Step.objects.filter(subject=history.subject_of(site))
    began = steps.filter(after=State.VERIFYING).exclude(before=State.VERIFYING).order_by("-id").first()
    return steps.filter(reason=TRY_AGAIN, pk__gt=began.pk).count() if began else 0


@transaction.atomic
def _try_again(site: Site, now: datetime, actor: str, found: Measured) -> bool:
    """Set the next try, a little later; False when all were made. Whoever comes second finds it set."""
    mine = Site.objects.select_for_update(no_key=True).get(pk=site.pk)
    if mine.state != State.VERIFYING or mine.verify_attempts != site.verify_attempts:
        site.refresh_from_db()
        return True
    made = tries(site)
    if made >= len(PAUSES):
        return False
    again_at = now + PAUSES[made]
    Site.objects.filter(pk=site.pk).update(
        verify_attempts=site.verify_attempts + 1, verify_due_at=again_at, score=found.score
    )
    history.record(
        site,
        before=State.VERIFYING,
        after=State.VERIFYING,
        now=now,
        actor=actor,
        reason=TRY_AGAIN,
        score=found.score,
        needed=needed_score(),
        got_ppm=found.got_ppm,
        again_at=again_at.isoformat(),
    )
    site.refresh_from_db()
    return True


def _end(site: Site, to: str, now: datetime, actor: str, reason: str, found: Measured | None) -> bool:
    """Whether this call ended it; somebody else did otherwise."""
    try:
        history.move(
            site,
            to,
            now=now,
            actor=actor,
            reason=reason,
            score=found.score if found else 0,
            needed=needed_score(),
            got_ppm=found.got_ppm if found else 0,
            changes={
                "score": found.score if found else None,
                "verify_due_at": None,
                "verified_at": now if to == State.VERIFIED else site.verified_at,
            },
        )
    except Stale:
        site.refresh_from_db()
        return False
    return True


def _measured(results: list[tuple[str, Path, int]]) -> Measured | None:
    for name, path, size in results:
        if name == "result.json" and size < 100_000:
            try:
                result = json.loads(Path(path).read_text("utf-8"))
                # the digest shows that all of the work was done
                if result["digest"] == BENCHMARK_DIGEST:
                    return Measured(int(result["score"]), int(result["got_ppm"]))
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
