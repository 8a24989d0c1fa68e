import pytest

from marketplace.catalogue import actions
from marketplace.catalogue.models import Interest
from marketplace.catalogue.tasks import tell_interested

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def test_it_tells_once_when_it_can_be_bought(package, offering, now, mailoutbox):
    actions.tell_me_when(package=package, email="a@shop.test", language="zh-hans", now=now)
    assert tell_interested() == 1
    assert tell_interested() == 0
    (mail,) = mailoutbox
    assert mail.to == ["a@shop.test"]
    assert package.name_zh in mail.subject and "/p/cat-fc/" in mail.body


def test_it_is_silent_while_it_cannot_be_bought(package, draft, now, mailoutbox):
    actions.tell_me_when(package=package, email="a@shop.test", now=now)
    assert tell_interested() == 0
    assert mailoutbox == []


def test_it_tries_again_when_the_mail_could_not_leave(package, offering, now, monkeypatch):
    def broken(**kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr("marketplace.catalogue.tasks.send_mail", broken)
    actions.tell_me_when(package=package, email="a@shop.test", now=now)
    assert tell_interested() == 0
    assert Interest.objects.get().told_at is None


def test_only_one_of_two_claims_a_message(package, now):
    interest = actions.tell_me_when(package=package, email="a@shop.test", now=now)
    assert actions.claim_telling(interest=interest, now=now)
    assert not actions.claim_telling(interest=interest, now=now)
