"""Whoever of the desk belongs to a company decides nothing about it; a colleague does."""

import pytest

from bank.ledger.models import Hold, Posting
from bank.lending import actions as lending
from marketplace.billing import actions as billing
from marketplace.billing import bookings, corrections, withdrawals
from marketplace.billing.models import Booking, Correction, TopUp, Withdrawal
from marketplace.catalogue.models import Offering
from marketplace.dispatch.models import Site
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.history.models import Step
from tests.conftest import NOW, join

pytestmark = pytest.mark.django_db
YUAN = 1_000_000
TODAY = NOW.date()
SAID = "somebody else on the desk decides"


def everything() -> tuple:
    rows = (Organisation, Offering, Site, TopUp, Booking, Correction, Withdrawal, Hold)
    return (
        [list(model.objects.order_by("pk").values_list("pk", "state")) for model in rows],
        list(Posting.objects.order_by("pk").values_list("account", "amount")),
        Step.objects.count(),
    )


def announced(company, amount_uy: int = 500 * YUAN) -> TopUp:
    return billing.request_topup(organisation=company, amount_uy=amount_uy, user=None, now=NOW, actor="user:1")


def booked(company, amount_uy: int = 500 * YUAN) -> TopUp:
    return billing.book_payment(
        topup=announced(company, amount_uy), amount_uy=amount_uy, bank_reference=f"B-{amount_uy}", now=NOW,
        actor="user:1",
    )  # fmt: skip


@pytest.fixture
def money(jiangnan, wang, fang):
    """Every decision about the company's money that waits for one press, each as (user) → what is done."""
    paid = booked(jiangnan)
    large, waits = booked(jiangnan, 20_000 * YUAN), announced(jiangnan, 20_001 * YUAN)
    reason, by = {"reason": "as the bank says"}, {"user": fang, "now": NOW}
    entered = bookings.book(topup=waits, amount_uy=waits.amount_uy, bank_reference="B-9", **by)
    asked = corrections.correct(topup=large, booking=corrections.booking_of(large), to_uy=0, **reason, **by)
    limit = lending.propose_limit(organisation=jiangnan, limit_uy=50_000 * YUAN, **reason, **by)
    drawn, begun, sent = (
        withdrawals.ask(
            organisation=jiangnan, amount_uy=100 * YUAN, bank_name="ICBC", account_number="62220211", key=str(n),
            user=None, now=NOW, actor="user:1",
        )
        for n in range(3)
    )  # fmt: skip
    for row in (begun, sent):
        withdrawals.begin(withdrawal=row, **by)
    withdrawals.pay(withdrawal=sent, bank_reference="OUT-0", paid_on=TODAY, **by)
    first = announced(jiangnan)
    return {
        "book": lambda **who: bookings.book(topup=first, amount_uy=first.amount_uy, bank_reference="B-1", **who),
        "unannounced": lambda **who: bookings.unannounced(
            organisation=jiangnan, amount_uy=YUAN, bank_reference="B-2", **reason, **who
        ),
        "confirm a booking": lambda **who: bookings.confirm(booking=entered, **who),
        "decline a booking": lambda **who: bookings.decline(booking=entered, **reason, **who),
        "correct": lambda **who: corrections.correct(
            topup=paid, booking=corrections.booking_of(paid), to_uy=YUAN, **reason, **who
        ),
        "confirm a correction": lambda **who: corrections.confirm(correction=asked, **who),
        "execute a correction": lambda **who: corrections.execute(correction=asked, **who),
        "decline a correction": lambda **who: corrections.decline(correction=asked, **reason, **who),
        "begin": lambda **who: withdrawals.begin(withdrawal=drawn, **who),
        "pay": lambda **who: withdrawals.pay(withdrawal=begun, bank_reference="OUT-1", paid_on=TODAY, **who),
        "refuse": lambda **who: withdrawals.refuse(withdrawal=drawn, **reason, **who),
        "came back": lambda **who: withdrawals.came_back(withdrawal=sent, **reason, **who),
        "limit": lambda **who: lending.propose_limit(organisation=jiangnan, limit_uy=YUAN, **reason, **who),
        "confirm a limit": lambda **who: lending.confirm(proposal=limit, **who),
        "decline a limit": lambda **who: lending.give_up(proposal=limit, **reason, **who),
    }


def test_nobody_decides_about_the_money_of_a_company_he_belongs_to(money, jiangnan, wang):
    join(wang, jiangnan, "finance")
    before = everything()
    for what, act in money.items():
        with pytest.raises(Refused) as refused:
            act(user=wang, now=NOW)
        assert (what, refused.value.code, everything()) == (what, "own_company", before)
    assert SAID in str(refused.value) and jiangnan.name in str(refused.value)


@pytest.mark.parametrize("what", ["book", "confirm a booking", "confirm a correction", "begin", "confirm a limit"])
def test_a_colleague_decides(money, jiangnan, wang, fang, chen, what):
    join(fang, jiangnan, "finance")
    join(chen, jiangnan, "owner")  # neither a superuser's membership nor another's hinders him
    before = everything()
    money[what](user=wang, now=NOW)
    assert everything() != before


def test_a_lenders_payment_is_booked_by_somebody_who_is_not_of_the_lender(harbour, wang, fang):
    join(wang, harbour, "owner")
    paid = {"lender": harbour, "amount_uy": YUAN, "bank_reference": "B-1", "now": NOW}
    before = everything()
    with pytest.raises(Refused, match=SAID):
        lending.propose_payment(user=wang, **paid)
    assert everything() == before
    assert lending.propose_payment(user=fang, **paid).amount_uy == YUAN


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_approves_a_company_of_his_own(client, jiangnan, wang, superuser):
    Organisation.objects.filter(pk=jiangnan.pk).update(state="registered")
    type(wang).objects.filter(pk=wang.pk).update(is_superuser=superuser)
    client.force_login(wang)
    page = f"/admin/accounts/organisation/{jiangnan.pk}/change/"
    assert SAID not in client.get(page).content.decode()
    join(wang, jiangnan, "owner")
    before = everything()
    for what in ("approve", "ask", "suspend"):
        sent = client.post(
            f"/admin/accounts/organisation/{jiangnan.pk}/{what}/decide/", {"sure": "1", "text": "x"}, follow=True
        )
        assert SAID in sent.content.decode() and everything() == before
    shown = client.get(page).content.decode()
    assert SAID in shown and "approve/decide/" not in shown


def test_the_operators_own_organisation_is_the_desks_to_decide(platform, wang):
    join(wang, platform, "owner")
    assert bookings.book(
        topup=announced(platform, YUAN), amount_uy=YUAN, bank_reference="B-1", user=wang, now=NOW
    ) is None  # fmt: skip
