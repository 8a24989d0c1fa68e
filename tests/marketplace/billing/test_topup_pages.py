"""The page of an announced bank transfer."""

import pytest

from marketplace.billing import actions
from portal.core.money import CNY_UY as YUAN

pytestmark = pytest.mark.django_db


def test_a_top_up_says_where_to_pay_whom_to_ask_and_in_a_demonstration_that_nothing_is_to_be_sent(
    client, bo, jiangnan, now, settings, monkeypatch
):
    topup = actions.request_topup(organisation=jiangnan, amount_uy=58 * YUAN, user=bo, now=now, actor="user:1")
    client.force_login(bo)
    address = f"/c/jiangnan/wallet/top-up/{topup.public_id}/"
    settings.DEMO = True
    page = client.get(address).content.decode()
    assert "Demonstration: send nothing" in page and "0000 0000 0000 0000" in page
    settings.DEMO = False
    page = client.get(address).content.decode()
    assert "has not said yet which account" in page and "0000 0000" not in page
    for name, value in {"BANK_HOLDER": "Hangzhou Computing", "BANK_NAME": "ICBC", "BANK_NUMBER": "6222 0211"}.items():
        monkeypatch.setattr(f"portal.policy.{name}", value)
    monkeypatch.setattr("portal.policy.CONTACT", "0571 1234567")
    page = client.get(address).content.decode()
    assert all(text in page for text in ("Hangzhou Computing", "ICBC", "6222 0211"))
    assert '<a href="tel:05711234567">0571 1234567</a>' in page
    assert "Demonstration: send nothing" not in page and "has not said yet" not in page
