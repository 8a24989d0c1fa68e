"""Money comes in: the welcome credit, and bank transfers that staff book."""

import pytest

from bank.ledger import queries as books
from bank.ledger.chart import Kind
from bank.ledger.models import Journal
from marketplace.billing import actions as billing
from marketplace.billing.models import TopUp
from portal.core.errors import Refused, Stale

pytestmark = pytest.mark.django_db
ACTOR = "user:1"


def available(company) -> int:
    return books.balance(billing.wallet_of(company)).available


@pytest.fixture
def announced(jiangnan, mei, now):
    return billing.request_topup(organisation=jiangnan, amount_uy=300_000_000, user=mei, now=now, actor=ACTOR)


def test_a_new_wallet_opens_with_a_booked_grant_of_100_yuan(jiangnan, now):
    billing.ensure_wallet(jiangnan, now)
    assert available(jiangnan) == 100_000_000
    grants = books.find(owner=None, kind=Kind.GRANTS)
    assert books.balance(grants).posted == -100_000_000


def test_the_welcome_credit_is_given_once(jiangnan, now, later):
    billing.ensure_wallet(jiangnan, now)
    billing.ensure_wallet(jiangnan, later(days=1))
    assert available(jiangnan) == 100_000_000
    assert Journal.objects.count() == 1


def test_an_announced_transfer_moves_nothing(announced, jiangnan):
    assert announced.reference.startswith("SL-")
    assert available(jiangnan) == 0


def test_what_arrives_is_what_goes_into_the_wallet(announced, jiangnan, later):
    billing.book_payment(
        topup=announced, amount_uy=299_990_000, bank_reference="B-1", now=later(hours=1), actor=ACTOR, reason="A fee."
    )
    assert available(jiangnan) == 299_990_000
    assert announced.state == TopUp.State.BOOKED


def test_a_transfer_is_booked_once(announced, jiangnan, later):
    again = TopUp.objects.get(pk=announced.pk)
    billing.book_payment(topup=announced, amount_uy=300_000_000, bank_reference="B-1", now=later(hours=1), actor=ACTOR)
    with pytest.raises(Stale):
        billing.book_payment(topup=again, amount_uy=300_000_000, bank_reference="B-2", now=later(hours=1), actor=ACTOR)
    assert available(jiangnan) == 300_000_000


def test_one_bank_payment_is_not_booked_for_two_codes(announced, jiangnan, mei, now, later):
    other = billing.request_topup(organisation=jiangnan, amount_uy=5_000_000, user=mei, now=now, actor=ACTOR)
    billing.book_payment(topup=announced, amount_uy=300_000_000, bank_reference="B-1", now=later(hours=1), actor=ACTOR)
    with pytest.raises(Refused) as refused:
        billing.book_payment(topup=other, amount_uy=5_000_000, bank_reference="B-1", now=later(hours=1), actor=ACTOR)
    assert refused.value.code == "payment_booked_before"
    assert available(jiangnan) == 300_000_000
    assert TopUp.objects.get(pk=other.pk).state == TopUp.State.WAITING


@pytest.mark.parametrize("amount", [0, -1, 5_000, 10_005_000 + 1])
def test_odd_amounts_are_refused(jiangnan, mei, now, amount):
    with pytest.raises(Refused):
        billing.request_topup(organisation=jiangnan, amount_uy=amount, user=mei, now=now, actor=ACTOR)
    assert not TopUp.objects.exists()


def test_staff_book_a_payment_in_the_admin(client, chen, announced, jiangnan):
    client.force_login(chen)
    queue = client.get("/admin/billing/topup/")
    assert announced.reference in queue.content.decode()
    assert client.get(f"/admin/billing/topup/{announced.pk}/change/").status_code == 200
    done = client.post(f"/admin/billing/topup/{announced.pk}/book/", {"amount": "300.00", "bank_reference": "B-9"})
    assert done.status_code == 302
    assert available(jiangnan) == 300_000_000


def test_a_stranger_sees_neither_wallet_nor_top_up(client, zhao, jiangnan, announced):
    client.force_login(zhao)
    for page in ("wallet/", "wallet/top-up/", f"wallet/top-up/{announced.public_id}/"):
        assert client.get(f"/c/jiangnan/{page}").status_code == 404


def test_the_page_of_a_transfer_says_when_the_money_is_there(client, mei, announced, later):
    client.force_login(mei)
    address = f"/c/jiangnan/wallet/top-up/{announced.public_id}/"
    assert announced.reference in client.get(address).content.decode()
    billing.book_payment(topup=announced, amount_uy=300_000_000, bank_reference="B-1", now=later(hours=1), actor=ACTOR)
    fragment = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "The money is in the wallet" in fragment
    assert "<html" not in fragment
