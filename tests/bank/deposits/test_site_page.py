"""A site's page: two weeks on a grid, one hour with its transfer, the machine as its engine describes it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from bank.deposits import site_queries
from bank.deposits.models import Deposit, SlotClose
from bank.ledger.models import Journal
from marketplace.dispatch.models import Site, Slot
from marketplace.provisioning import verification
from portal.core import clock
from portal.core.templatetags.suanli import time_text, yuan

pytestmark = pytest.mark.django_db


@pytest.fixture
def zhao_client(client, zhao, monkeypatch, now):
    monkeypatch.setattr(clock, "now", lambda: now)
    client.force_login(zhao)
    return client


@pytest.fixture
def here(factory):
    return reverse("deposits:site", args=["yongli", factory.site.public_id])


@pytest.fixture
def worked(factory, buyer):
    """An hour in which a customer ran six minutes, closed."""
    factory.deposit(payout="cash")
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    return factory.close(slot), order


def cell_at(factory, hour, now):
    rows = [*site_queries.grid(factory.site, now).behind, *site_queries.grid(factory.site, now).ahead]
    return next(c for row in rows for c in row.cells if c.at == hour)


def text_of(client, address, **query):
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_hour_of_the_week_behind_and_of_all_that_is_opened_has_a_cell(factory, now):
    factory.deposit()
    grid = site_queries.grid(factory.site, now)
    assert [len(row.cells) for row in (*grid.behind, *grid.ahead)] == [24] * 15
    assert [row.is_today for row in grid.ahead] == [True] + [False] * 7
    assert grid.behind[-1].cells[23].at + timedelta(hours=1) == grid.ahead[0].cells[0].at


def test_a_cell_says_what_became_of_its_hour(factory, worked, now):
    closed, _order = worked
    cell = cell_at(factory, closed.hour, now)
    assert (cell.key, cell.css) == ("delivered", "q0 u")
    idle = factory.close(factory.slot(2))
    assert cell_at(factory, idle.hour, now).css == "u"
    Slot.objects.filter(pk=factory.slot(3).pk).update(is_simulated=True, reserved_cms=3_600_000)
    cell = cell_at(factory, factory.slot(3).hour, now)
    assert (cell.key, cell.css) == ("reserved", "q2 v s")
    Slot.objects.filter(pk=factory.slot(3).pk).update(reserved_cms=0)
    assert cell_at(factory, factory.slot(4).hour, now).key == "free"
    assert cell_at(factory, factory.slot(4).hour, now + timedelta(hours=6)).key == "closing"


def test_a_run_that_is_over_is_shown_as_used_before_its_hour_is_closed(zhao_client, factory, buyer, here, now):
    factory.deposit()
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    assert cell_at(factory, slot.hour, now).key == "reserved"
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    cell = cell_at(factory, slot.hour, now)
    assert (cell.key, cell.css, cell.used_cms) == ("used", "q0", 360_000)
    assert site_queries.grid(factory.site, now).reserved_cms == 0
    assert "Used by runs that are over" in text_of(zhao_client, here, hour=f"{slot.hour:%Y-%m-%dT%H}")


@pytest.mark.parametrize("outcome", ["failed", "idle_verified", "idle_unverified", "recalled"])
def test_each_outcome_has_a_look_of_its_own(factory, now, outcome):
    factory.deposit()
    row = factory.close(factory.slot())
    sums = dict.fromkeys(site_queries.OUTCOMES, 0) | {f"{outcome}_cms": row.quantity_cms}
    SlotClose.objects.filter(pk=row.pk).update(**sums)
    cell = cell_at(factory, row.hour, now)
    looks = {"failed": "x", "idle_verified": "y", "idle_unverified": "u", "recalled": "r"}
    assert (cell.key, cell.css) == (outcome, looks[outcome])


def test_the_five_outcomes_sum_to_the_hours(zhao_client, factory, worked, here, now):
    grid = site_queries.grid(factory.site, now)
    assert (grid.sums["delivered_cms"], sum(grid.sums.values()), grid.quantity_cms) == (360_000, 7_200_000, 7_200_000)
    assert "What became of its hours" in text_of(zhao_client, here)


def test_an_hour_opens_to_its_run_and_the_transfer_that_paid_for_it(zhao_client, worked, here):
    closed, order = worked
    text = text_of(zhao_client, here, hour=f"{closed.hour:%Y-%m-%dT%H}")
    assert order.number in text and "Jiangnan" not in text
    entry = Journal.objects.get(key__startswith="close:")
    address = reverse("ledger:journal", args=["yongli", entry.public_id])
    assert address in text and zhao_client.get(address).status_code == 200
    assert "0.92" in text  # CNY 1.00 less the fee, a tenth of it held back


def test_an_hour_that_is_none_is_said(zhao_client, factory, here):
    for wrong in ("2026-11-23T99", "yesterday", "2020-01-01T00"):
        assert "not in the pool" in text_of(zhao_client, here, hour=wrong)


def test_the_table_is_shown_some_lines_at_a_time(zhao_client, factory, here):
    factory.deposit()
    text = text_of(zhao_client, here)
    assert text.count('<th scope="row"') == 49 and "?page=2" in text
    assert text_of(zhao_client, here, page=2).count('<th scope="row"') == 49


def test_the_engine_says_what_it_does_not_enforce(zhao_client, factory, here):
    assert "A filter of system calls." in text_of(zhao_client, here)


def test_a_busy_machine_is_said_with_the_next_try(zhao_client, factory, here, now):
    Site.objects.update(state=Site.State.FAILED)
    factory.site.refresh_from_db()
    verification.start(site=factory.site, now=now, actor="user:1")
    assert verification._try_again(factory.site, now, "system:test", verification.Measured(44, 160_000))
    text = text_of(zhao_client, here)
    assert "The machine is busy" in text and "09:12:10" in text
    assert "44 points of the 81 needed" in text and "16 %" in text
    Site.objects.update(verify_due_at=now)
    assert "The benchmark is running" in text_of(zhao_client, here)


def test_the_page_asks_a_fixed_number_of_questions(zhao_client, factory, worked, here, django_assert_num_queries):
    closed, _order = worked
    with django_assert_num_queries(12):
        zhao_client.get(here)
    with django_assert_num_queries(17):
        zhao_client.get(here, {"hour": f"{closed.hour:%Y-%m-%dT%H}"})


def register(client, region, *, cards: int, name: str = "Hall 2", slug: str = "yongli", key: str = "c1"):
    """(the page's answer, the program's answer) to the same wish."""
    page = client.post(reverse("deposits:site_new", args=[slug]), {"name": name, "region": region.pk, "cards": cards})
    program = client.post("/api/v1/sites/", {"name": name, "region": region.key, "cards": cards},
                          content_type="application/json",
                          headers={"Idempotency-Key": key, "Suanli-Company": slug})
    return page, program


def test_more_cores_than_the_machine_has_are_refused_by_page_and_program(client, zhao, factory):
    client.force_login(zhao)
    page, answer = register(client, factory.site.region, cards=9)
    assert page.status_code == 422 and "The machine has 8 cores; 9 cannot be given" in page.content.decode()
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "more_cores_than_machine")
    assert Site.objects.count() == 1


def test_the_cores_of_all_sites_on_the_machine_together_are_no_more_than_it_has(client, zhao, factory):
    client.force_login(zhao)
    page, answer = register(client, factory.site.region, cards=7)
    assert "8 cores and 2 of them are registered already" in page.content.decode()
    assert "at most 6" in page.content.decode()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "cores_registered")
    assert Site.objects.count() == 1
    page, answer = register(client, factory.site.region, cards=6, key="c2")
    assert page.status_code == 302 and answer.status_code == 409
    assert answer.json()["error"]["code"] == "machine_registered"
    assert sorted(Site.objects.values_list("cards", flat=True)) == [2, 6]


def test_another_company_cannot_register_the_same_machine(client, bo, jiangnan, factory):
    Site.objects.update(cards=8)
    client.force_login(bo)
    page, answer = register(client, factory.site.region, cards=1, slug="jiangnan")
    assert "All 8 cores of this machine are registered already" in page.content.decode()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "machine_registered")
    jiangnan.refresh_from_db()
    assert Site.objects.count() == 1 and not jiangnan.is_provider


def test_a_machine_does_not_stand_in_two_regions(client, zhao, factory):
    from tests.marketplace.catalogue.goods import make_region

    client.force_login(zhao)
    page, answer = register(client, make_region("guizhou"), cards=1)
    assert page.status_code == 422 and "cannot stand in two places" in page.content.decode()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "machine_elsewhere")
    assert Site.objects.count() == 1


def test_in_a_demonstration_each_company_plays_with_the_whole_machine_and_is_told(
    client, zhao, bo, jiangnan, factory, settings
):
    settings.DEMO = True
    Site.objects.update(cards=8)
    client.force_login(bo)
    asked = client.get(reverse("deposits:site_new", args=["jiangnan"])).content.decode()
    assert "This is a demonstration" in asked and "1 site of 1 company" in asked and 'value="8"' in asked
    page, answer = register(client, factory.site.region, cards=8, slug="jiangnan")
    assert page.status_code == 302
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "machine_registered")
    full = client.get(reverse("deposits:site_new", args=["jiangnan"])).content.decode()
    assert "Your company has registered all 8 cores" in full and "<form method=\"post\" novalidate>" not in full
    text = client.get(page.url).content.decode()
    assert "On the demonstration machine" in text and "2 sites are played on it, companies: 2" in text


def test_a_site_that_failed_gives_its_cores_up_and_must_find_them_free_again(client, zhao, factory, here):
    Site.objects.update(state=Site.State.FAILED)
    client.force_login(zhao)
    assert register(client, factory.site.region, cards=7)[0].status_code == 302
    answer = client.post(here)
    assert answer.status_code == 409 and "Register at most 1" in answer.content.decode()
    factory.site.refresh_from_db()
    assert factory.site.state == Site.State.FAILED
    Site.objects.filter(cards=7).update(cards=6)
    assert client.post(here).status_code == 302


def test_an_engine_that_does_not_know_its_machine_refuses_no_number(zhao, factory, monkeypatch, now):
    from bank.deposits import registration

    monkeypatch.setattr("marketplace.engines.local.engine.LocalEngine.machine_cores", lambda _engine: None)
    site = registration.register(organisation=factory.site.organisation, name="Hall 2", region=factory.site.region,
                                 cards=64, now=now, actor="user:1")
    assert site.cards == 64


def test_the_form_says_which_machine_is_meant_and_presets_no_region(client, zhao, factory):
    client.force_login(zhao)
    address = reverse("deposits:site_new", args=["yongli"])
    text = client.get(address).content.decode()
    assert "the one this portal runs on" in text and "2 of them are registered already" in text
    assert "What the benchmark proves" in text and "85 % is assumed" in text
    assert '<option value="" selected>' in text
    page = client.post(address, {"name": "Hall 2", "region": "", "cards": 1})
    assert page.status_code == 422 and "Choose the region" in page.content.decode()


def test_every_hour_is_listed_with_what_it_brought_and_the_sum(zhao_client, here, worked):
    close, _order = worked
    shown = zhao_client.get(here, {"page": 99})  # the last page has the oldest hours
    (line,) = [cell for cell in shown.context["lines"] if cell.close]
    assert line.cash_uy == close.due_uy + close.held_uy == shown.context["lines_uy"] > 0
    assert (line.earned_cms, shown.context["lines_cms"]) == (0, 0)
    text = shown.content.decode()
    assert text.count(yuan(close.due_uy + close.held_uy, "exact")) >= 2 and "Sum of all hours here" in text


def test_a_line_of_the_account_names_the_hour_and_the_site(zhao_client, factory, worked):
    account = Journal.objects.get(memo__site=factory.site.public_id).postings.get(
        account__kind="provider_due"
    ).account
    shown = zhao_client.get(reverse("ledger:statement", args=["yongli", account.public_id]))
    (row,) = shown.context["rows"]
    assert row["about"] == f"Night shop, {time_text(worked[0].hour)}" and row["about"] in shown.content.decode()


def test_the_site_and_the_bank_say_which_hours_each_of_them_counts(zhao_client, factory, here, now):
    """24 hours × 7 days × 2 cores stand in the pool; at 84.96 % availability so much of them can be sold."""
    Site.objects.filter(pk=factory.site.pk).update(availability_ppm=849_680)
    factory.site.refresh_from_db()
    factory.deposit()
    grid = site_queries.grid(factory.site, now)
    slots = list(Slot.objects.filter(site=factory.site))
    assert sum(c.slot is not None for row in grid.ahead for c in row.cells) == len(slots) == 7 * 24
    assert grid.free_cms == len(slots) * (2 * 3_600_000 * 849_680 // 1_000_000)
    shown = " ".join(text_of(zhao_client, here).split())
    assert "285.5 core-hours can still be sold" in shown
    assert "84.96 %" in shown
    bank = zhao_client.get(reverse("deposits:bank", args=["yongli"]))
    assert sum(day.free_cms for day in bank.context["deposits"][0].days) == len(slots) * 2 * 3_600_000
    assert "Of each hour 84.96 % can be sold, the availability of its site" in " ".join(bank.content.decode().split())


def test_availability_says_how_the_measured_hours_and_the_assumed_ones_make_it(zhao_client, factory, worked, here):
    SlotClose.objects.update(is_simulated=False)
    Slot.objects.filter(close__isnull=False).update(live_minutes=37)
    text = " ".join(text_of(zhao_client, here).split())
    assert "the mean of 720 hours: 1 is measured, there 61.7 % of the time, and 719 are assumed at 85 %" in text


def test_the_site_is_told_in_the_words_of_the_glossary_in_chinese(zhao_client, factory, worked, here):
    zhao_client.cookies["django_language"] = "zh-hans"
    text = text_of(zhao_client, here)
    assert "这台机器没有强制执行的限制" in text and "没有强制的措施" not in text
    Deposit.objects.update(state=Deposit.State.ENDED)  # so that an estimate of new hours is shown
    bank = zhao_client.get(reverse("deposits:bank", args=["yongli"])).content.decode()
    assert "算力池" in bank and "“池”" not in bank and "池子" not in bank
    assert "其中接到任务的核时：" in bank and "中有" not in bank
