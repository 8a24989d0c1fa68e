"""What a lender's and a borrower's dashboard say about applications and offers."""

from datetime import timedelta

import pytest
from django.urls import reverse

from bank.lending import actions, waiting

from .conftest import ACTOR, YUAN


@pytest.fixture(autouse=True)
def _today(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def dashboard(client, user) -> str:
    client.force_login(user)
    return " ".join(client.get("/dashboard/").content.decode().split())


def test_a_lender_reads_how_many_applications_wait_for_its_offer(desk, client, song):
    assert "Applications that wait for your offer" in dashboard(client, song)
    first, second = desk.apply(), desk.apply(hours=50, amount_uy=100 * YUAN)
    text = dashboard(client, song)
    assert "2 applications wait for an answer of yours" in text and "CNY 400.00" in text
    assert reverse("lending:application", args=["harbour", first.public_id]) in text
    assert 'href="/c/harbour/loans/#asked"' in text
    desk.offer(first)
    actions.reject(application=second, lender=desk.lender, reason="too little", now=desk.now, actor=ACTOR)
    assert waiting.to_answer(desk.lender, desk.now) == waiting.ToAnswer(0, [])


def test_an_offer_that_was_withdrawn_leaves_the_application_waiting_again(desk):
    offer = desk.offer(desk.apply())
    assert waiting.to_answer(desk.lender, desk.now).count == 0
    actions.withdraw_offer(offer=offer, now=desk.now, actor=ACTOR)
    assert waiting.to_answer(desk.lender, desk.now).count == 1


def test_a_borrower_reads_of_its_offer_and_until_when(desk, client, zhao):
    assert "Your loan applications" not in dashboard(client, zhao)
    application = desk.apply()
    assert "CNY 400.00 asked, no offer yet" in dashboard(client, zhao)
    page = reverse("lending:application", args=["yongli", application.public_id])
    assert "waiting for offers." in client.get(page).content.decode()
    offer = desk.offer(application, amount_uy=300 * YUAN)
    text = dashboard(client, zhao)
    assert "You have an offer of CNY 300.00 from" in text and page in text and "no offer yet" not in text
    text = client.get(page).content.decode()
    assert "an offer is here." in text and "waiting for offers" not in text
    assert waiting.asked_by(desk.borrower, offer.expires_at)[0].open_offers == []


def test_nobody_is_told_of_what_they_may_not_see(desk, client, mei, bo, jiangnan):
    from tests.conftest import join, make_user

    desk.apply()
    clerk = make_user("clerk@yongli.test")
    join(clerk, desk.borrower, "buyer")
    assert "Your loan applications" not in dashboard(client, clerk)
    assert "Your loan applications" not in dashboard(client, mei)
    assert waiting.asked_by(jiangnan, desk.now) == []


def test_it_costs_the_same_for_many(desk, django_assert_num_queries):
    desk.offer(desk.apply(hours=10, amount_uy=10 * YUAN), amount_uy=10 * YUAN)
    for _n in range(5):
        desk.apply(hours=10, amount_uy=10 * YUAN)
    with django_assert_num_queries(2):
        found = waiting.to_answer(desk.lender, desk.now)
        assert (found.count, [a.organisation.name for a in found.oldest]) == (5, [desk.borrower.name] * 3)
    with django_assert_num_queries(2):
        found = waiting.asked_by(desk.borrower, desk.now)
        assert [len(a.open_offers) for a in found] == [1, 0, 0]
    with django_assert_num_queries(1):
        assert waiting.asked_by(desk.borrower, desk.now + timedelta(days=99)) == []
