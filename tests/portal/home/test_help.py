"""The help page, the ways to it, and what a new company reads before and after it registers."""

import pytest

from portal import policy
from portal.accounts.models import Organisation

pytestmark = pytest.mark.django_db


def test_a_stranger_reads_what_to_do_and_whom_to_ask(client, settings, monkeypatch):
    settings.DEMO = False
    monkeypatch.setattr(policy, "CONTACT", "0571 1234567")
    page = client.get("/help/").content.decode()
    assert all(text in page for text in ("When a run fails", "Refunds", "it is not a tax invoice (fapiao)", "Words"))
    assert '<a href="tel:05711234567">0571 1234567</a>' in page
    assert "Made up for the demonstration" not in page and "no real money moves" not in page


def test_a_demonstration_names_somebody_who_is_clearly_made_up(client, settings, monkeypatch):
    monkeypatch.setattr(policy, "CONTACT", "")
    settings.DEMO = True
    page = client.get("/help/").content.decode()
    assert "help@suanli.test" in page and "Made up for the demonstration" in page
    settings.DEMO = False
    page = client.get("/help/").content.decode()
    assert "suanli.test" not in page and "has not named a contact yet" in page


def test_help_is_in_the_foot_of_every_page_and_in_the_account_menu(client, jiangnan, bo):
    assert 'href="/help/"' in client.get("/").content.decode()
    client.force_login(bo)
    assert client.get("/dashboard/").content.decode().count('href="/help/"') == 2


@pytest.mark.parametrize("asked", ["help", "Refund", "客服", "帮助", "发票", "怎么退款"])
def test_whoever_searches_for_help_is_led_there_first(client, asked):
    page = client.get("/search/", {"q": asked}).content.decode()
    assert '<h2><a href="/help/">' in page


@pytest.mark.parametrize(
    "asked", ["help me plan thirty rounds", "明天备多少货", "", "人工智能", "预测客服中心明天的来电量"]
)
def test_whoever_searches_for_something_to_buy_is_not(client, asked):
    assert '<h2><a href="/help/">' not in client.get("/search/", {"q": asked}).content.decode()


def test_the_front_page_says_what_a_new_company_gets_as_the_policy_has_it(client, jiangnan, bo, monkeypatch):
    monkeypatch.setattr(policy, "WELCOME_CREDIT_UY", 70_000_000)
    assert "A new company gets CNY 70 of welcome credit" in client.get("/").content.decode()
    monkeypatch.setattr(policy, "WELCOME_CREDIT_UY", 0)
    assert "welcome credit" not in client.get("/").content.decode()
    monkeypatch.setattr(policy, "WELCOME_CREDIT_UY", 70_000_000)
    client.force_login(bo)
    assert "A new company gets" not in client.get("/").content.decode()


@pytest.mark.parametrize("address", ["/dashboard/", "/c/jiangnan/wallet/"])
def test_desk_and_wallet_say_that_the_company_is_being_checked_and_what_that_means(client, jiangnan, bo, address):
    client.force_login(bo)
    Organisation.objects.filter(pk=jiangnan.pk).update(state=Organisation.State.REGISTERED)
    page = client.get(address).content.decode()
    assert "Your company is being checked since" in page and "one order up to CNY 100" in page
    Organisation.objects.filter(pk=jiangnan.pk).update(state=Organisation.State.APPROVED)
    assert "is being checked" not in client.get(address).content.decode()
