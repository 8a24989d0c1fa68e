"""Cash goes out: reserved at once, paid by staff through the bank, taken back, refused, or returned. Once each."""

from datetime import date, timedelta

import pytest

from bank.ledger import actions as ledger
from bank.ledger import proof
from bank.ledger import queries as books
from bank.ledger.chart import Kind
from bank.ledger.models import Hold, Posting
from marketplace.billing import actions as billing
from marketplace.billing import months, queries, withdrawals
from marketplace.billing.models import Withdrawal
from marketplace.billing.rating import Line, Rated
from portal.accounts.models import Organisation
from portal.core.errors import Refused, Stale
from portal.history.models import Step
from tests.conftest import NOW, make_user

pytestmark = pytest.mark.django_db
YUAN = 1_000_000
TODAY = date(2026, 11, 23)
ACCOUNT = "6222 0211-0200 3344"


def top_up(company, amount_uy: int, number: str = "B-1") -> None:
    topup = billing.request_topup(organisation=company, amount_uy=amount_uy, user=None, now=NOW, actor="user:1")
    billing.book_payment(topup=topup, amount_uy=amount_uy, bank_reference=number, now=NOW, actor="user:1")


@pytest.fixture
def rich(jiangnan):
    """CNY 100 of welcome credit and CNY 500 of its own."""
    billing.ensure_wallet(jiangnan, NOW)
    top_up(jiangnan, 500 * YUAN)
    return jiangnan


@pytest.fixture
def wu(db):
    return make_user("wu@suanli.test", is_staff=True, is_superuser=True)


def ask(company, amount_uy: int, key: str = "1", **kwargs) -> Withdrawal:
    asked = {"bank_name": "ICBC Hangzhou", "account_number": ACCOUNT, "user": None, "now": NOW, "actor": "user:1"}
    return withdrawals.ask(organisation=company, amount_uy=amount_uy, key=key, **{**asked, **kwargs})


def pay(row, user, number: str = "OUT-1", paid_on: date = TODAY) -> Withdrawal:
    return withdrawals.pay(withdrawal=row, bank_reference=number, paid_on=paid_on, user=user, now=NOW)


def begun(row, user) -> Withdrawal:
    return withdrawals.begin(withdrawal=row, user=user, now=NOW)


def paid(row, user) -> Withdrawal:
    return pay(begun(row, user), user)


def money(company) -> tuple[int, int, int]:
    """(in the wallet, reserved of it, cash that came out of the platform's bank and is still inside)."""
    wallet = books.balance(billing.wallet_of(company))
    return wallet.posted, wallet.held, -books.balance(ledger.open(owner=None, kind=Kind.BANK)).posted


def everything() -> tuple:
    return (
        list(Posting.objects.order_by("pk").values_list("account", "amount")),
        list(Hold.objects.order_by("pk").values_list("state", "settled", "released")),
        list(Withdrawal.objects.order_by("pk").values_list("state", "bank_reference", "reason", "paid_on")),
        Step.objects.count(),
    )


def refused(act, code: str) -> Refused:
    before = everything()
    with pytest.raises(Refused) as refusal:
        act()
    assert refusal.value.code == code
    assert everything() == before
    return refusal.value


def spend(company, amount_uy: int, cause: str = "order:1") -> None:
    billing.fund(cause=cause, organisation=company, amount=amount_uy, now=NOW)
    rated = Rated((Line("package", amount_uy),), amount_uy, 0, amount_uy)
    billing.charge(
        cause=cause, organisation=company, provider=None, rated=rated, outcome="delivered", what=("x", "x"), now=NOW
    )


def most(company) -> int:
    return queries.withdrawable(company).most_uy


# how much


def test_welcome_credit_is_not_paid_out(jiangnan):
    billing.ensure_wallet(jiangnan, NOW)
    assert most(jiangnan) == 0
    assert refused(lambda: ask(jiangnan, 1 * YUAN), "more_than_withdrawable").params["most_uy"] == 0


def test_all_but_the_welcome_credit_can_be_withdrawn(rich):
    assert most(rich) == 500 * YUAN
    refused(lambda: ask(rich, 500 * YUAN + 10_000), "more_than_withdrawable")
    ask(rich, 500 * YUAN)
    assert most(rich) == 0


def test_orders_spend_the_welcome_credit_first(rich):
    spend(rich, 60 * YUAN)
    assert queries.withdrawable(rich) == queries.Withdrawable(available_uy=540 * YUAN, gift_uy=40 * YUAN)
    spend(rich, 90 * YUAN, "order:2")
    assert queries.withdrawable(rich) == queries.Withdrawable(available_uy=450 * YUAN, gift_uy=0)


def test_what_an_order_reserves_cannot_be_withdrawn(rich):
    billing.fund(cause="order:1", organisation=rich, amount=150 * YUAN, now=NOW)
    assert most(rich) == 350 * YUAN


def test_the_credit_limit_is_never_withdrawable(rich):
    line = ledger.open(owner=rich, kind=Kind.CREDIT_LINE)
    ledger.set_floor(account=line, floor=-1000 * YUAN, now=NOW)
    assert most(rich) == 500 * YUAN


def test_what_a_charge_drew_from_the_credit_limit_spends_no_welcome_credit(jiangnan):
    ledger.set_floor(account=ledger.open(owner=jiangnan, kind=Kind.CREDIT_LINE), floor=-1000 * YUAN, now=NOW)
    spend(jiangnan, 50 * YUAN)
    billing.ensure_wallet(jiangnan, NOW)
    assert most(jiangnan) == 0


def test_a_part_of_a_fen_stays_in_the_wallet(rich):
    spend(rich, 100 * YUAN + 1)
    assert queries.withdrawable(rich).available_uy == 499_999_999
    assert most(rich) == 499_990_000


@pytest.mark.parametrize("amount", [0, -5 * YUAN, 990_000, 5 * YUAN + 1])
def test_odd_amounts_are_refused(rich, amount):
    refused(lambda: ask(rich, amount), "bad_withdrawal")


@pytest.mark.parametrize("number", ["", "1234567", "1" * 31, "62220211O2003344", "６２２２０２１１０２００"])
def test_an_account_number_is_8_to_30_digits(rich, number):
    refused(lambda: ask(rich, 5 * YUAN, account_number=number), "bad_account_number")


def test_a_bank_must_be_named(rich):
    refused(lambda: ask(rich, 5 * YUAN, bank_name="  "), "bank_name_needed")


@pytest.mark.parametrize("state", ["registered", "suspended"])
def test_a_company_that_is_not_approved_withdraws_nothing(rich, state):
    Organisation.objects.filter(pk=rich.pk).update(state=state)
    refused(lambda: ask(rich, 5 * YUAN), "withdrawal_not_approved")


# the way of the money


def test_the_amount_is_reserved_at_once_and_the_holder_is_the_company(rich):
    row = ask(rich, 300 * YUAN)
    assert money(rich) == (600 * YUAN, 300 * YUAN, 500 * YUAN)
    assert row.reference.startswith("WD-")
    assert (row.holder, row.account_number, row.account_end) == (rich.name, "6222021102003344", "3344")


def test_the_same_request_again_is_the_first_one(rich):
    assert ask(rich, 300 * YUAN).pk == ask(rich, 300 * YUAN).pk
    refused(lambda: ask(rich, 299 * YUAN), "idempotency_conflict")
    assert money(rich) == (600 * YUAN, 300 * YUAN, 500 * YUAN)


def test_taken_back_it_is_available_again_once(rich):
    row = ask(rich, 300 * YUAN)
    for _ in range(2):
        withdrawals.take_back(withdrawal=Withdrawal.objects.get(), now=NOW, actor="user:1")
    row.refresh_from_db()
    assert (row.state, money(rich), most(rich)) == ("taken_back", (600 * YUAN, 0, 500 * YUAN), 500 * YUAN)


def test_what_is_being_paid_cannot_be_taken_back(rich, chen):
    row = begun(ask(rich, 300 * YUAN), chen)
    seen_before = Withdrawal.objects.get()
    seen_before.state = "asked"
    for one in (row, seen_before):
        refused(lambda one=one: withdrawals.take_back(withdrawal=one, now=NOW, actor="user:1"), "withdrawal_begun")


def test_paid_it_leaves_the_wallet_for_the_bank_and_the_books_are_right(rich, chen):
    row = paid(ask(rich, 300 * YUAN), chen)
    assert (row.state, row.bank_reference, row.paid_on) == ("paid", "OUT-1", TODAY)
    assert money(rich) == (300 * YUAN, 0, 200 * YUAN)
    assert most(rich) == 200 * YUAN
    assert [found for found in proof.prove() if found.wrong] == []


def test_nothing_is_booked_as_paid_before_somebody_began_to_pay(rich, chen):
    row = ask(rich, 300 * YUAN)
    refused(lambda: pay(row, chen), "bad_move")


def test_paid_is_pressed_twice_and_booked_once(rich, chen, wu):
    row = begun(ask(rich, 300 * YUAN), chen)
    seen = Withdrawal.objects.get()
    pay(row, chen)
    pay(Withdrawal.objects.get(), chen)
    with pytest.raises(Stale):
        pay(seen, wu, "OUT-2")
    assert money(rich) == (300 * YUAN, 0, 200 * YUAN)


def test_two_of_the_staff_do_not_begin_the_same(rich, chen, wu):
    row, seen = ask(rich, 300 * YUAN), Withdrawal.objects.get()
    begun(row, chen)
    begun(Withdrawal.objects.get(), chen)
    with pytest.raises(Stale):
        begun(seen, wu)
    assert Withdrawal.objects.get().begun_by == chen


def test_one_transfer_pays_one_withdrawal(rich, chen):
    paid(ask(rich, 100 * YUAN), chen)
    row = begun(ask(rich, 100 * YUAN, "2"), chen)
    refused(lambda: pay(row, chen), "transfer_known")
    assert Withdrawal.objects.get(pk=row.pk).state == "paying"


@pytest.mark.parametrize(("number", "day", "code"), [
    (" ", TODAY, "bank_reference_needed"),
    ("OUT-1", TODAY + timedelta(days=1), "paid_on_wrong"),
    ("OUT-1", TODAY - timedelta(days=1), "paid_on_wrong"),
])  # fmt: skip
def test_a_payment_has_a_number_and_a_possible_day(rich, chen, number, day, code):
    row = begun(ask(rich, 100 * YUAN), chen)
    refused(lambda: pay(row, chen, number, day), code)


def test_above_the_policy_amount_the_first_approves_and_the_second_pays(rich, chen, wu):
    top_up(rich, 20_000 * YUAN, "B-2")
    row = begun(ask(rich, 10_000 * YUAN + 10_000), chen)
    refused(lambda: pay(row, chen), "second_payer_needed")
    assert pay(row, wu).state == "paid"


def test_up_to_the_policy_amount_one_person_is_enough(rich, chen):
    top_up(rich, 20_000 * YUAN, "B-2")
    assert paid(ask(rich, 10_000 * YUAN), chen).state == "paid"


def test_nothing_is_paid_to_a_company_suspended_meanwhile(rich, chen):
    row = ask(rich, 300 * YUAN)
    Organisation.objects.filter(pk=rich.pk).update(state="suspended")
    refused(lambda: begun(row, chen), "withdrawal_not_approved")


@pytest.mark.parametrize("is_begun", [False, True])
def test_refused_it_is_available_again_and_says_why(rich, chen, is_begun):
    row = ask(rich, 300 * YUAN)
    if is_begun:
        begun(row, chen)
    refused(lambda: withdrawals.refuse(withdrawal=row, reason=" ", user=chen, now=NOW), "reason_needed")
    for _ in range(2):
        withdrawals.refuse(withdrawal=row, reason="The account is closed.", user=chen, now=NOW)
    assert (row.state, row.reason) == ("refused", "The account is closed.")
    assert (money(rich), most(rich)) == ((600 * YUAN, 0, 500 * YUAN), 500 * YUAN)


def test_a_transfer_that_came_back_is_in_the_wallet_again_once(rich, chen):
    row = paid(ask(rich, 300 * YUAN), chen)
    for _ in range(2):
        withdrawals.came_back(withdrawal=row, reason="Wrong number.", user=chen, now=NOW)
    assert row.state == "came_back"
    assert (money(rich), most(rich)) == ((600 * YUAN, 0, 500 * YUAN), 500 * YUAN)
    assert [found for found in proof.prove() if found.wrong] == []
    refused(lambda: withdrawals.came_back(withdrawal=row, reason="Again.", user=chen, now=NOW), "bad_move")


def test_only_what_was_paid_comes_back(rich, chen):
    row = begun(ask(rich, 300 * YUAN), chen)
    refused(lambda: withdrawals.came_back(withdrawal=row, reason="x", user=chen, now=NOW), "bad_move")


# where it shows


def test_the_statement_says_where_the_money_went_and_that_it_came_back(rich, chen):
    row = paid(ask(rich, 300 * YUAN), chen)
    withdrawals.came_back(withdrawal=row, reason="Wrong number.", user=chen, now=NOW)
    rows, _cursor = queries.statement_rows(rich, billing.wallet_of(rich), before=None)
    back, out = rows[:2]
    assert (str(out["title"]), out["amount_uy"]) == ("Paid out to the company's bank account", -300 * YUAN)
    assert out["note"] == f"{row.reference}: ICBC Hangzhou, ending in 3344"
    assert (back["title"], back["amount_uy"]) == ("The transfer to your bank came back", 300 * YUAN)
    assert back["note"] == f"{row.reference}: Wrong number."
    assert "6222021102003344" not in str(rows)


def test_the_bill_of_the_month_names_what_was_paid_out(rich, chen):
    spend(rich, 60 * YUAN)
    paid(ask(rich, 300 * YUAN), chen)
    bill = months.close_month(organisation=rich, month=date(2026, 11, 1), now=NOW + timedelta(days=30))
    assert (bill.opening_uy, bill.came_in_uy, bill.charged_uy) == (0, 600 * YUAN, 60 * YUAN)
    assert (bill.paid_out_uy, bill.closing_uy) == (300 * YUAN, 240 * YUAN)
