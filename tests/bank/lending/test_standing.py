"""What a loan's page says first: what is owed, what is due next, what a falling price would do."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from bank.lending import payments, queries, standing

from .conftest import YUAN


@pytest.fixture(autouse=True)
def _today(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def due_next(loan, at) -> tuple:
    due = queries.position(loan, at).next_due
    return due.due_date, due.principal_uy, due.interest_uy, due.total_uy


def test_the_next_instalment_has_its_part_and_the_interest_to_its_day(desk):
    assert due_next(desk.loan(), desk.now) == (date(2026, 12, 23), 66_660_000, 2_400_000, 69_060_000)


def test_who_repaid_ahead_of_the_plan_owes_only_interest_next(desk):
    loan = desk.loan()
    desk.repay(loan, 100 * YUAN)
    loan.refresh_from_db()
    assert due_next(loan, desk.now) == (date(2026, 12, 23), 0, 1_800_000, 1_800_000)


def test_what_was_missed_is_due_with_the_next_instalment(desk):
    found = due_next(desk.loan(), desk.now + timedelta(days=31))
    assert found == (date(2027, 1, 23), 133_330_000, 4_880_000, 138_210_000)


def rows(found) -> list[tuple]:
    return [(r.on, r.principal_uy, r.interest_uy, r.left_uy) for r in found]


def test_after_a_partial_repayment_the_plan_is_what_is_really_still_to_be_paid(desk, django_assert_num_queries):
    loan = desk.loan()
    later = desk.now + timedelta(days=10)
    desk.repay(loan, 100 * YUAN, now=later)
    loan.refresh_from_db()
    position = queries.position(loan, later)
    with django_assert_num_queries(1):
        found = payments.of(position)
    assert rows(found.paid) == [(later, 99_200_000, 800_000, 300_800_000)]  # ten nights of 0.08 came first
    assert rows(found.coming) == [
        (date(2026, 12, 23), 0, 1_200_000, 300_800_000),  # 20 nights on what is owed
        (date(2027, 1, 23), 34_130_000, 1_860_000, 266_670_000),  # to the plan of that day: 400 − 133.33
        (date(2027, 2, 23), 66_670_000, 1_660_000, 200_000_000),
        (date(2027, 3, 23), 66_660_000, 1_120_000, 133_340_000),
        (date(2027, 4, 23), 66_670_000, 820_000, 66_670_000),
        (date(2027, 5, 23), 66_670_000, 400_000, 0),
    ]
    sums = found.sums
    assert (sums["paid"].principal_uy, sums["coming"].principal_uy) == (99_200_000, 300_800_000)
    assert (sums["all"].principal_uy, sums["all"].left_uy) == (loan.principal_uy, 0)
    assert sums["all"].total_uy == 400 * YUAN + 800_000 + 7_060_000  # 7.068242, by the whole fen


def test_the_loans_page_shows_what_was_paid_what_is_left_and_their_sums(desk, client, zhao):
    loan = desk.loan()
    client.force_login(zhao)
    address = reverse("lending:loan", args=["yongli", loan.public_id])
    assert "Nothing has been repaid yet." in client.get(address).content.decode()
    desk.repay(loan, 100 * YUAN)
    text = client.get(address).content.decode()
    assert text.index("Paid so far") < text.index("Still to be paid") < text.index("The whole loan")
    foot = text[text.index("<tfoot>") :]
    assert foot.index("400.00") < foot.index("407.66") < foot.index("</tfoot>")
    desk.repay(loan, None, key="2")
    text = client.get(address).content.decode()
    assert "Still to be paid" not in text.split("<tbody>")[1] and "400.00" in text[text.index("<tfoot>") :]


def test_what_is_due_next_is_one_figure_everywhere_and_paying_it_is_enough(desk):
    loan = desk.loan()
    desk.repay(loan, 99_990_000)
    at = desk.now + timedelta(days=3)
    found = queries.position(loan, at)
    due = standing.figures(found)[1]["amount_uy"]
    assert due == payments.of(found).coming[0].total_uy == found.next_due.total_uy and due % 10_000 == 0
    assert standing.figures(found)[0]["amount_uy"] == found.debt_uy


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
    assert "you, today" in text and "you are asked to add hours" in text and "69.06" in text
    client.force_login(song)
    text = client.get(reverse("lending:loan", args=["harbour", loan.public_id])).content.decode()
    assert "the borrower, today" in text and "you, today" not in text and "you are asked" not in text


def test_a_loans_page_asks_a_fixed_number_of_questions(desk, client, zhao, django_assert_num_queries):
    loan = desk.loan()
    client.force_login(zhao)
    with django_assert_num_queries(13):
        client.get(reverse("lending:loan", args=["yongli", loan.public_id]))
