"""Banked hours as the bank's page sums them, beside what their account lists."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from bank.ledger import actions as ledger
from bank.ledger.chart import Kind, Reason
from portal.core.templatetags.suanli import time_text

from .conftest import CMS, CORE

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 25, 1, tzinfo=UTC)


def test_what_expires_next_is_what_the_account_lists_for_that_date(client, zhao, factory, monkeypatch):
    """Hours that end at 23:00 and at 00:00 in Shanghai lie one hour apart and expire on two dates."""
    monkeypatch.setattr("portal.core.clock.now", lambda: MORNING)
    claims = ledger.open(owner=factory.site.organisation, kind=Kind.CLAIMS, asset=CORE)
    backing = ledger.open(owner=None, kind=Kind.CLAIMS_BACKING, asset=CORE)
    for n, at in enumerate((datetime(2027, 11, 24, 15, tzinfo=UTC), datetime(2027, 11, 24, 16, tzinfo=UTC))):
        legs = [ledger.Leg(backing, -CMS), ledger.Leg(claims, CMS, ledger.LotSpec(expires_at=at, origin=""))]
        ledger.post(key=f"bank:{n}", reason=Reason.CLAIM_EARNED, cause="test:1", legs=legs, now=MORNING)
    client.force_login(zhao)
    (row,) = client.get(reverse("deposits:bank", args=["yongli"])).context["banked"]
    assert (time_text(row.next_at, "date"), row.next_cms, row.posted_cms) == ("24 Nov 2027", CMS, 2 * CMS)
    listed = client.get(reverse("ledger:statement", args=["yongli", claims.public_id])).context["lots"]
    dates = [(time_text(part["lot"].expires_at, "date"), part["amount"]) for part in listed]
    assert dates == [("24 Nov 2027", "1.0000"), ("25 Nov 2027", "1.0000")]
