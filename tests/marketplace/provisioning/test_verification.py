"""A site proves its cores; a busy machine is tried again before it is said to be too slow."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from marketplace.catalogue.models import ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site
from marketplace.engines.base import BENCHMARK_DIGEST
from marketplace.provisioning import verification
from portal.core.errors import Refused
from portal.history.models import Step
from tests.marketplace.catalogue.goods import make_region

pytestmark = pytest.mark.django_db
ACTOR = "user:1"
SLOW, QUIET, CROWDED = (80, 990_000), (300, 990_000), (300, 150_000)


def make_cpu():
    return ResourceClass.objects.create(
        key="cpu", asset="CH:CPU", kind="cpu", name_zh="核", name_en="Core", unit_zh="核时", unit_en="core-hour"
    )


class Engine:
    """Ends every job at once with the next of the results it was given."""

    def __init__(self, folder, results):
        self.folder, self.results, self.started, self.forgotten = folder, list(results), [], []

    def start(self, ref, work):
        if work.key not in self.started:
            self.started.append(work.key)

    def check(self, ref, key):
        return SimpleNamespace(final=True, state="succeeded", reason="")

    def results_of(self, key):
        score, got_ppm = self.results[self.started.index(key)]
        path = self.folder / f"{key}.json"
        path.write_text(json.dumps({"score": score, "got_ppm": got_ppm, "digest": BENCHMARK_DIGEST}))
        return [("result.json", path, path.stat().st_size)]

    def forget(self, ref, key):
        self.forgotten.append(key)


@pytest.fixture
def site(yongli, now):
    found = dispatch.register_site(
        organisation=yongli, name="Night shop", region=make_region(), resource_class=make_cpu(), cards=2, now=now,
        actor=ACTOR,
    )  # fmt: skip
    verification.start(site=found, now=now, actor=ACTOR)
    return found


@pytest.fixture
def measured(tmp_path, monkeypatch):
    def use(*results):
        engine = Engine(tmp_path, results)
        shown = SimpleNamespace(
            start=engine.start, check=engine.check, forget=engine.forget,
            results=lambda ref, key: engine.results_of(key),
        )  # fmt: skip
        monkeypatch.setattr(verification, "engine_of", lambda site: shown)
        return engine

    return use


def advance(site, now):
    return verification.advance(site_id=site.pk, now=now, actor=ACTOR)


def test_a_quick_core_is_verified_at_once(site, measured, now):
    engine = measured(QUIET)
    assert advance(site, now).state == Site.State.VERIFIED
    assert engine.started == engine.forgotten == [f"ver_{site.public_id}_1"]
    assert Step.objects.filter(after="verified").get().params == {"score": 300, "needed": 81, "got_ppm": 990_000}


def test_a_core_that_was_busy_is_tried_again_and_verified(site, measured, now):
    engine = measured(SLOW, CROWDED, QUIET)
    found = advance(site, now)
    assert (found.state, found.verify_due_at, found.score) == (Site.State.VERIFYING, now + timedelta(seconds=10), 80)
    found = advance(site, now + timedelta(seconds=10))
    assert (found.state, found.verify_due_at) == (Site.State.VERIFYING, now + timedelta(seconds=40))
    found = advance(site, now + timedelta(seconds=40))
    assert (found.state, found.score, found.verify_due_at) == (Site.State.VERIFIED, 300, None)
    assert engine.started == engine.forgotten == [f"ver_{site.public_id}_{n}" for n in (1, 2, 3)]


def test_between_two_tries_nothing_is_run(site, measured, now):
    engine = measured(SLOW, QUIET)
    advance(site, now)
    assert advance(site, now + timedelta(seconds=9)).state == Site.State.VERIFYING
    assert len(engine.started) == 1
    assert verification.due(now=now + timedelta(seconds=9)) == []
    assert verification.due(now=now + timedelta(seconds=10)) == [site.pk]


@pytest.mark.parametrize(("result", "why"), [(SLOW, "below_reference"), (CROWDED, "machine_busy")])
def test_after_four_tries_it_has_failed(site, measured, now, result, why):
    engine = measured(*[result] * 4)
    for second in (0, 10, 40, 130):
        found = advance(site, now + timedelta(seconds=second))
    assert (found.state, found.score, len(engine.started)) == (Site.State.FAILED, result[0], 4)
    assert Step.objects.filter(after="failed").get().reason == why


def test_starting_again_begins_with_all_tries(site, measured, now):
    measured(*[SLOW] * 5)
    for second in (0, 10, 40, 130):
        found = advance(site, now + timedelta(seconds=second))
    verification.start(site=found, now=now + timedelta(hours=1), actor=ACTOR)
    found = advance(site, now + timedelta(hours=1))
    assert (found.state, verification.tries(found), found.verify_attempts) == (Site.State.VERIFYING, 1, 6)


def test_a_result_that_did_not_do_the_work_fails_at_once(site, measured, now, monkeypatch):
    measured(QUIET)
    monkeypatch.setattr(verification, "BENCHMARK_DIGEST", "another")
    assert advance(site, now).state == Site.State.FAILED


def test_who_comes_second_does_not_use_up_a_try(site, measured, now):
    """Two sweeps that saw the same result: one pause, one step."""
    measured(SLOW)
    stale = Site.objects.get(pk=site.pk)
    advance(site, now)
    found = verification.Measured(*SLOW)
    assert verification._try_again(stale, now, ACTOR, found) is True
    assert (stale.verify_attempts, verification.tries(stale)) == (2, 1)


def test_while_it_runs_it_cannot_be_started_again(site, now):
    with pytest.raises(Refused):
        verification.start(site=site, now=now, actor=ACTOR)
    site.refresh_from_db()
    assert site.verify_attempts == 1
