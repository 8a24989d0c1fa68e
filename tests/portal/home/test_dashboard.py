"""What a person's desk tells once: that the company was approved, and what an unconfirmed address means."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from portal.accounts import actions
from portal.accounts.models import Organisation
from portal.core import clock

pytestmark = pytest.mark.django_db
APPROVED = "Your company was approved on 23 Nov 2026."


@pytest.fixture
def desk(client, lin, jiangnan, now, monkeypatch):
    """Lin's desk, on the day on which the company was approved."""
    Organisation.objects.filter(pk=jiangnan.pk).update(state=Organisation.State.REGISTERED)
    jiangnan.refresh_from_db()
    actions.approve(organisation=jiangnan, now=now, actor="user:1", text="Welcome, all is in order.")
    monkeypatch.setattr(clock, "now", lambda: now)
    client.force_login(lin)
    return client


def shown(client) -> str:
    return " ".join(client.get("/dashboard/").content.decode().split())


def test_an_approval_is_told_until_it_is_read(desk):
    assert APPROVED in shown(desk) and "Welcome, all is in order." in shown(desk)
    assert desk.get("/c/jiangnan/approval-read/").status_code == 405 and APPROVED in shown(desk)
    assert desk.post("/c/jiangnan/approval-read/").url == "/dashboard/"
    assert APPROVED not in shown(desk)


def test_an_approval_is_news_for_a_week(desk, now, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=6))
    assert APPROVED in shown(desk)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=7))
    assert APPROVED not in shown(desk)


def test_an_approval_taken_back_is_no_news(desk, jiangnan, now):
    jiangnan.refresh_from_db()
    actions.suspend(organisation=jiangnan, text="A question", now=now, actor="user:1")
    assert APPROVED not in shown(desk)


def test_an_unconfirmed_address_says_what_it_means_and_sends_the_mail_again(desk, lin):
    address = EmailAddress.objects.create(user=lin, email=lin.email, primary=True, verified=False)
    page = shown(desk)
    assert f"Your address {lin.email} is not confirmed." in page and "You can do everything here all the same" in page
    assert "limits nothing here" in desk.get("/accounts/email/").content.decode()
    desk.post("/accounts/email/", {"email": lin.email, "action_send": "1"})
    assert [m.to for m in mail.outbox] == [[lin.email]]
    EmailAddress.objects.filter(pk=address.pk).update(verified=True)
    assert "is not confirmed" not in shown(desk)


def test_the_help_page_tells_of_loans_and_of_idle_hours(client, now, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: now)
    page = " ".join(client.get("/help/").content.decode().split())
    for text in ("How idle hours are paid", "Loans against banked hours", "there is no late fee", "30 Nov 2026"):
        assert text in page
