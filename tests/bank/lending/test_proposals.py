"""A large credit limit and a large lender's payment are in force only after a second member of staff."""

import pytest
from django.urls import reverse

from bank.lending import actions, queries
from bank.lending.models import CreditLimit, LenderPayment, Proposal
from portal import policy
from portal.core.errors import Refused
from portal.history.models import Step

from .conftest import YUAN

pytestmark = pytest.mark.django_db
LIMIT = policy.TWO_PERSONS_ABOVE_UY


@pytest.fixture
def grant(jiangnan, wang, now):
    return lambda limit_uy, user=wang: actions.propose_limit(
        organisation=jiangnan, limit_uy=limit_uy, reason="regular", user=user, now=now
    )


@pytest.fixture
def pay(harbour, wang, now):
    return lambda amount_uy, reference="B-1", user=wang: actions.propose_payment(
        lender=harbour, amount_uy=amount_uy, bank_reference=reference, user=user, now=now
    )


def everything() -> tuple:
    return (
        CreditLimit.objects.count(), LenderPayment.objects.count(), Step.objects.count(),
        list(Proposal.objects.order_by("pk").values_list("state", "decided_by")),
    )  # fmt: skip


def refused(act, code: str) -> None:
    before = everything()
    with pytest.raises(Refused) as refusal:
        act()
    assert (refusal.value.code, everything()) == (code, before)


def test_a_limit_up_to_the_amount_is_in_force_at_once(grant, jiangnan):
    assert isinstance(grant(LIMIT), CreditLimit)
    assert queries.credit(jiangnan).limit_uy == LIMIT


def test_a_higher_one_is_in_force_after_a_second_person(grant, jiangnan, wang, fang, now):
    asked = grant(LIMIT + 1)
    assert (asked.state, queries.credit(jiangnan).limit_uy) == ("waiting", 0)
    refused(lambda: actions.confirm(proposal=asked, user=wang, now=now), "second_person_needed")
    actions.confirm(proposal=asked, user=fang, now=now)
    assert (asked.state, queries.credit(jiangnan).limit_uy) == ("done", LIMIT + 1)
    refused(lambda: actions.confirm(proposal=asked, user=fang, now=now), "bad_move")


def test_a_lower_one_needs_one_person_also_above_the_amount(grant, jiangnan, fang, now):
    actions.confirm(proposal=grant(3 * LIMIT), user=fang, now=now)
    assert isinstance(grant(2 * LIMIT), CreditLimit)
    assert queries.credit(jiangnan).limit_uy == 2 * LIMIT


def test_one_limit_waits_at_a_time_and_the_same_again_is_the_first(grant, fang):
    first = grant(2 * LIMIT)
    before = everything()
    assert grant(2 * LIMIT) == first
    assert everything() == before
    refused(lambda: grant(3 * LIMIT), "limit_waits")
    refused(lambda: grant(LIMIT, fang), "limit_waits")


def test_a_limit_that_is_another_one_meanwhile_is_not_overwritten(grant, jiangnan, fang, now):
    asked = grant(2 * LIMIT)
    actions.set_limit(organisation=jiangnan, limit_uy=5 * YUAN, reason="late", now=now, actor="user:9")
    refused(lambda: actions.confirm(proposal=Proposal.objects.get(), user=fang, now=now), "stale")
    actions.give_up(proposal=asked, reason="no longer", user=fang, now=now)
    assert (asked.state, queries.credit(jiangnan).limit_uy) == ("declined", 5 * YUAN)


def test_a_large_payment_is_booked_after_a_second_person_and_once(pay, harbour, wang, fang, now):
    asked = pay(LIMIT + 1)
    assert pay(LIMIT + 1) == asked
    assert queries.lender_cash(harbour).free_uy == 0
    refused(lambda: pay(LIMIT + 1, user=fang), "payment_known")
    refused(lambda: actions.confirm(proposal=asked, user=wang, now=now), "second_person_needed")
    actions.confirm(proposal=asked, user=fang, now=now)
    assert queries.lender_cash(harbour).free_uy == LIMIT + 1
    refused(lambda: pay(LIMIT + 1), "payment_known")
    assert isinstance(pay(LIMIT, "B-2"), LenderPayment)


def test_who_asked_withdraws_with_a_reason(pay, harbour, wang, now):
    asked = pay(2 * LIMIT)
    refused(lambda: actions.give_up(proposal=asked, reason=" ", user=wang, now=now), "reason_needed")
    actions.give_up(proposal=asked, reason="misread", user=wang, now=now)
    assert (asked.state, queries.lender_cash(harbour).free_uy) == ("withdrawn", 0)


def test_the_desk_shows_before_and_after_and_asks_a_second_person(client, jiangnan, wang, fang):
    add = reverse("admin:lending_creditlimit_add")
    client.force_login(wang)
    sent = {"organisation": jiangnan.pk, "limit": "60000", "reason": "regular"}
    shown = client.post(add, sent).content.decode()
    assert "CNY 0.00" in shown
    assert "CNY 60,000.00" in shown
    assert "a second person must confirm it" in shown
    client.post(add, {**sent, "sure": "60000"})
    asked = Proposal.objects.get()
    decide = reverse("admin:lending_proposal_decide", args=[asked.pk])
    change = reverse("admin:lending_proposal_change", args=[asked.pk])
    assert 'name="confirm"' not in client.get(change).content.decode()
    client.post(decide, {"confirm": "1"})
    assert queries.credit(jiangnan).limit_uy == 0
    client.force_login(fang)
    assert 'name="confirm"' in client.get(change).content.decode()
    client.post(decide, {"confirm": "1"})
    client.post(decide, {"confirm": "1"})
    assert queries.credit(jiangnan).limit_uy == 60_000 * YUAN
    row = CreditLimit.objects.get()
    assert "fang@suanli.test" in client.get(reverse("admin:lending_creditlimit_changelist")).content.decode()
    assert "user:" not in client.get(reverse("admin:lending_creditlimit_change", args=[row.pk])).content.decode()


def test_the_second_person_reads_what_will_be_before_deciding(client, grant, pay, harbour, jiangnan, fang):
    limit, payment = grant(LIMIT + YUAN), pay(LIMIT + 2 * YUAN)
    client.force_login(fang)
    cases = [(limit, ("Limit now", 0, "Limit afterwards", LIMIT + YUAN)),
             (payment, ("Free to lend now", 0, "Free to lend afterwards", LIMIT + 2 * YUAN))]  # fmt: skip
    for proposal, told in cases:
        page = client.get(reverse("admin:lending_proposal_change", args=[proposal.pk])).content.decode()
        for label, amount in zip(told[::2], told[1::2], strict=True):
            assert f"<dt>{label}</dt><dd>CNY {amount / YUAN:,.2f}</dd>" in page
