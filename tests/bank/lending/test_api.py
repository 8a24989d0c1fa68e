"""The same story for programs: pledge, offer, accept, repay; a repeated key does it once."""

import pytest
from django.test import Client

from bank.lending import queries
from bank.lending.models import Application, Loan, Offer, Repayment
from portal.accounts.actions import create_key

from .conftest import HOUR, YUAN

ASK = {"asset": "CH:CPU", "pledge_cms": str(100 * HOUR), "amount_uy": str(400 * YUAN), "months": 6, "purpose": "Mould"}


@pytest.fixture(autouse=True)
def _today(monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now)


def program(company, user, now, scopes=("read", "finance")):
    _key, secret = create_key(organisation=company, user=user, name="books", scopes=list(scopes), now=now, actor="test")

    def call(path, body=None, key="k"):
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
        if body is None:
            return Client().get(f"/api/v1/{path}", headers=headers)
        return Client().post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    return call


@pytest.fixture
def factory(yongli, zhao, now):
    return program(yongli, zhao, now)


@pytest.fixture
def lender(harbour, song, now):
    return program(harbour, song, now)


def test_the_whole_story_over_rest(desk, factory, lender):
    made = factory("loan-applications/", ASK)
    assert made.status_code == 201, made.content
    public_id = made.json()["public_id"]
    assert desk.hours("pledged") == 100 * HOUR
    seen = lender("loan-applications/").json()["items"]
    assert [(row["public_id"], row["company"], "offers" in row) for row in seen] == [
        (public_id, "Yongli Mould 永利模具", False)
    ]
    terms = {"amount_uy": str(400 * YUAN), "rate_ppm": 73_000, "months": 6}
    offered = lender(f"loan-applications/{public_id}/offers/", terms)
    assert offered.status_code == 201, offered.content
    taken = factory(f"loan-offers/{offered.json()['public_id']}/accept/", {}, key="k2")
    assert taken.status_code == 201, taken.content
    assert (taken.json()["debt_uy"], taken.json()["ltv_ppm"]) == ("400000000", 444_445)
    loan = taken.json()["public_id"]
    assert [row["public_id"] for row in lender("loans/").json()["items"]] == [loan]
    for _ in range(2):
        paid = factory(f"loans/{loan}/repayments/", {"amount_uy": str(100 * YUAN)}, key="k3")
        assert paid.status_code == 201 and paid.json()["principal_uy"] == "100000000"
    assert Repayment.objects.count() == 1 and desk.wallet() == 300 * YUAN
    assert factory(f"loans/{loan}/repayments/", {}, key="k4").status_code == 201
    assert Loan.objects.get().state == "repaid" and desk.hours() == 200 * HOUR
    assert len(factory(f"loans/{loan}/repayments/").json()["items"]) == 2


def test_a_refusal_changes_nothing(desk, factory, lender, totals):
    before = totals()
    answer = factory("loan-applications/", ASK | {"amount_uy": str(495 * YUAN + 10_000)})
    assert answer.status_code == 409 and answer.json()["error"]["code"] == "above_ltv"
    answer = factory("loan-applications/", ASK | {"amount_uy": str(494 * YUAN + 1)}, key="k3")
    assert answer.status_code == 400 and "multiple of 10000" in answer.content.decode()
    assert factory("loan-applications/", ASK | {"asset": "CH:NONE"}, key="k2").status_code == 404
    assert totals() == before and not Application.objects.exists()


def test_nobody_elses_loan_is_there(desk, factory, lender, jiangnan, lin, now):
    loan = desk.loan()
    offer = desk.offer(desk.apply(hours=50, amount_uy=YUAN), YUAN)
    other = program(jiangnan, lin, now)
    assert other("loans/").json()["items"] == [] and other("loan-applications/").json()["items"] == []
    assert other(f"loans/{loan.public_id}/repayments/").status_code == 404
    for call in (other, lender):
        assert call(f"loans/{loan.public_id}/repayments/", {}, key="a").status_code == 404
        assert call(f"loan-offers/{offer.public_id}/accept/", {}, key="b").status_code == 404
    terms = {"amount_uy": "1", "rate_ppm": 1, "months": 1}
    path = f"loan-applications/{offer.application.public_id}/offers/"
    assert other(path, terms).status_code == 404 and factory(path, terms).status_code == 404
    assert Offer.objects.count() == 2 and queries.lender_cash(desk.lender).offered_uy == YUAN


def test_a_key_without_the_right_may_not(desk, yongli, zhao, now):
    call = program(yongli, zhao, now, scopes=("read", "order"))
    assert call("loans/").status_code == 403
    assert call("loan-applications/", ASK).status_code == 403
    assert not Application.objects.exists()
