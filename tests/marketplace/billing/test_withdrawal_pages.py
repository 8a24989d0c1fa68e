"""The pages of cash out: what the company sees and presses, what the staff see and press, and programs."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from bank.lending import queries as lending
from bank.lending.models import Loan
from marketplace.billing import withdrawals
from marketplace.billing.models import Withdrawal
from portal.accounts.actions import create_key
from portal.core.errors import Refused
from tests.conftest import NOW, make_user

from .test_withdrawals import TODAY, YUAN, ask, begun, money, paid, rich, wu

__all__ = ["rich", "wu"]
pytestmark = pytest.mark.django_db
FORM = {"amount": "300.50", "bank_name": "ICBC Hangzhou", "account_number": "6222 0211 0200 3344"}


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr("portal.core.clock.now", lambda: NOW)


def of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", unescape(response.content.decode())))


@pytest.fixture
def keeper(rich, mei) -> Client:
    return of(mei)


@pytest.fixture
def desk(chen) -> Client:
    return of(chen)


HERE = "/c/jiangnan/wallet/"


def test_the_wallet_leads_there_whoever_may_and_nobody_else(keeper, rich, bo, zhao):
    assert f"{HERE}withdraw/" in keeper.get(HERE).content.decode()
    row = ask(rich, 5 * YUAN)
    buyer, stranger = of(bo), of(zhao)
    assert f"{HERE}withdraw/" not in buyer.get(HERE).content.decode()
    for path in ("withdraw/", "withdrawals/", f"withdrawals/{row.public_id}/"):
        for method in ("get", "post"):
            assert getattr(buyer, method)(f"{HERE}{path}", FORM).status_code in (403, 405)
            assert getattr(stranger, method)(f"{HERE}{path}", FORM).status_code == 404
            assert getattr(stranger, method)(f"/c/yongli/wallet/withdrawals/{row.public_id}/").status_code == 404
    row.refresh_from_db()
    assert (row.state, Withdrawal.objects.count()) == ("asked", 1)


def test_the_page_says_how_much_and_why_not_more(keeper):
    page = text_of(keeper.get(f"{HERE}withdraw/"))
    assert "Available in the wallet" in page and "600.00" in page
    assert "Welcome credit not spent yet" in page and "−100.00" in page
    assert "Can be withdrawn" in page and "500.00" in page


def test_a_question_comes_first_and_then_it_is_reserved_once(keeper, rich):
    asked = keeper.post(f"{HERE}withdraw/", FORM)
    assert asked.status_code == 200
    assert "Withdraw CNY 300.50?" in text_of(asked)
    assert money(rich) == (600 * YUAN, 0, 500 * YUAN)
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.content.decode()))
    assert sent.keys() >= {*FORM, "sure", "key"}
    pages = {keeper.post(f"{HERE}withdraw/", sent).url for _ in range(2)}
    assert pages == {f"{HERE}withdrawals/{Withdrawal.objects.get().public_id}/"}
    assert money(rich) == (600 * YUAN, 300_500_000, 500 * YUAN)


@pytest.mark.parametrize(("field", "value", "said"), [
    ("amount", "500.01", "At most CNY 500.00 can be withdrawn now; you asked for CNY 500.01"),
    ("amount", "0.99", "Withdraw CNY 1.00 or more"),
    ("amount", "1.001", "at most two decimals"),
    ("amount", "", "Write an amount in yuan"),
    ("account_number", "12-34", "An account number has 8 to 30 digits"),
])  # fmt: skip
def test_what_cannot_be_is_said_at_the_form(keeper, rich, field, value, said):
    page = keeper.post(f"{HERE}withdraw/", {**FORM, field: value})
    assert page.status_code == 422
    assert said in text_of(page)
    assert money(rich) == (600 * YUAN, 0, 500 * YUAN)


def test_the_last_account_is_remembered_and_only_its_end_is_shown_afterwards(keeper, rich):
    row = ask(rich, 5 * YUAN)
    assert 'value="6222021102003344"' in keeper.get(f"{HERE}withdraw/").content.decode()
    for path in ("", "withdrawals/", f"withdrawals/{row.public_id}/"):
        page = keeper.get(f"{HERE}{path}").content.decode()
        assert "6222021102003344" not in page
        assert path == "" or "ending in 3344" in page


def test_a_company_that_may_not_withdraw_reads_why_instead_of_a_form(keeper, rich):
    rich.state = "registered"
    rich.save()
    page = keeper.get(f"{HERE}withdraw/")
    assert "Your company is in review since" in text_of(page)
    assert f'href="/c/{rich.slug}/"' in page.content.decode()
    assert 'name="amount"' not in page.content.decode()
    rich.state = "suspended"
    rich.save()
    page = keeper.get(f"{HERE}withdraw/")
    assert "Only an approved company can withdraw to its bank" in text_of(page)
    assert 'name="amount"' not in page.content.decode()


def test_the_page_shows_each_step_and_takes_back_while_it_may(keeper, rich, chen):
    row = ask(rich, 5 * YUAN)
    here = f"{HERE}withdrawals/{row.public_id}/"
    assert "Take it back" in text_of(keeper.get(here))
    begun(row, chen)
    page = keeper.get(here, headers={"HX-Request": "true"})
    assert "Being paid to your bank account" in text_of(page) and "<html" not in page.content.decode()
    assert "Take it back" not in text_of(page)
    assert "cannot be taken back any more" in text_of(keeper.post(here, follow=True))
    withdrawals.refuse(withdrawal=row, reason="The account is closed.", user=chen, now=NOW)
    assert "The account is closed." in text_of(keeper.get(here))
    assert f"to your bank under {row.reference} : refused" in text_of(keeper.get(HERE))
    again = ask(rich, 5 * YUAN, "2")
    keeper.post(f"{HERE}withdrawals/{again.public_id}/")
    again.refresh_from_db()
    assert again.state == "taken_back"
    assert money(rich) == (600 * YUAN, 0, 500 * YUAN)


def test_the_list_has_pages_and_a_filter(keeper, rich, chen):
    rows = [ask(rich, 1 * YUAN, str(n)) for n in range(27)]
    paid(rows[0], chen)
    first = keeper.get(f"{HERE}withdrawals/").content.decode()
    assert first.count("ending in 3344") == 25
    older = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    second = keeper.get(older).content.decode()
    assert second.count("ending in 3344") == 2 and 'rel="prev"' in second
    assert keeper.get(f"{HERE}withdrawals/?state=paid").content.decode().count("ending in 3344") == 1
    assert keeper.get(f"{HERE}withdrawals/?state=open&before=x").status_code == 404


# the staff


def url(row, what: str) -> str:
    return f"/admin/billing/withdrawal/{row.pk}/{what}/"


def test_staff_begin_pay_and_book_what_came_back(desk, rich, chen):
    row = ask(rich, 300 * YUAN)
    board = desk.get("/admin/").content.decode()
    assert "/admin/billing/withdrawal/?state__in=asked,paying" in board
    assert row.reference in desk.get("/admin/billing/withdrawal/?state__in=asked,paying").content.decode()
    assert 'value="Begin to pay"' in desk.get(url(row, "change")).content.decode()
    desk.post(url(row, "decide"), {"verb": "begin", "seen": "asked"})
    page = text_of(desk.get(url(row, "change")))
    assert f"Send CNY 300.00 to {rich.name}, ICBC Hangzhou, account 6222021102003344, with the text" in page
    sent = {"verb": "pay", "seen": "paying", "bank_reference": "OUT-9", "paid_on": TODAY.isoformat()}
    for _ in range(2):
        assert "Booked: the money has left the wallet." in text_of(desk.post(url(row, "decide"), sent, follow=True))
    assert money(rich) == (300 * YUAN, 0, 200 * YUAN)
    company = text_of(desk.get(f"/admin/company/{rich.pk}/money/"))
    assert f"Paid out to the company's bank account Withdrawal {row.reference}" in company
    assert desk.get("/admin/find/", {"q": row.reference.replace("-", "").lower()}).url.endswith(
        f"/money/#withdrawal-{row.reference}"
    )
    desk.post(url(row, "decide"), {"verb": "came_back", "seen": "paid", "reason": "Wrong number."})
    assert money(rich) == (600 * YUAN, 0, 500 * YUAN)
    assert "Wrong number." in text_of(desk.get(url(row, "change")))


def test_staff_refuse_with_a_reason(desk, rich):
    row = ask(rich, 300 * YUAN)
    desk.post(url(row, "decide"), {"verb": "refuse", "seen": "asked", "reason": " "})
    assert money(rich) == (600 * YUAN, 300 * YUAN, 500 * YUAN)
    desk.post(url(row, "decide"), {"verb": "refuse", "seen": "asked", "reason": "The account is closed."})
    assert money(rich) == (600 * YUAN, 0, 500 * YUAN)


def test_who_approved_much_sees_no_form_to_pay(desk, rich, chen, wu, monkeypatch):
    monkeypatch.setattr("portal.policy.TWO_PERSONS_ABOVE_UY", 100 * YUAN)
    row = begun(ask(rich, 300 * YUAN), chen)
    assert 'name="bank_reference"' not in desk.get(url(row, "change")).content.decode()
    assert 'name="bank_reference"' in of(wu).get(url(row, "change")).content.decode()


def test_a_clerk_who_only_looks_moves_nothing(rich):
    row, clerk = ask(rich, 300 * YUAN), make_user("clerk@suanli.test", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_withdrawal"))
    assert "Begin to pay" not in of(clerk).get(url(row, "change")).content.decode()
    assert of(clerk).post(url(row, "decide"), {"verb": "begin"}).status_code == 403
    assert Withdrawal.objects.get().state == "asked"


def test_a_press_from_a_page_that_is_old_moves_nothing(desk, rich, wu):
    row = begun(ask(rich, 300 * YUAN), wu)
    said = desk.post(url(row, "decide"), {"verb": "refuse", "seen": "asked", "reason": "No."}, follow=True)
    assert "This changed while you were looking" in text_of(said)
    assert desk.post(url(row, "decide"), {"verb": "burn"}).status_code == 404
    row.refresh_from_db()
    assert row.state == "paying"


# loans


def test_a_margin_call_and_a_loan_behind_its_plan_stop_it(rich, monkeypatch):
    class Position:
        loan, cure_uy, behind_uy, interest_uy, next_due = Loan(state="margin_called"), 7 * YUAN, 0, 10_000, object()

    monkeypatch.setattr(lending, "positions", lambda rows, now: [Position()])
    with pytest.raises(Refused) as called:
        ask(rich, 5 * YUAN)
    assert (called.value.code, called.value.params) == ("withdrawal_margin_call", {"due_uy": 7 * YUAN})
    Position.loan = Loan(state="active")
    assert ask(rich, 5 * YUAN).state == "asked"
    Position.behind_uy = 3 * YUAN
    with pytest.raises(Refused) as late:
        ask(rich, 5 * YUAN, "2")
    assert (late.value.code, late.value.params) == ("withdrawal_loan_overdue", {"due_uy": 3_010_000})
    assert Withdrawal.objects.count() == 1


# programs


def program(company, user, *scopes: str):
    _key, secret = create_key(
        organisation=company, user=user, name="books", scopes=list(scopes), now=NOW - timedelta(hours=1), actor="test"
    )

    def call(path, body=None, key="k"):
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
        if body is None:
            return Client().get(f"/api/v1/{path}", headers=headers)
        return Client().post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    return call


BODY = {"amount_uy": "300000000", "bank_name": "ICBC Hangzhou", "account_number": "6222021102003344"}


def test_the_whole_story_over_rest(rich, lin):
    call = program(rich, lin, "read", "pay_out")
    assert call("wallet/").json()["withdrawable_uy"] == "500000000"
    made = [call("withdrawals/", BODY) for _ in range(2)]
    assert [r.status_code for r in made] == [201, 201]
    assert made[0].json() == made[1].json()
    shown = made[0].json()
    assert (shown["state"], shown["account_end"], shown["holder"]) == ("asked", "3344", rich.name)
    assert "6222021102003344" not in made[0].content.decode()
    assert call("withdrawals/").json() == {"items": [shown], "next_cursor": None}
    more = call("withdrawals/", {**BODY, "amount_uy": "200010000"}, "k2")
    assert (more.status_code, more.json()["error"]["code"]) == (409, "more_than_withdrawable")
    back = call(f"withdrawals/{shown['public_id']}/take-back/", {}, "k3")
    assert (back.status_code, back.json()["state"]) == (200, "taken_back")
    assert call(f"withdrawals/{shown['public_id']}/").json()["state"] == "taken_back"
    assert money(rich) == (600 * YUAN, 0, 500 * YUAN)


def test_a_key_that_may_only_top_up_and_borrow_takes_nothing_out(rich, lin):
    call = program(rich, lin, "read", "order", "provide", "finance")
    assert (call("withdrawals/", BODY).status_code, call("withdrawals/").status_code) == (403, 403)
    assert not Withdrawal.objects.exists()


def test_the_list_is_called_the_same_wherever_it_is_named_in_chinese(keeper, rich):
    page = keeper.get("/c/jiangnan/wallet/withdraw/", headers={"accept-language": "zh-hans"}).content.decode()
    assert ">提现记录</a>" in page and "全部提现" not in page
    assert "<h1>提现记录</h1>" in keeper.get(
        "/c/jiangnan/wallet/withdrawals/", headers={"accept-language": "zh-hans"}
    ).content.decode()
