"""What a borrower sees before hours are pledged: the cost of an example, a falling index, figures that are accepted."""

import re

import pytest
from django.urls import reverse

from bank.lending import actions, outlook, queries
from bank.lending.models import Application

from .conftest import ACTOR, HOUR, YUAN
from .test_pages import ASK, confirm

pytestmark = pytest.mark.django_db


@pytest.fixture
def borrower(client, zhao, monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)
    client.force_login(zhao)
    return client


def page(name: str, *args) -> str:
    return reverse(f"lending:{name}", args=["yongli", *args])


def seen(desk, **written):
    row = queries.pledgeable(desk.borrower, desk.now)[0]
    return outlook.of(row, **{"cms": None, "amount_uy": None, "months": None, "now": desk.now, **written})


def test_the_example_is_the_plan_of_such_a_loan_at_eight_percent(desk):
    found = seen(desk, cms=100 * HOUR, amount_uy=400 * YUAN, months=12)
    plan = queries.collateral.schedule(400 * YUAN, 80_000, 12, queries.today(desk.now))
    assert found.total_uy == sum(p.total_uy for p in plan) == 417_270_000  # 17.278807 of interest, by the whole fen
    assert (found.first_uy, found.last_uy) == (plan[0].total_uy, plan[-1].total_uy)


def test_the_levels_are_those_of_the_loan_itself(desk):
    found = seen(desk, cms=100 * HOUR, amount_uy=400 * YUAN, months=6)
    position = queries.position(desk.loan(), desk.now)
    assert (found.call_index_uy, found.sale_index_uy) == (position.call_index_uy, position.sale_index_uy)
    assert (found.call_index_uy, found.call_fall_ppm) == (6_349_206, 365_079)


def test_nothing_written_means_everything_free_and_the_most(desk):
    found = seen(desk)
    assert (found.pledge_cms, found.most_uy, found.amount_uy) == (200 * HOUR, 990 * YUAN, 990 * YUAN)
    assert seen(desk, amount_uy=5000 * YUAN).amount_uy == 990 * YUAN


def test_the_form_and_the_question_show_cost_and_levels_and_until_when(desk, borrower):
    asked = borrower.post(page("apply"), ASK).content.decode()
    for text, level in ((borrower.get(page("apply")).content.decode(), "7.857142"), (asked, "6.349206")):
        assert "at 8 % a year" in text and "you would repay" in text and "The rate is only an example" in text
        assert "If the price of an hour falls" in text and level in text
        assert "within 3 business days" in text and "nothing is sold automatically" in text
        assert "It is open until 23 Dec 2026" in text


def test_the_most_is_worked_out_for_the_hours_that_are_written(desk, borrower):
    written = {**ASK, "hours": "100", "amount": ""}
    part = borrower.get(page("apply"), written, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and "495.00" in part and "990.00" not in part
    whole = borrower.get(page("apply"), written).content.decode()
    assert "495.00" in whole and 'value="100"' in whole and "aria-invalid" not in whole


def odd_hours(desk) -> int:
    """32.6970 banked hours are left, which reads 32.7 when it is rounded to a tenth."""
    actions.apply(organisation=desk.borrower, resource_class=desk.cpu, pledge_cms=200 * HOUR - 117_709_199,
                  amount_uy=YUAN, months=1, purpose="rest", now=desk.now, actor=ACTOR)
    return 117_709_199


def test_what_is_shown_as_available_is_accepted_when_it_is_typed(desk, borrower):
    odd_hours(desk)
    text = borrower.get(page("apply")).content.decode()
    assert "32.6969 banked hours are available" in text and "32.7" not in text
    refused = borrower.post(page("apply"), ASK | {"hours": "32.7", "amount": "100"})
    assert refused.status_code == 422 and "at most 32.6969 can be pledged" in refused.content.decode()
    assert Application.objects.count() == 1
    assert borrower.post(page("apply"), ASK | {"hours": "32.6", "amount": "100"}).status_code == 200


def test_the_most_named_by_a_refusal_is_accepted(desk, borrower):
    odd_hours(desk)
    refused = borrower.post(page("apply"), ASK | {"hours": "32.6", "amount": "500"})
    assert "At most CNY 161.37 can be lent" in refused.content.decode()
    assert borrower.post(page("apply"), ASK | {"hours": "32.6", "amount": "161.37"}).status_code == 200


def all_hours(client, address: str, **asked) -> str:
    """What the link writes into the field, and what stands there when it is followed without JavaScript."""
    shown = client.get(address, asked).content.decode()
    value = re.search(r'data-fill="id_hours" data-value="([^"]+)"', shown).group(1)
    assert 'name="all"' not in shown
    assert f'value="{value}"' in client.get(address, {"hours": "all"}).content.decode()
    return value


def test_a_link_writes_all_hours_in_and_pledges_them_to_the_last_millisecond(desk, borrower):
    rest = odd_hours(desk)
    value = all_hours(borrower, page("apply"))
    assert value == f"{rest // 360 // 10_000}.{rest // 360 % 10_000:04d}"
    assert not Application.objects.filter(pledged_cms=rest).exists()  # writing it in pledges nothing
    confirm(borrower, borrower.post(page("apply"), ASK | {"hours": value, "amount": "100"}))
    assert Application.objects.order_by("-id")[0].pledged_cms == rest and desk.hours() == 0


def test_all_of_them_stand_behind_a_loan_by_the_link_and_a_typed_figure_too(desk, borrower):
    loan = desk.loan()
    refused = borrower.post(page("pledge", loan.public_id), {"hours": "100.1"})
    assert refused.status_code == 422 and "at most 100.0000 can be pledged" in refused.content.decode()
    confirm(borrower, borrower.post(page("pledge", loan.public_id), {"hours": "0.0001"}))
    value = all_hours(borrower, page("pledge", loan.public_id))
    assert value == "99.9999" and value in borrower.get(page("loan", loan.public_id)).content.decode()
    confirm(borrower, borrower.post(page("pledge", loan.public_id), {"hours": value}))
    assert desk.hours() == 0 and desk.hours("pledged") == 200 * HOUR


def test_who_types_a_little_less_than_all_pledges_that(desk, borrower):
    loan = desk.loan()
    confirm(borrower, borrower.post(page("pledge", loan.public_id), {"hours": "99.9999"}))
    assert desk.hours() == 360


def test_a_figure_may_be_typed_with_its_comma_but_a_decimal_comma_is_no_thousand(desk, borrower):
    desk.books.earn(desk.borrower, 1300 * HOUR)
    assert borrower.post(page("apply"), ASK | {"hours": "1,500.0", "amount": "1,000"}).status_code == 200
    assert borrower.post(page("apply"), ASK | {"hours": "12,5"}).status_code == 422


def test_in_chinese_a_number_out_of_range_is_said_in_our_words(desk, borrower):
    answer = borrower.post(page("apply"), ASK | {"months": "99"}, headers={"accept-language": "zh-hans"})
    text = answer.content.decode()
    assert "最多填 36。" in text and "确保该值" not in text
