"""The staff's pages of the books: trial balance, what is reserved by age, closed days; each leads to its rows."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.utils import translation

from bank.ledger import actions, overview, proof, queries
from bank.ledger.models import DayClose, Hold, Proof
from portal.core import clock
from portal.core.ids import made_at
from portal.core.templatetags.suanli import time_text
from tests.conftest import make_user

BALANCE, AGE, CLOSES = "/admin/ledger/account/trial-balance/", "/admin/ledger/hold/by-age/", "/admin/ledger/dayclose/"


@pytest.fixture
def desk(client, chen):
    client.force_login(chen)
    return client


def text_of(response) -> str:
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def count_at(client, url: str) -> int:
    """How many rows the list behind a figure has."""
    response = client.get(url)
    assert response.status_code == 200, url
    return response.context["cl"].result_count


class TestProof:
    def test_the_board_says_whether_the_books_are_right_and_since_when(self, desk, books, jiangnan):
        books.top_up(jiangnan, 100_000_000)
        assert "The books were never proved." in text_of(desk.get("/admin/"))
        desk.post("/admin/ledger/account/prove/")
        said = text_of(desk.get("/admin/"))
        assert "The books are right." in said
        assert "· chen@suanli.test" in said
        assert "Every asset sums to zero." in said
        actions.close_day(now=clock.now() + timedelta(days=1))
        assert f"hash {DayClose.objects.get().hash[:12]}" in text_of(desk.get("/admin/"))

    def test_it_says_as_of_when_how_much_came_since_and_what_was_looked_at(self, desk, books, jiangnan):
        books.top_up(jiangnan, 100_000_000)
        desk.post("/admin/ledger/account/prove/")
        at = time_text(Proof.objects.get().at, "long")
        said = text_of(desk.get("/admin/"))
        assert f"As of {at} · no entry came since" in said
        assert "2 lines: every balance is their sum" in said
        books.pay(books.wallet(jiangnan), 5)
        books.pay(books.wallet(jiangnan), 6)
        assert f"As of {at} · 2 entries came since" in text_of(desk.get("/admin/"))

    def test_a_proof_of_before_tells_only_how_many_things_it_looked_at(self, desk, now):
        Proof.objects.create(at=now, looked_at=613, actor="system:prove")
        said = text_of(desk.get("/admin/"))
        assert "613 things looked at" in said and "came since" not in said

    def test_what_is_wrong_is_remembered_and_named(self, desk, books, jiangnan, tamper):
        books.top_up(jiangnan, 100_000_000)
        tamper("UPDATE ledger_account SET posted = posted + 5000000 WHERE kind = 'wallet'")
        desk.post("/admin/ledger/account/prove/")
        said = text_of(desk.get(BALANCE))
        assert "The books are wrong." in said
        assert "replay: acc_" in said
        assert "Not zero together: CNY CNY 5.00" in said
        assert Proof.objects.get().wrong_count == 1

    def test_a_proof_that_is_old_says_nothing_of_today(self, books, jiangnan, now):
        proof.remember(now=now, actor="system:prove")
        assert overview.books(now=now + timedelta(hours=2))["is_right"]
        assert not overview.books(now=now + timedelta(hours=2, seconds=1))["is_right"]

    def test_a_get_proves_nothing(self, desk):
        desk.get("/admin/ledger/account/prove/")
        assert not Proof.objects.exists()

    def test_money_at_the_bank_is_not_read_as_an_overdraft(self, desk, books, jiangnan):
        books.top_up(jiangnan, 100_000_000)
        assert "money that came in; it stands below zero by convention" in text_of(desk.get(BALANCE))


class TestTrialBalance:
    def test_every_kind_of_every_asset_and_that_it_sums_to_zero(self, desk, books, jiangnan, yongli):
        books.top_up(jiangnan, 100_000_000)
        books.hold(books.wallet(jiangnan), 30_000_000)
        books.earn(yongli, 3_600_000 * 5)
        said = text_of(desk.get(BALANCE))
        for row in ("1 CNY −100.00", "Wallet 1 CNY 100.00 CNY 30.00", "Together 2 CNY 0.00 CNY 30.00",
                    "hours, CPU", "Banked hours issued 1 −5.0000 h", "Banked hours 1 5.0000 h"):  # fmt: skip
            assert row in said
        assert said.count("It sums to zero, as it must.") == 2

    def test_hours_have_an_exact_column_that_adds_up(self, desk, books, yongli, jiangnan):
        books.earn(yongli, 1_180)  # 0.0003 h and 280 card-milliseconds more
        books.earn(jiangnan, 133_601_234)
        said = text_of(desk.get(BALANCE))
        assert "Exactly, card-milliseconds" in said
        assert re.search(r"Banked hours issued 1 −37\.111\d h −133,602,414", said)
        assert re.search(r"Banked hours 2 37\.111\d h 133,602,414", said)
        assert "Together 3 0.0000 h 0" in said

    def test_money_which_is_not_rounded_has_none(self, desk, books, jiangnan):
        books.top_up(jiangnan, 1)
        assert "Exactly, card-milliseconds" not in text_of(desk.get(BALANCE))

    def test_it_says_so_when_it_does_not(self, desk, books, jiangnan, tamper):
        books.top_up(jiangnan, 100_000_000)
        tamper("UPDATE ledger_account SET posted = posted + 5000000 WHERE kind = 'wallet'")
        said = text_of(desk.get(BALANCE))
        assert "This does not sum to zero; it is off by CNY 5.00." in said
        assert "It sums to zero" not in said

    def test_each_figure_leads_to_its_accounts_and_entries(self, desk, books, jiangnan, yongli):
        books.top_up(jiangnan, 100)
        books.top_up(yongli, 100)
        books.pay(books.wallet(yongli), 5)
        (asset,) = overview.trial_balance()
        wallets = next(row for row in asset["rows"] if row["name"] == "Wallet")
        assert (wallets["accounts"], count_at(desk, wallets["accounts_url"])) == (2, 2)
        assert count_at(desk, wallets["moves_url"]) == 3

    def test_a_roll_up_changes_nothing_on_it(self, books, jiangnan):
        books.top_up(jiangnan, 100)
        before = queries.trial_balances()
        assert actions.roll_up() == 1
        assert queries.trial_balances() == before


class TestReservedByAge:
    @pytest.fixture
    def aged(self, books, jiangnan, yongli):
        now = clock.now()
        books.top_up(jiangnan, 1_000_000_000)
        books.earn(yongli, 3_600_000 * 5)
        wallet, claims = books.wallet(jiangnan), books.claims(yongli)
        for n, ago in enumerate([0.2, 3, 5, 30, 24 * 9]):
            until = now + timedelta(hours=1 if n else -0.1)
            actions.hold(key=f"a{n}", account=wallet, amount=10**6 * (n + 1), cause=f"order:ord_{n}AAAAA",
                         now=now - timedelta(hours=ago), expires_at=until)  # fmt: skip
        actions.hold(key="h", account=claims, amount=3_600_000, cause="order:ord_h", now=now - timedelta(hours=4))
        gone = actions.hold(key="r", account=wallet, amount=7, cause="order:ord_r", now=now - timedelta(days=30))
        actions.release(key="r", hold=gone, now=now)
        return now

    def test_sums_of_every_age_and_what_is_overdue(self, desk, aged):
        said = text_of(desk.get(AGE))
        for row in ("less than an hour 1 CNY 1.00", "an hour to a day 3 1.0000 h, CNY 5.00",
                    "a day to a week 1 CNY 4.00", "a week and longer 1 CNY 5.00",
                    "of these, overdue 1 CNY 1.00"):  # fmt: skip
            assert row in said
        assert "What is overdue goes back by itself" in said

    def test_each_figure_leads_to_its_reservations_and_each_of_them_to_its_cause(self, desk, aged):
        page = overview.reserved(now=aged)
        assert [(age["key"], age["count"], count_at(desk, age["url"])) for age in page["ages"]] == [
            ("hour", 1, 1), ("day", 3, 3), ("week", 1, 1), ("older", 1, 1)]  # fmt: skip
        assert count_at(desk, page["overdue"]["url"]) == page["overdue"]["count"] == 1
        html = desk.get(AGE).content.decode()
        for n in range(5):
            assert f'href="/admin/cause/order:ord_{n}AAAAA/"' in html
        assert html.index("A week and longer") < html.index("Less than an hour")

    def test_a_long_list_is_cut_with_the_oldest_first(self, books, jiangnan):
        now = clock.now()
        books.top_up(jiangnan, 100)
        wallet = books.wallet(jiangnan)
        for n in range(30):
            actions.hold(key=f"l{n}", account=wallet, amount=1, cause="order:o", now=now - timedelta(minutes=n))
        hour = overview.reserved(now=now)["ages"][0]
        assert (hour["count"], len(hour["holds"]), hour["more"]) == (30, 25, 5)
        assert hour["holds"][0]["hold"] == Hold.objects.get(key="l29")

    def test_an_empty_page_says_so(self, desk):
        assert "Nothing is reserved." in text_of(desk.get(AGE))


class TestClosedDays:
    @pytest.fixture
    def closed(self, books, jiangnan, later):
        books.top_up(jiangnan, 100_000_000)
        first = actions.close_day(now=later())
        books.pay(books.wallet(jiangnan), 30_000_000)
        books.pay(books.wallet(jiangnan), 20_000_000)
        return first, actions.close_day(now=later(days=1))

    def test_the_list_has_moment_counts_and_hash(self, desk, closed):
        said = text_of(desk.get(CLOSES))
        for close in closed:
            assert close.hash in said
        assert "24 November 2026, 09:12 2 2 4" in said

    def test_a_close_is_called_by_the_moment_it_was_sealed_not_by_a_day(self, desk, books, jiangnan, later):
        books.top_up(jiangnan, 100_000_000)  # recorded today, before the seal of the day that was due yesterday
        close = actions.close_day(now=later(hours=10))
        sentence = "Sealed on 23 November 2026, 19:12: everything recorded until then, entries: 1"
        said = text_of(desk.get(f"{CLOSES}{close.pk}/change/"))
        assert (
            f"Close of 22 Nov 2026, made on 23 November 2026, 19:12 {sentence} · The balances below are those of that"
            " moment."
        ) in said
        assert "22 Nov" not in said.replace("Close of 22 Nov 2026", "")
        assert "22 Nov" not in text_of(desk.get(CLOSES))
        assert sentence in text_of(desk.get(BALANCE))

    def test_its_page_says_when_the_file_of_closings_was_compared_and_compares_it_at_a_press(self, desk, closed):
        page = f"{CLOSES}2/change/"
        assert "The file of closings was not compared since." in text_of(desk.get(page))
        assert desk.get(f"{CLOSES}2/verify/").status_code == 302
        assert not Proof.objects.exists()
        said = text_of(desk.post(f"{CLOSES}2/verify/", follow=True))
        assert "Everything is as it was closed." in said
        at = time_text(Proof.objects.get().at, "long")
        assert f"The file of closings was compared on {at} (chen@suanli.test): identical." in said
        assert "/history/" not in desk.get(page).content.decode()

    def test_a_file_that_says_something_else_is_told_on_its_page(self, desk, closed, settings):
        path = Path(settings.BOOKS_CLOSINGS_FILE)
        path.write_bytes(path.read_bytes().replace(closed[1].hash.encode(), b"0" * 64))
        said = text_of(desk.post(f"{CLOSES}2/verify/", follow=True))
        assert "Not as it was closed: 2026-11-23: the file of closings says 0000" in said
        assert "(chen@suanli.test): not identical." in said
        assert "outside the database not identical" in text_of(desk.get(f"{CLOSES}2/proof/"))
        path.unlink()
        assert "outside the database nothing to compare with" in text_of(desk.get(f"{CLOSES}2/proof/"))

    def test_rows_that_were_changed_are_told_by_a_look_at_the_close(self, desk, closed, tamper):
        tamper(f"UPDATE ledger_journal SET memo = '{{}}', cause = 'order:x' WHERE id = {closed[1].last_journal_id}")
        assert "its rows now give" in text_of(desk.post(f"{CLOSES}2/verify/", follow=True))
        assert "the hash before it not identical" in text_of(desk.get(f"{CLOSES}2/proof/"))

    def test_its_proof_for_an_auditor_has_numbers_hashes_and_what_was_compared(self, desk, closed):
        said = text_of(desk.get(f"{CLOSES}1/proof/"))
        for told in ("Close of 22 Nov 2026", "Number of the close 1 Entries 1 Lines 2", closed[0].hash,
                     "the hash before it identical", "outside the database identical", "close carries identical",
                     "must be zero identical", "Read by chen@suanli.test"):  # fmt: skip
            assert told in said, told

    def test_only_who_may_see_seals_verifies_or_prints_them(self, client, closed, db):
        client.force_login(make_user("clerk@suanli.test", is_staff=True))
        assert client.post(f"{CLOSES}2/verify/").status_code == 403
        assert client.get(f"{CLOSES}2/proof/").status_code == 403
        assert not Proof.objects.exists()

    def test_a_later_seal_counts_what_came_since_the_one_before(self, desk, closed):
        said = text_of(desk.get(f"{CLOSES}2/change/"))
        assert "everything recorded until then, entries since the seal before it: 2" in said

    def test_the_page_of_a_close_has_totals_by_kind_that_sum_to_zero(self, desk, closed):
        said = text_of(desk.get(f"{CLOSES}2/change/"))
        for row in ("Wallet CNY 0.00 CNY −50.00 CNY 50.00", "Payment for the order CNY +50.00 CNY 0.00 CNY 50.00",
                    "Cash at the bank CNY 0.00 CNY 0.00 CNY −100.00",
                    "Together CNY +50.00 CNY −50.00 CNY 0.00", closed[0].hash, closed[1].hash):  # fmt: skip
            assert row in said

    def test_the_first_close_shows_balances_without_a_sign_of_their_own(self, desk, closed):
        assert "Wallet CNY +100.00 CNY 0.00 CNY 100.00" in text_of(desk.get(f"{CLOSES}1/change/"))

    def test_each_figure_leads_to_its_entries(self, desk, books, closed, jiangnan):
        books.pay(books.wallet(jiangnan), 1)  # of the open day
        html = desk.get(f"{CLOSES}2/change/").content.decode()
        urls = {url.replace("&amp;", "&") for url in re.findall(r'href="(/admin/ledger/journal/\?[^"]+)"', html)}
        first, second = (close.last_journal_id for close in closed)
        moved = {"id__gt": first, "id__lte": second}
        wallet, bank = ({overview.KIND: kind, overview.ASSET: "CNY"} for kind in ("wallet", "bank"))
        asked = [moved, moved | wallet, moved | bank, {"id__lte": second} | wallet, {"id__lte": second} | bank]
        for query, count in zip(asked, [2, 2, 0, 3, 1], strict=True):
            url = f"/admin/ledger/journal/?{urlencode(query)}"
            assert url in urls
            assert count_at(desk, url) == count

    def test_an_entry_names_the_seal_it_is_under(self, desk, books, closed, jiangnan):
        paid = books.pay(books.wallet(jiangnan), 1)
        open_entry = text_of(desk.get(f"/admin/ledger/journal/{paid.pk}/change/"))
        assert "Sealed with: not yet sealed" in open_entry
        sealed = desk.get(f"/admin/ledger/journal/{closed[1].last_journal_id}/change/").content.decode()
        assert f'<a href="{CLOSES}2/change/">24 November 2026, 09:12</a>' in sealed

    def test_the_public_sees_moment_and_hash(self, client, closed):
        said = text_of(client.get("/figures/"))
        assert "The books are sealed up to" in said
        assert "24 November 2026, 09:12 2" in said and "23 Nov 2026" not in said
        for close in closed:
            assert close.hash in said


def test_the_list_of_entries_says_when_each_happened_and_when_it_was_recorded(desk, books, jiangnan, now):
    entry = books.top_up(jiangnan, 5)
    page = desk.get("/admin/ledger/journal/")
    recorded = time_text(made_at(entry.public_id), "long")
    assert recorded != time_text(now, "long")
    assert f"{time_text(entry.at, 'long')} {recorded}" in text_of(page)
    assert "Code of the entry" in text_of(page) and "Number" not in text_of(page)


@pytest.mark.parametrize("url", [BALANCE, AGE, CLOSES])
def test_only_staff_with_the_right_read_them(client, lin, url):
    client.force_login(lin)
    assert client.get(url).status_code == 302
    clerk = make_user("clerk@suanli.test", is_staff=True)
    client.force_login(clerk)
    assert client.get(url).status_code == 403
    model = url.split("/")[3]
    clerk.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    assert client.get(url).status_code == 200


def test_the_desk_leads_to_them_and_they_to_each_other(desk):
    for page in ("/admin/", BALANCE, AGE):
        html = desk.get(page).content.decode()
        for url in (BALANCE, AGE, CLOSES):
            assert f'href="{url}"' in html


def test_they_speak_chinese(desk, books, jiangnan):
    books.top_up(jiangnan, 1)
    with translation.override("zh-hans"):
        rows = overview.trial_balance()[0]["rows"]
    assert [row["name"] for row in rows] == ["银行存款", "钱包"]
    for url, words in ((BALANCE, "合计为零"), (AGE, "预留金额账龄")):
        assert words in desk.get(url, headers={"Accept-Language": "zh-CN"}).content.decode()


def test_an_entry_is_found_by_the_number_as_shown_and_says_which_way_it_moved(desk, books, jiangnan):
    books.top_up(jiangnan, 100_000_000)
    other = books.pay(books.wallet(jiangnan), 30_000_000)
    shown = other.public_id[-6:].upper()
    said = text_of(desk.get(f"/admin/ledger/journal/?q={shown}"))
    assert f"Order charged Wallet Payment for the order CNY 30.00 {jiangnan.name}" in said
    assert "Top-up by bank transfer Cash" not in said
    assert count_at(desk, "/admin/ledger/journal/?q=NOTONE") == 0
    whole = text_of(desk.get("/admin/ledger/journal/"))
    assert whole.index("CNY 30.00") < whole.index("CNY 100.00"), "what was recorded last stands first"
