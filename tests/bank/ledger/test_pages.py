"""What a company sees of its books: accounts, statement, both sides, CSV; and nobody else's."""

import csv
import io
from decimal import Decimal

import pytest
from django.urls import reverse

from bank.ledger import actions, views


@pytest.fixture
def wallet(books, jiangnan):
    books.top_up(jiangnan, 1_000_000_123)
    return books.wallet(jiangnan)


@pytest.fixture
def signed_in(client, lin):
    client.force_login(lin)
    return client


def page(client, name, *args):
    return client.get(reverse(f"ledger:{name}", args=args))


def test_the_accounts_of_a_company_with_what_is_reserved(signed_in, books, wallet, jiangnan, yongli):
    books.hold(wallet, 1_000_000)
    books.top_up(yongli, 777_000_000)
    text = page(signed_in, "accounts", "jiangnan").content.decode()
    assert "1,000.000123" in text
    assert "999.000123" in text
    assert wallet.public_id in text
    assert "777.00" not in text


def test_a_company_without_accounts_is_told_so(signed_in, jiangnan):
    assert "No account yet" in page(signed_in, "accounts", "jiangnan").content.decode()


def test_a_statement_names_both_sides_of_every_line(signed_in, books, wallet):
    paid = books.pay(wallet, 79_000_000)
    text = page(signed_in, "statement", "jiangnan", wallet.public_id).content.decode()
    assert "Wallet → Payment for the order" in text
    assert "Cash at the bank → Wallet" in text
    assert "−79.00" in text
    assert "921.000123" in text
    assert reverse("ledger:journal", args=["jiangnan", paid.public_id]) in text


def test_a_long_statement_has_pages(signed_in, books, wallet):
    for _ in range(60):
        books.pay(wallet, 1_000_000)
    first = page(signed_in, "statement", "jiangnan", wallet.public_id)
    older = first.context["older"]
    second = signed_in.get(reverse("ledger:statement", args=["jiangnan", wallet.public_id]) + older)
    assert [len(r.context["rows"]) for r in (first, second)] == [50, 11]
    assert second.context["rows"][-1]["running"] == "1,000.000123"
    assert second.context["older"] == ""


@pytest.mark.parametrize("cursor", ["x", "1.2.3"])
def test_a_cursor_that_is_none_is_a_404(signed_in, wallet, cursor):
    url = reverse("ledger:statement", args=["jiangnan", wallet.public_id])
    assert signed_in.get(f"{url}?before={cursor}").status_code == 404


def test_banked_hours_show_their_parts_and_when_they_expire(client, zhao, books, yongli):
    client.force_login(zhao)
    books.earn(yongli, 3_600_000 * 5, days=10, origin="slot:slt_9")
    text = page(client, "statement", "yongli", books.claims(yongli).public_id).content.decode()
    assert "Banked hours, CPU" in text
    assert "slot:slt_9" not in text and "SLT_9" in text
    assert "3 Dec 2026" in text


def test_hours_as_they_are_shown_add_up_wherever_they_are_cut(client, zhao, books, yongli, monkeypatch):
    monkeypatch.setattr(views, "PARTS", 3)
    for _n in range(7):
        books.earn(yongli, 3_600_000 + 200, days=10)  # 200 ms are half of the last place
    client.force_login(zhao)
    account = books.claims(yongli)
    first = page(client, "statement", "yongli", account.public_id)
    assert first.context["posted"] == "7.0003" == first.context["rows"][0]["running"]
    assert [row["amount"] for row in first.context["rows"]].count("+1.0001") == 3
    assert sum(Decimal(row["amount"]) for row in first.context["rows"]) == Decimal("7.0003")
    here = reverse("ledger:statement", args=["yongli", account.public_id])
    parts = [row["amount"] for n in (1, 2, 3) for row in client.get(here, {"parts": n}).context["lots"]]
    assert len(parts) == 7 and sum(Decimal(part) for part in parts) == Decimal("7.0003")
    assert "Parts 1 to 3 of 7" in first.content.decode()


def test_a_journal_tells_the_story_of_its_cause(signed_in, books, wallet):
    hold = books.hold(wallet, 79_000_000)
    paid = books.settle(hold, 62_000_000, final=True)
    response = page(signed_in, "journal", "jiangnan", paid.public_id)
    steps = [(row["step"].source, row["step"].target, row["amount"]) for row in response.context["story"]]
    assert steps == [
        ("Wallet", "Reserved", "79.00"),
        ("Reserved", "Payment for the order", "62.00"),
        ("Reserved", "Wallet", "17.00"),
    ]
    sides = [(side["name"], side["own"], side["amount"]) for side in response.context["sides"]]
    assert sides == [("Wallet", True, "−62.00"), ("Payment for the order", False, "+62.00")]


def test_a_reversed_journal_says_so_on_both(signed_in, books, wallet):
    paid = books.pay(wallet, 1)
    mirror = actions.reverse(key="u", journal=paid, reason="the wrong order", actor="user:1", now=books.now)
    assert mirror.public_id in page(signed_in, "journal", "jiangnan", paid.public_id).content.decode()
    text = page(signed_in, "journal", "jiangnan", mirror.public_id).content.decode()
    assert paid.public_id in text
    assert "the wrong order" in text


def test_a_journal_of_two_companies_does_not_name_the_other(client, song, books, harbour, jiangnan):
    books.wallet(jiangnan)
    cash = actions.open(owner=harbour, kind="lender_cash")
    lent = actions.open(owner=harbour, kind="lent", ref="lon_1")
    loan = actions.open(owner=jiangnan, kind="loan", ref="lon_1")
    actions.set_floor(account=loan, floor=-100, now=books.now)
    actions.transfer(
        key="f",
        reason="lender_funding",
        cause="payment:p",
        source=books.bank,
        target=cash,
        amount=100,
        now=books.now,
    )
    legs = [
        actions.Leg(cash, -100),
        actions.Leg(books.wallet(jiangnan), 100),
        actions.Leg(loan, -100),
        actions.Leg(lent, 100),
    ]
    journal = actions.post(key="d", reason="loan_disbursed", cause="loan:lon_1", legs=legs, now=books.now)
    client.force_login(song)
    text = page(client, "journal", "harbour", journal.public_id).content.decode()
    assert books.wallet(jiangnan).public_id not in text
    assert "Jiangnan" not in text


def test_the_csv_file_has_every_line_exactly(signed_in, books, wallet):
    for n in range(1, 4):
        books.pay(wallet, n)
    response = page(signed_in, "statement_csv", "jiangnan", wallet.public_id)
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["Amount"], row["Balance"]) for row in rows] == [
        ("-0.000003", "1000.000117"),
        ("-0.000002", "1000.00012"),
        ("-0.000001", "1000.000122"),
        ("1000.000123", "1000.000123"),
    ]
    assert rows[0]["Time"] == "2026-11-23T09:12:00+08:00"
    assert (rows[0]["From"], rows[0]["To"], rows[0]["Unit"]) == ("Wallet", "Payment for the order", "CNY")


def test_somebody_elses_books_are_a_404(client, zhao, books, wallet):
    journal = books.top_up(wallet.owner, 5)
    client.force_login(zhao)
    for slug in ("yongli", "jiangnan"):
        assert page(client, "statement", slug, wallet.public_id).status_code == 404
        assert page(client, "statement_csv", slug, wallet.public_id).status_code == 404
        assert page(client, "journal", slug, journal.public_id).status_code == 404
    assert page(client, "accounts", "jiangnan").status_code == 404


def test_who_is_not_signed_in_is_asked_to(client, wallet):
    assert page(client, "accounts", "jiangnan").status_code == 302


class TestAdmin:
    @pytest.mark.parametrize("model", ["account", "journal", "hold", "lot"])
    def test_staff_look_and_never_change(self, client, chen, books, wallet, yongli, model):
        books.hold(wallet, 5)
        books.earn(yongli, 5)
        client.force_login(chen)
        assert client.get(reverse(f"admin:ledger_{model}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:ledger_{model}_add")).status_code == 403
        from django.apps import apps

        row = apps.get_model("ledger", model).objects.first()
        assert client.get(reverse(f"admin:ledger_{model}_change", args=[row.pk])).status_code == 200
        assert client.post(reverse(f"admin:ledger_{model}_change", args=[row.pk]), {}).status_code == 403
        assert client.post(reverse(f"admin:ledger_{model}_delete", args=[row.pk]), {}).status_code == 403

    def test_a_journal_is_found_by_number_cause_and_key(self, client, chen, books, wallet):
        paid = books.pay(wallet, 5, key="a-key")
        client.force_login(chen)
        for words in (paid.public_id, "order:ord_1", "a-key"):
            page = client.get(reverse("admin:ledger_journal_changelist"), {"q": words}).content.decode()
            assert reverse("admin:ledger_journal_change", args=[paid.pk]) in page
