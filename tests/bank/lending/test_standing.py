"""What a loan's page says first: what is owed, what is due next, what a falling price would do."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from bank.lending import queries, standing

from .conftest import YUAN


@pytest.fixture(autouse=True)
def _today(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def test_the_next_instalment_has_its_part_and_the_interest_to_its_day(desk):
    due = queries.position(desk.loan(), desk.now).next_due
    assert due == queries.NextDue(date(2026, 12, 23), 66_666_666, 2_400_000)
    assert due.total_uy == 69_066_666


def test_who_repaid_ahead_of_the_plan_owes_only_interest_next(desk):
    loan = desk.loan()
    desk.repay(loan, 100 * YUAN)
    loan.refresh_from_db()
    assert queries.position(loan, desk.now).next_due == queries.NextDue(date(2026, 12, 23), 0, 1_800_000)


def test_what_was_missed_is_due_with_the_next_instalment(desk):
    due = queries.position(desk.loan(), desk.now + timedelta(days=31)).next_due
    assert due == queries.NextDue(date(2027, 1, 23), 133_333_333, 4_880_000)


def test_after_the_last_instalment_all_of_it_is_due(desk):
    found = queries.position(desk.loan(), desk.now + timedelta(days=400))
    assert found.next_due is None
    owed, next_due, _ltv = standing.figures(found)
    assert owed["amount_uy"] == next_due["amount_uy"] == found.debt_uy == 432_000_000


def test_the_beam_says_how_far_the_index_has_to_fall(desk):
    found = queries.position(desk.loan(), desk.now)
    assert (found.call_index_uy, found.falls_to(found.call_index_uy)) == (6_349_206, 365_079)
    words = standing.levels(found)
    assert words["call"].startswith("margin call: you are asked") and "falls by 36.5 %, from 10.00 to" in words["call"]
    assert "comes later: nothing is sold automatically" in words["sale"]


def test_a_level_that_is_reached_is_said(desk):
    loan = desk.loan()
    desk.index(6 * YUAN)
    assert "The index stands there already." in standing.levels(queries.position(loan, desk.now))["call"]


def test_without_a_price_no_fall_is_said(desk):
    from marketplace.catalogue.models import IndexPrice

    loan = desk.loan()
    IndexPrice.objects.all().delete()
    found = queries.position(loan, desk.now)
    assert found.falls_to(1) is None and "Reached" not in standing.levels(found)["call"]


def test_the_beam_speaks_to_who_reads(desk, client, zhao, song):
    loan = desk.loan()
    client.force_login(zhao)
    text = client.get(reverse("lending:loan", args=["yongli", loan.public_id])).content.decode()
    assert "you, today" in text and "you are asked to add hours" in text and "69.07" in text
    client.force_login(song)
    text = client.get(reverse("lending:loan", args=["harbour", loan.public_id])).content.decode()
    assert "the borrower, today" in text and "you, today" not in text and "you are asked" not in text


def test_a_loans_page_asks_a_fixed_number_of_questions(desk, client, zhao, django_assert_num_queries):
    loan = desk.loan()
    client.force_login(zhao)
    with django_assert_num_queries(13):
        client.get(reverse("lending:loan", args=["yongli", loan.public_id]))
