"""Keys that call models: made, kept as a hash, given other limits, revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from marketplace.gateway import key_actions
from marketplace.gateway.models import AccessKey
from portal.accounts import secrets
from portal.core.errors import Refused
from portal.history.models import Step
from tests.conftest import NOW
from tests.marketplace.gateway.use_cast import Use, use

__all__ = ["use"]
ACTOR = "user:1"


@pytest.fixture
def told(monkeypatch):
    heard: list[str] = []

    def tell(public_id: str) -> None:
        transaction.on_commit(lambda: heard.append(public_id))

    monkeypatch.setattr(key_actions, "tell_key", tell)
    return heard


def refused(code: str, run, *args, **kwargs) -> Refused:
    with pytest.raises(Refused) as caught:
        run(*args, **kwargs)
    assert caught.value.code == code
    assert str(caught.value) != code, "it has words"
    return caught.value


def test_a_key_is_shown_once_and_kept_as_a_hash(use: Use):
    key, text = use.key_and_text()
    prefix, shown, secret = text.split("_", 2)
    assert (prefix, f"tky_{shown}", len(shown)) == ("sk-tok", key.public_id, 26)
    assert secrets.same(secret, AccessKey.objects.get().secret_hash)
    assert secret not in str(AccessKey.objects.values()[0])
    assert secret not in str(Step.objects.values()[0])


def test_every_limit_is_kept_in_one_form(use: Use, yongli):
    use.key(
        allowed=["qwen3-8b", "qwen3-8b"], cap_uy=50_000_000, cap_period="day", calls_per_minute=60,
        tokens_per_minute=100_000, addresses=[" 192.0.2.7/24", "2001:db8::1", "192.0.2.0/24"],
        prefer={
            "only": ["yongli"], "ignore": [], "region": "zhejiang", "max_price": {"output": 9_000_000, "input": None},
        },
        expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    key = AccessKey.objects.get()
    assert key.allowed == ["qwen3-8b"]
    assert (key.cap_uy, key.cap_period, key.calls_per_minute, key.tokens_per_minute) == (50_000_000, "day", 60, 100_000)
    assert key.addresses == ["192.0.2.0/24", "2001:db8::1/128"]
    assert key.prefer == {"only": ["yongli"], "region": "zhejiang", "max_price": {"output": 9_000_000}}
    assert key.expires_at == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("key_model", {"allowed": ["gpt-9"]}),
        ("key_limit", {"cap_uy": 0}),
        ("key_limit", {"calls_per_minute": -1}),
        ("key_limit", {"tokens_per_minute": 0}),
        ("key_limit", {"prefer": {"max_price": {"input": 0}}}),
        ("key_address", {"addresses": ["10.0.0.0/33"]}),
        ("key_address", {"addresses": ["kitchen"]}),
        ("key_provider", {"prefer": {"only": ["nobody"]}}),
        ("key_provider", {"prefer": {"ignore": ["nobody"]}}),
        ("key_region", {"prefer": {"region": "atlantis"}}),
        ("key_long", {"addresses": [f"192.0.2.{n}" for n in range(51)]}),
        ("bad_key_life", {"expires_at": NOW}),
    ],
)
def test_a_limit_that_makes_no_sense_makes_no_key(use: Use, code, limits):
    refused(code, use.key, **limits)
    assert not AccessKey.objects.exists()
    assert not Step.objects.exists()


@pytest.mark.parametrize("prefer", [{"onyl": ["yongli"]}, {"max_price": {"inptu": 1}}])
def test_a_preference_that_no_router_knows_is_a_mistake_of_the_program(use: Use, prefer):
    with pytest.raises(ValueError):
        use.key(prefer=prefer)
    assert not AccessKey.objects.exists()


def test_a_key_is_for_a_member_only(use: Use, zhao):
    with pytest.raises(Refused) as caught:
        key_actions.make_key(organisation=use.company, user=zhao, name="x", created_by=use.owner, now=NOW)
    assert caught.value.code == "no_such_member"
    assert not AccessKey.objects.exists()


def test_a_company_has_at_most_fifty_working_keys(use: Use, monkeypatch):
    monkeypatch.setattr(key_actions, "KEYS_MOST", 3)
    short, long, revoked = use.key(expires_at=NOW + timedelta(minutes=1)), use.key(), use.key()
    refused("keys_enough", use.key)
    key_actions.revoke_key(key=revoked, now=NOW, actor=ACTOR)
    use.key()
    refused("keys_enough", use.key)
    assert AccessKey.objects.count() == 4
    AccessKey.objects.filter(pk=short.pk).update(expires_at=NOW)
    use.key()
    assert long.works_at(NOW)
    assert key_actions.working(use.company, NOW) == 3


def test_the_limit_of_keys_is_fifty():
    assert key_actions.KEYS_MOST == 50


def test_revoking_tells_the_gateway_after_the_commit(use: Use, told, django_capture_on_commit_callbacks):
    key = use.key()
    with django_capture_on_commit_callbacks() as after:
        key_actions.revoke_key(key=key, now=NOW, actor=ACTOR)
        assert told == []
    for callback in after:
        callback()
    assert told == [key.public_id]
    key.refresh_from_db()
    assert key.revoked_at == NOW
    assert not key.works_at(NOW)
    step = Step.objects.last()
    assert (step.subject, step.reason, step.actor) == (f"accesskey:{key.public_id}", "model_key_revoked", ACTOR)


def test_a_redis_that_is_away_keeps_nobody_from_revoking(
    use: Use, settings, django_capture_on_commit_callbacks, caplog
):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    key = use.key()
    with django_capture_on_commit_callbacks(execute=True):
        key_actions.revoke_key(key=key, now=NOW, actor=ACTOR)
    key.refresh_from_db()
    assert key.revoked_at == NOW
    assert "could not tell the doors" in caplog.text


def test_revoking_twice_counts_once(use: Use, told, django_capture_on_commit_callbacks):
    key = use.key()
    with django_capture_on_commit_callbacks(execute=True):
        for later in (0, 1):
            key_actions.revoke_key(key=key, now=NOW + timedelta(days=later), actor=ACTOR)
    key.refresh_from_db()
    assert key.revoked_at == NOW
    assert told == [key.public_id]
    assert Step.objects.filter(reason="model_key_revoked").count() == 1


def test_other_limits_leave_the_secret_and_tell_the_gateway(use: Use, told, django_capture_on_commit_callbacks):
    key = use.key(cap_uy=1_000_000, calls_per_minute=5)
    before = AccessKey.objects.values().get()
    with django_capture_on_commit_callbacks(execute=True):
        key_actions.change_limits(key=key, name="shop", now=NOW, actor=ACTOR, cap_uy=2_000_000)
    after = AccessKey.objects.values().get()
    assert {f for f in after if after[f] != before[f]} == {"name", "cap_uy", "calls_per_minute"}
    assert (after["name"], after["cap_uy"], after["calls_per_minute"]) == ("shop", 2_000_000, None)
    assert told == [key.public_id]
    assert Step.objects.last().params == {
        "old": {"name": "till", "cap_uy": 1_000_000, "calls_per_minute": 5},
        "new": {"name": "shop", "cap_uy": 2_000_000, "calls_per_minute": None},
    }


def test_limits_that_stay_are_no_step_and_no_news(use: Use, told, django_capture_on_commit_callbacks):
    key, steps = use.key(cap_uy=1_000_000), Step.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        key_actions.change_limits(key=key, name="till", now=NOW, actor=ACTOR, cap_uy=1_000_000)
    assert Step.objects.count() == steps
    assert told == []


def test_the_limits_of_a_revoked_key_stay(use: Use, told):
    key = use.key(cap_uy=1_000_000)
    key_actions.revoke_key(key=key, now=NOW, actor=ACTOR)
    before = AccessKey.objects.values().get()
    refused("key_revoked", key_actions.change_limits, key=key, name="till", now=NOW, actor=ACTOR)
    assert AccessKey.objects.values().get() == before


def test_a_key_that_has_ended_may_get_another_name_but_no_end_in_the_past(use: Use):
    ends = NOW + timedelta(hours=1)
    key, now = use.key(expires_at=ends), NOW + timedelta(hours=2)
    key_actions.change_limits(key=key, name="old till", now=now, actor=ACTOR, expires_at=ends)
    refused("bad_key_life", key_actions.change_limits, key=key, name="x", now=now, actor=ACTOR,
            expires_at=ends + timedelta(minutes=1))  # fmt: skip
    key.refresh_from_db()
    assert (key.name, key.expires_at) == ("old till", ends)
