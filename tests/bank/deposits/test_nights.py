"""The last night in a line on the bank's page, and its hours on the site's."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from bank.deposits import nights
from bank.deposits.models import SlotClose

from .conftest import CMS

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 25, 1, tzinfo=UTC)  # 09:00 in Shanghai


def hour(factory, at: datetime, **values) -> SlotClose:
    """A closed hour of two cores."""
    from marketplace.dispatch import actions as dispatch
    from marketplace.dispatch.models import Slot

    dispatch.open_slots(site=factory.site, hours=[at], source="deposit:x", now=at, quantity=2)
    slot = Slot.objects.get(site=factory.site, hour=at)
    factory.close(slot)
    values = {"quantity_cms": 2 * CMS, "delivered_cms": 0, "recalled_cms": 0, "failed_cms": 0, "idle_verified_cms": 0,
              **values}
    values["idle_unverified_cms"] = values["quantity_cms"] - sum(
        values[name] for name in ("delivered_cms", "recalled_cms", "failed_cms", "idle_verified_cms"))
    SlotClose.objects.filter(slot=slot).update(**values)
    return SlotClose.objects.get(slot=slot)


def test_the_last_night_is_the_one_that_is_over():
    assert nights.last_start(MORNING) == date(2026, 11, 24)
    assert nights.last_start(MORNING - timedelta(hours=2)) == date(2026, 11, 23)  # 07:00: it is not over yet
    assert nights.last_start(MORNING + timedelta(hours=14)) == date(2026, 11, 24)  # 23:00
    assert nights.span(date(2026, 11, 24)) == (
        datetime(2026, 11, 24, 14, tzinfo=UTC), datetime(2026, 11, 25, 0, tzinfo=UTC),
    )


def test_a_night_sums_what_was_offered_and_what_it_brought(factory, django_assert_num_queries):
    first, end = nights.span(date(2026, 11, 24))
    assert nights.last_night(factory.site.organisation, MORNING) is None
    hour(factory, first - timedelta(hours=1), delivered_cms=2 * CMS)
    hour(factory, end, delivered_cms=2 * CMS)
    hour(factory, first, delivered_cms=CMS, earned_cms=CMS // 2)
    hour(factory, end - timedelta(hours=1), recalled_cms=CMS, delivered_cms=CMS, cash_uy=100_000, due_uy=90_000,
         held_uy=10_000,
         is_simulated=True)
    with django_assert_num_queries(1):
        found = nights.last_night(factory.site.organisation, MORNING)
    assert (found.offered_cms, found.delivered_cms, found.earned_cms, found.cash_uy) == (
        3 * CMS, 2 * CMS, CMS // 2, 100_000)
    assert (found.hours, found.simulated, found.is_simulated) == (2, 1, False)
    assert ([s.name for s in found.sites]) == (["Night shop"])


def test_what_is_shown_of_days_hours_and_all_time_adds_up_to_what_is_banked(client, zhao, factory, monkeypatch):
    """Each of three hours has 200 ms that its own four decimals do not show; two of them make one more place."""
    monkeypatch.setattr("portal.core.clock.now", lambda: MORNING)
    first, _end = nights.span(date(2026, 11, 24))
    for n, earned in ((-24, CMS + 200), (0, CMS + 200), (1, CMS + 200)):  # the first one a day earlier
        hour(factory, first + timedelta(hours=n), delivered_cms=CMS, earned_cms=earned, cash_uy=0)
    client.force_login(zhao)
    bank = client.get(reverse("deposits:bank", args=["yongli"]))
    in_all = bank.context["stats"][0]
    assert (in_all["label"], in_all["text"]) == ("Your machines earned in all", "3.0001")
    assert in_all["note"].startswith("in 3 hours by the clock, since 23 Nov 2026")
    became = bank.context["became"]
    assert sum(day["earned_cms"] for day in became.table) == 3 * CMS + 360
    assert "3.0001</td>" in bank.content.decode()
    assert bank.context["stats"][1]["text"] == "2.0001"
    site = client.get(reverse("deposits:site", args=["yongli", factory.site.public_id]), {"night": "2026-11-24"})
    assert sum(brought for _cell, brought in site.context["rows"]) == 2 * CMS + 360
    assert "2.0001</td></tr>" not in site.content.decode() and "2.0001</td>" in site.content.decode()


def test_what_is_used_up_of_all_that_was_earned_is_said(client, zhao, factory, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: MORNING)
    hour(factory, nights.span(date(2026, 11, 24))[0], delivered_cms=CMS, earned_cms=CMS, cash_uy=1_230_001,
         due_uy=1_230_001)
    client.force_login(zhao)
    note = client.get(reverse("deposits:bank", args=["yongli"])).context["stats"][0]["note"]
    assert "and CNY 1.230001 in cash" in note and "1.0000 of it used, expired or given up for a loan" in note


def test_the_bank_says_it_in_a_line_that_leads_to_those_hours(client, zhao, factory, monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: MORNING)
    first, _end = nights.span(date(2026, 11, 24))
    hour(factory, first, delivered_cms=CMS, earned_cms=CMS // 2)
    hour(factory, first - timedelta(hours=3))
    client.force_login(zhao)
    text = " ".join(client.get(reverse("deposits:bank", args=["yongli"])).content.decode().split())
    assert '0.5000<span class="cur after">banked hours</span>' in text
    assert "2 core-hours offered from 22:00 on 24 Nov, 1.00 found work <a" in text and "simulated" not in text
    site = reverse("deposits:site", args=["yongli", factory.site.public_id])
    assert f"{site}?night=2026-11-24#hours" in text
    SlotClose.objects.filter(hour=first).update(is_simulated=True)
    text = " ".join(client.get(reverse("deposits:bank", args=["yongli"])).content.decode().split())
    assert "1.00 found work, simulated time <a" in text
    one = client.get(site, {"night": "2026-11-24"}).content.decode()
    assert one.count('<th scope="row"') == 2 and "Only the night that began on" in one
    assert client.get(site).content.decode().count('<th scope="row"') == 3
    assert client.get(site, {"night": "yesterday"}).status_code == 200
