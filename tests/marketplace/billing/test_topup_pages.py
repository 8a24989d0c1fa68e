"""The page of an announced bank transfer."""

import pytest

from bank.ledger import queries as books
from marketplace.billing import actions, demo, purses
from marketplace.billing.models import Booking, TopUp
from portal import policy
from portal.accounts.models import Membership, User
from portal.core.errors import Refused
from portal.core.money import CNY_UY as YUAN
from portal.history.models import Step

pytestmark = pytest.mark.django_db


def test_a_top_up_says_where_to_pay_whom_to_ask_and_in_a_demonstration_that_nothing_is_to_be_sent(
    client, bo, jiangnan, now, settings, monkeypatch
):
    topup = actions.request_topup(organisation=jiangnan, amount_uy=58 * YUAN, user=bo, now=now, actor="user:1")
    client.force_login(bo)
    address = f"/c/jiangnan/wallet/top-up/{topup.public_id}/"
    settings.DEMO = True
    page = client.get(address).content.decode()
    assert "Demonstration: send nothing" in page and "0000 0000 0000 0000" in page
    settings.DEMO = False
    page = client.get(address).content.decode()
    assert "has not said yet which account" in page and "0000 0000" not in page
    for name, value in {"BANK_HOLDER": "Hangzhou Computing", "BANK_NAME": "ICBC", "BANK_NUMBER": "6222 0211"}.items():
        monkeypatch.setattr(f"portal.policy.{name}", value)
    monkeypatch.setattr("portal.policy.CONTACT", "0571 1234567")
    page = client.get(address).content.decode()
    assert all(text in page for text in ("Hangzhou Computing", "ICBC", "6222 0211"))
    assert '<a href="tel:05711234567">0571 1234567</a>' in page
    assert "Demonstration: send nothing" not in page and "has not said yet" not in page


@pytest.fixture
def clerks(platform):
    """The two people of the demonstration's desk."""
    type(platform).objects.filter(pk=platform.pk).update(is_demo=True)
    made = []
    for name in ("staff", "staff2"):
        user = User.objects.create_user(f"{name}@suanli.test", "pass", is_staff=True)
        Membership.objects.create(user=user, organisation=platform, role="owner", created_at=platform.created_at)
        made.append(user)
    return made


def wallet(company):
    return books.balance(purses.wallet_of(company)).posted


def test_in_a_demonstration_its_clerk_books_the_transfer_and_stands_in_the_history(
    client, bo, jiangnan, clerks, now, settings
):
    settings.DEMO = True
    topup = actions.request_topup(organisation=jiangnan, amount_uy=58 * YUAN, user=bo, now=now, actor="user:1")
    client.force_login(bo)
    address, before = f"/c/jiangnan/wallet/top-up/{topup.public_id}/", wallet(jiangnan)
    assert 'value="demo"' in client.get(address).content.decode()
    for _ in range(2):  # pressed twice: once in the books
        client.post(address, {"do": "demo"})
    topup.refresh_from_db()
    assert topup.state == TopUp.State.BOOKED and wallet(jiangnan) == before + 58 * YUAN
    assert topup.bank_reference == f"DEMO-{topup.reference}"
    step = Step.objects.get(subject=f"topup:{topup.public_id}", after=TopUp.State.BOOKED)
    assert step.actor == f"user:{clerks[0].pk}"


def test_what_needs_two_of_the_desk_is_confirmed_by_the_second_clerk(jiangnan, bo, clerks, now, settings):
    settings.DEMO = True
    amount = policy.TWO_PERSONS_ABOVE_UY + YUAN
    topup = actions.request_topup(organisation=jiangnan, amount_uy=amount, user=bo, now=now, actor="user:1")
    demo.book(topup=topup, now=now)
    booking = Booking.objects.get(topup=topup)
    assert (booking.asked_by, booking.decided_by) == tuple(clerks)
    topup.refresh_from_db()
    assert topup.state == TopUp.State.BOOKED and topup.booked_uy == amount


def test_in_production_there_is_no_such_button_and_asking_for_it_changes_nothing(
    client, bo, jiangnan, clerks, now, settings
):
    settings.DEMO = False
    topup = actions.request_topup(organisation=jiangnan, amount_uy=58 * YUAN, user=bo, now=now, actor="user:1")
    client.force_login(bo)
    address, before = f"/c/jiangnan/wallet/top-up/{topup.public_id}/", wallet(jiangnan)
    assert 'value="demo"' not in client.get(address).content.decode()
    assert client.post(address, {"do": "demo"}).status_code == 404
    with pytest.raises(Refused):
        demo.book(topup=topup, now=now)
    topup.refresh_from_db()
    assert topup.state == TopUp.State.WAITING and wallet(jiangnan) == before
    assert not Booking.objects.exists()
