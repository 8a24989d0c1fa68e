"""The pages of borrower and lender, in both languages; questions before money moves; strangers see a 404."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from bank.ledger import actions as ledger
from bank.lending import actions, offered, outlook, queries
from bank.lending.models import Application, CreditLimit, LenderPayment, Loan, Offer
from portal.core.templatetags.suanli import time_text, yuan

from .conftest import ACTOR, HOUR, YUAN


@pytest.fixture(autouse=True)
def _today(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


@pytest.fixture
def borrower(client, zhao):
    client.force_login(zhao)
    return client


@pytest.fixture
def banker(song):
    from django.test import Client

    client = Client()
    client.force_login(song)
    return client


def url(name, *args):
    return reverse(f"lending:{name}", args=args)


def confirm(client, response):
    """Press the button of the question."""
    text = response.content.decode()
    assert response.status_code == 200 and 'name="sure"' in text, text
    form = text[text.index('class="ask-again"') :]
    action = re.search(r'action="([^"]+)"', form).group(1)
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    return client.post(action, fields)


ASK = {"resource_class": "cpu", "hours": "100", "amount": "400", "months": "6", "purpose": "A second mould"}


def test_the_whole_story_in_the_browser(desk, borrower, banker):
    question = borrower.post(url("apply", "yongli"), ASK)
    assert "900.00" in question.content.decode() and not Application.objects.exists()
    confirm(borrower, question)
    application = Application.objects.get()
    assert "Yongli Mould" in banker.get(url("loans", "harbour")).content.decode()
    review = banker.get(url("application", "harbour", application.public_id)).content.decode()
    assert "44.4" in review and "495.00" in review and "Nothing can be sold on default yet" in review
    terms = {"amount": "400", "rate": "7.3", "months": "6"}
    question = banker.post(url("make_offer", "harbour", application.public_id), terms)
    assert "Nothing can be sold on default yet" in question.content.decode() and not Offer.objects.exists()
    confirm(banker, question)
    offer = Offer.objects.get()
    assert offer.rate_ppm == 73_000
    page = borrower.get(url("application", "yongli", application.public_id)).content.decode()
    assert "Take it" in page
    question = borrower.post(url("answer", "yongli", offer.public_id), {"verb": "accept"})
    assert desk.wallet() == 0
    confirm(borrower, question)
    loan = Loan.objects.get()
    assert desk.wallet() == 400 * YUAN
    page = borrower.get(url("loan", "yongli", loan.public_id)).content.decode()
    assert "44.4" in page and "6.349206" in page and "nothing is sold automatically" in page
    confirm(borrower, borrower.post(url("repay", "yongli", loan.public_id), {"amount": "150.50"}))
    assert desk.wallet() == 249_500_000
    confirm(borrower, borrower.post(url("repay", "yongli", loan.public_id), {"all": "1"}))
    assert desk.hours() == 200 * HOUR and desk.wallet() == 0
    assert "Repaid" in borrower.get(url("loan", "yongli", loan.public_id)).content.decode()


def test_an_offer_says_all_that_it_means_before_it_is_accepted(desk, borrower, banker):
    application = desk.apply(hours=100, amount_uy=400 * YUAN)
    here = url("application", "yongli", application.public_id)
    waiting = borrower.get(here, headers={"HX-Request": "true"}).content.decode()
    assert f'hx-get="{here}"' in waiting and "<html" not in waiting and "No lender has answered yet" in waiting
    offer = desk.offer(application, 400 * YUAN)
    shown = borrower.get(here, headers={"HX-Request": "true"}).content.decode()
    question = borrower.post(url("answer", "yongli", offer.public_id), {"verb": "accept"}).content.decode()
    found = offered.of(offer, queries.asked([application], desk.now)[0], desk.now)
    assert len(found.payments) == offer.months and found.payments[-1].left_uy == 0
    assert sum(p.principal_uy for p in found.payments) == 400 * YUAN < found.total_uy
    for text in (shown, question):
        assert all(yuan(p.total_uy) in text and time_text(p.due_date, "date") in text for p in found.payments)
        assert yuan(found.total_uy) in text and yuan(found.interest_uy) in text
        assert "Loan at 70 % of the pledge" in text and "Loan at 80 % of the pledge" in text
        assert yuan(found.call.index_uy, "exact") in text and yuan(found.sale.index_uy, "exact") in text
    assert "This offer holds until" in shown and "Lenders may answer until" in shown
    assert not Loan.objects.exists() and desk.wallet() == 0


def test_a_lenders_queue_shows_a_new_application_by_itself(desk, banker):
    here = url("loans", "harbour")
    assert f'hx-get="{here}"' in banker.get(here).content.decode()
    desk.apply(hours=100, amount_uy=400 * YUAN)
    fresh = banker.get(here, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fresh and "Yongli Mould" in fresh and "100.0000" in fresh


def test_a_lenders_masthead_shows_what_can_be_lent(desk, banker, borrower):
    free = queries.lender_cash(desk.lender).free_uy
    assert f'To lend<b class="num">{yuan(free)}</b>' in banker.get(url("loans", "harbour")).content.decode()
    assert "To lend<b" not in borrower.get(url("loans", "yongli")).content.decode()


def test_the_bank_says_why_no_hour_is_free(desk, borrower, yongli):
    bank = f"/c/{yongli.slug}/bank/"
    waits, tied = "Nothing is free yet", "all of yours are pledged or reserved"
    text = borrower.get(bank).content.decode()
    assert waits not in text and tied not in text
    desk.apply(hours=200)
    text = borrower.get(bank).content.decode()
    assert tied in text and waits not in text
    assert "Why no banked hour is free" in text and "200.0000 banked hours are pledged for it" in text


def test_the_bank_leads_to_the_loan_when_every_hour_is_pledged(desk, borrower, yongli):
    loan = desk.loan(hours=200, amount_uy=400 * YUAN)
    found = queries.position(loan, desk.now)
    text = " ".join(borrower.get(f"/c/{yongli.slug}/bank/").content.decode().split())
    assert "Why no banked hour is free" in text
    assert f"CNY {yuan(found.debt_uy)} is owed; next due CNY {yuan(found.next_due_uy)} on" in text
    assert text.count(url("loan", "yongli", loan.public_id)) == 2  # the button, and the sentence
    assert "Run something with my hours" not in text


def test_a_buyer_reads_nothing_of_the_loan_on_the_bank_page(desk, borrower, yongli):
    loan = desk.loan(hours=200, amount_uy=400 * YUAN)
    yongli.memberships.update(role="buyer")
    text = borrower.get(f"/c/{yongli.slug}/bank/").content.decode()
    assert "all of yours are pledged" in text and loan.public_id not in text


def test_hours_that_were_all_used_are_not_called_pledged(desk, borrower, yongli, now):
    claims = desk.books.claims(yongli)
    used = ledger.open(owner=None, kind="clearing_order", asset="CH:CPU", ref="o")
    legs = [ledger.Leg(claims, -200 * HOUR), ledger.Leg(used, 200 * HOUR)]
    ledger.post(key="used", reason="claim_spent", cause="order:o", legs=legs, now=now)
    text = borrower.get(f"/c/{yongli.slug}/bank/").content.decode()
    assert "Nothing is free yet" in text and "pledged or reserved" not in text


def test_pressing_twice_repays_once(desk, borrower):
    loan = desk.loan()
    question = borrower.post(url("repay", "yongli", loan.public_id), {"amount": "10"})
    confirm(borrower, question)
    confirm(borrower, question)
    assert desk.wallet() == 390 * YUAN


def test_what_is_too_much_is_said_on_the_form(desk, borrower):
    page = borrower.post(url("apply", "yongli"), ASK | {"amount": "495.01"})
    assert page.status_code == 422 and "495.00" in page.content.decode()
    page = borrower.post(url("apply", "yongli"), ASK | {"hours": "201", "amount": "1"})
    assert page.status_code == 422
    loan = desk.loan()
    page = borrower.post(url("repay", "yongli", loan.public_id), {"amount": "400.01"})
    assert page.status_code == 422 and desk.wallet() == 400 * YUAN


def test_withdraw_decline_and_no_ask_first(desk, borrower, banker):
    first, second = desk.apply(hours=50, amount_uy=YUAN), desk.apply(hours=50, amount_uy=YUAN)
    confirm(borrower, borrower.post(url("application", "yongli", first.public_id)))
    confirm(banker, banker.post(url("reject", "harbour", second.public_id), {"reason": "too small"}))
    assert "too small" in borrower.get(url("application", "yongli", second.public_id)).content.decode()
    offer = desk.offer(second, YUAN)
    confirm(borrower, borrower.post(url("answer", "yongli", offer.public_id), {"verb": "decline"}))
    offer = desk.offer(second, YUAN)
    confirm(banker, banker.post(url("withdraw_offer", "harbour", offer.public_id)))
    assert sorted(Offer.objects.values_list("state", flat=True)) == ["declined", "withdrawn"]
    assert queries.lender_cash(desk.lender).offered_uy == 0


def test_more_hours_can_be_pledged(desk, borrower):
    loan = desk.loan()
    confirm(borrower, borrower.post(url("pledge", "yongli", loan.public_id), {"hours": "12.5"}))
    assert desk.hours("pledged") == 112 * HOUR + HOUR // 2


def test_a_margin_call_is_shown_to_both(desk, borrower, banker, now):
    loan = desk.loan()
    desk.index(6 * YUAN)
    actions.check_margins(now=now)
    for client, slug in ((borrower, "yongli"), (banker, "harbour")):
        page = client.get(url("loan", slug, loan.public_id)).content.decode()
        assert "Margin call" in page and "22.01" in page and "26 Nov 2026" in page
    assert "1 margin call" in banker.get(url("loans", "harbour")).content.decode()
    shown = queries.position(loan, now).cure_shown_cms
    assert f"{shown / HOUR:.2f}" in page and shown % (HOUR // 10) == 0
    asked = {"hours": f"{shown / HOUR:.1f}"}  # what the page names is enough
    confirm(borrower, borrower.post(url("pledge", "yongli", loan.public_id), asked))
    assert Loan.objects.get().state == "active"


def test_the_credit_line_is_repaid_by_a_button(desk, borrower, yongli, now):
    from tests.bank.lending.test_credit import drawn

    actions.set_limit(organisation=yongli, limit_uy=200 * YUAN, reason="regular", now=now, actor=ACTOR)
    drawn(yongli, now, 80 * YUAN)
    desk.books.top_up(yongli, 100 * YUAN)
    page = borrower.get(url("loans", "yongli")).content.decode()
    assert "120.00" in page and "80.00" in page
    confirm(borrower, borrower.post(url("credit", "yongli"), {"amount": "30"}))
    assert queries.credit(yongli).used_uy == 50 * YUAN and desk.wallet() == 70 * YUAN
    assert borrower.post(url("credit", "yongli"), {"amount": "51"}).status_code == 422
    assert borrower.post(url("credit", "yongli"), {"amount": "51", "sure": "1"}).status_code == 422
    question = borrower.post(url("credit", "yongli"), {"amount": "", "all": "1"})
    for _ in range(2):
        confirm(borrower, question)
    assert queries.credit(yongli).used_uy == 0 and desk.wallet() == 20 * YUAN


def test_strangers_and_the_other_side_get_a_404(desk, borrower, banker, client, lin, jiangnan):
    loan, application = desk.loan(), desk.apply(hours=50, amount_uy=YUAN)
    offer = desk.offer(application, YUAN)
    for path in (
        url("apply", "harbour"),
        url("repay", "harbour", loan.public_id),
        url("loans", "yongli"),
        url("answer", "harbour", offer.public_id),
    ):
        assert banker.get(path).status_code == 404
    assert borrower.post(url("make_offer", "yongli", application.public_id)).status_code == 404
    assert borrower.post(url("withdraw_offer", "yongli", offer.public_id)).status_code == 404
    client.force_login(lin)
    for path in (
        url("loan", "jiangnan", loan.public_id),
        url("application", "jiangnan", application.public_id),
        url("answer", "jiangnan", offer.public_id),
        url("loans", "harbour"),
    ):
        assert client.get(path).status_code == 404


def test_a_buyer_may_not_borrow(client, bo, mei, jiangnan):
    client.force_login(bo)
    assert client.get(url("loans", "jiangnan")).status_code == 403
    client.force_login(mei)
    assert client.get(url("loans", "jiangnan")).status_code == 200


def test_in_chinese_too(desk, borrower, banker):
    loan = desk.loan()
    for client, path in (
        (borrower, url("loans", "yongli")),
        (borrower, url("loan", "yongli", loan.public_id)),
        (borrower, url("apply", "yongli")),
        (banker, url("loans", "harbour")),
    ):
        assert client.get(path, headers={"accept-language": "zh-hans"}).status_code == 200


def test_a_longer_list_takes_no_more_queries(desk, borrower, banker, django_assert_num_queries):
    def count(client, path):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        return len(seen)

    desk.offer(desk.apply(hours=1, amount_uy=YUAN), YUAN)
    desk.loan(hours=90)
    paths = [(borrower, url("loans", "yongli")), (banker, url("loans", "harbour"))]
    before = [count(*p) for p in paths]
    desk.books.earn(desk.borrower, 300 * HOUR)
    for _ in range(4):
        desk.offer(desk.apply(hours=10, amount_uy=YUAN), YUAN)
        desk.apply(hours=10, amount_uy=YUAN)
    offers = [desk.offer(desk.apply(hours=10, amount_uy=YUAN), YUAN) for _ in range(3)]
    for offer in offers:
        actions.accept(offer=offer, now=desk.now, actor=ACTOR)
    assert [count(*p) for p in paths] == before
    assert before == [22, 17]


def test_staff_grant_a_limit_and_book_a_lenders_payment(client, chen, jiangnan, harbour):
    client.force_login(chen)
    given = {"organisation": jiangnan.pk, "limit": "200.50", "reason": "regular"}
    shown = client.post(reverse("admin:lending_creditlimit_add"), given)
    assert shown.status_code == 200
    assert "CNY 200.50" in shown.content.decode()
    assert queries.credit(jiangnan).left_uy == 0
    given["sure"] = "200.50"
    assert client.post(reverse("admin:lending_creditlimit_add"), given).status_code == 302
    assert queries.credit(jiangnan).left_uy == 200_500_000
    paid = {"lender": harbour.pk, "amount": "5000", "bank_reference": "B-77", "sure": "5000"}
    assert client.post(reverse("admin:lending_lenderpayment_add"), paid).status_code == 302
    assert client.post(reverse("admin:lending_lenderpayment_add"), paid).status_code == 200
    assert queries.lender_cash(harbour).free_uy == 5000 * YUAN
    for model, row in (
        ("creditlimit", CreditLimit.objects.get()),
        ("lenderpayment", LenderPayment.objects.get()),
    ):
        assert client.get(reverse(f"admin:lending_{model}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:lending_{model}_change", args=[row.pk])).status_code == 200
    for model in ("application", "offer", "loan"):
        assert client.get(reverse(f"admin:lending_{model}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:lending_{model}_add")).status_code == 403


def test_what_hours_count_for_is_one_figure_on_the_list_the_form_and_the_question(desk, borrower):
    """200 hours at CNY 10.000047 count for 1,800.00846 of their worth: the nearest fen would be above that."""
    desk.index(10_000_047)
    assert queries.pledgeable(desk.borrower, desk.now)[0].value_uy == 1_800_008_460
    pages = [
        borrower.get(url("loans", "yongli")),
        borrower.get(url("apply", "yongli")),
        borrower.post(url("apply", "yongli"), {**ASK, "hours": "200"}),
    ]
    for page in pages:
        text = page.content.decode()
        assert "1,800.00" in text and "1,800.01" not in text


def test_before_the_pledge_a_missed_payment_an_early_one_and_the_wait_are_told(desk, borrower):
    def told() -> list[str]:
        pages = [borrower.get(url("apply", "yongli")), borrower.post(url("apply", "yongli"), ASK)]
        return [" ".join(page.content.decode().split()) for page in pages]

    for text in told():
        assert "there is no late fee" in text and "on any day, costs nothing" in text
        assert "no application here has got an offer so far" in text
    first, second = desk.apply(hours=10, amount_uy=YUAN), desk.apply(hours=10, amount_uy=YUAN)
    Application.objects.filter(pk=first.pk).update(created_at=desk.now - timedelta(hours=3))
    Application.objects.filter(pk=second.pk).update(created_at=desk.now - timedelta(hours=30))
    desk.offer(first, YUAN)
    assert "the one application here that got an offer had it within 3 hours" in told()[0]
    desk.offer(second, YUAN)
    assert outlook.answers() == outlook.Answers(2, timedelta(hours=3), timedelta(hours=30))
    assert not Loan.objects.exists()


def test_a_missed_instalment_costs_no_fee_and_joins_the_next_one(desk):
    """What the page promises is what the books do: a month later nothing but the nights' interest was added."""
    made = actions.accept(offer=desk.offer(desk.apply()), now=desk.now, actor=ACTOR)
    late = queries.position(made, desk.now + timedelta(days=40))
    plan = late.schedule
    assert late.debt_uy == 400 * YUAN + late.interest_uy
    assert late.interest_uy == 400 * YUAN * 73_000 * 40 // (365 * 1_000_000) // 10_000 * 10_000 == 3_200_000
    assert late.next_due.principal_uy == plan[0].principal_uy + plan[1].principal_uy
    assert desk.wallet() == 400 * YUAN


def test_hours_that_let_nobody_borrow_say_what_to_do_instead_of_a_button(desk, borrower):
    apply = url("apply", "yongli")
    assert f'href="{apply}"' in borrower.get(url("loans", "yongli")).content.decode()
    desk.index(1)  # 200 hours count for less than a fen
    page = " ".join(borrower.get(url("loans", "yongli")).content.decode().split())
    assert f'href="{apply}"' not in page
    assert "too few to borrow against" in page and "Bank more hours" in page and "to borrow CNY 1." in page
