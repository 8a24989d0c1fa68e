"""Providers' secrets at rest: sealed, opened by any of the keys, sealed again under the newest."""

import logging

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from marketplace.gateway import secrets_box
from marketplace.gateway.models import Endpoint
from portal.core.errors import Refused
from tests.marketplace.gateway.models_for_sale import make_draft

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def rotate(capsys):
    call_command("rotate_secrets")
    return capsys.readouterr().out.strip()


def kept():
    return dict(Endpoint.objects.order_by("pk").values_list("upstream_model", "secret"))


def test_what_is_sealed_opens_and_says_nothing_by_itself():
    sealed = secrets_box.seal("sk-秘密")
    assert "sk-" not in sealed and sealed != secrets_box.seal("sk-秘密")
    assert secrets_box.open_(sealed) == "sk-秘密"


def test_old_keys_open_and_the_newest_seals(settings):
    settings.SUANLI_SECRET_KEYS = [OLD]
    sealed = secrets_box.seal("sk-1")
    settings.SUANLI_SECRET_KEYS = [NEW, OLD]
    assert secrets_box.open_(sealed) == "sk-1" and not secrets_box.is_newest(sealed)
    assert secrets_box.is_newest(secrets_box.seal("sk-1"))


def test_what_no_key_opens_is_refused(settings):
    settings.SUANLI_SECRET_KEYS = [OLD]
    sealed = secrets_box.seal("sk-1")
    settings.SUANLI_SECRET_KEYS = [NEW]
    for text in (sealed, "sk-1", ""):
        with pytest.raises(Refused) as refused:
            secrets_box.open_(text)
        assert refused.value.code == "secret_unreadable"


@pytest.mark.parametrize("keys", [[], ["not a key"]])
def test_production_needs_a_key_of_its_own(settings, keys):
    settings.SUANLI_SECRET_KEYS, settings.SECRETS_FROM_SECRET_KEY = keys, False
    with pytest.raises(Refused) as refused:
        secrets_box.seal("sk-1")
    assert (refused.value.code, refused.value.status) == ("secrets_not_set_up", 503)


def test_another_secret_key_opens_nothing(settings):
    sealed = secrets_box.seal("sk-1")
    settings.SECRET_KEY = "another"
    with pytest.raises(Refused):
        secrets_box.open_(sealed)


@pytest.mark.django_db
def test_all_are_sealed_again_under_the_newest_key_and_a_second_time_nothing_changes(
    yongli, model, region, now, settings, capsys, caplog
):
    caplog.set_level(logging.DEBUG)
    settings.SUANLI_SECRET_KEYS = [OLD]
    for name, secret in (("a", "sk-a"), ("b", "sk-b"), ("none", "")):
        make_draft(yongli, model, region, now, upstream_model=name, secret=secret)
    settings.SUANLI_SECRET_KEYS = [NEW, OLD]
    make_draft(yongli, model, region, now, upstream_model="c", secret="sk-c")
    assert rotate(capsys) == "sealed again: 2; already under the newest key: 1"
    before = kept()
    assert rotate(capsys) == "sealed again: 0; already under the newest key: 3"
    assert kept() == before
    settings.SUANLI_SECRET_KEYS = [NEW]
    assert {n: secrets_box.open_(s) for n, s in kept().items() if s} == {"a": "sk-a", "b": "sk-b", "c": "sk-c"}
    assert before["none"] == "" and "sk-" not in caplog.text


@pytest.mark.django_db
def test_one_that_no_key_opens_stops_it_with_nothing_changed(yongli, model, region, now, settings):
    settings.SUANLI_SECRET_KEYS = [OLD]
    make_draft(yongli, model, region, now, upstream_model="a")
    lost = make_draft(yongli, model, region, now, upstream_model="b")
    Endpoint.objects.filter(pk=lost.pk).update(secret=Fernet(Fernet.generate_key()).encrypt(b"sk").decode())
    before = kept()
    settings.SUANLI_SECRET_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match="no longer there"):
        call_command("rotate_secrets")
    assert kept() == before
