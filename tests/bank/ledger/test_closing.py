"""The close of a day: what it seals, once, and what stands outside the database afterwards."""

import hashlib
import json
import threading
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from bank.ledger import actions, chain, closings, proof, tasks
from bank.ledger.actions import closing
from bank.ledger.models import Checkpoint, DayClose, Posting
from portal.core.errors import Refused

DAY = {"days": 1}


def file() -> Path:
    return settings.BOOKS_CLOSINGS_FILE


def said() -> list[dict]:
    return [json.loads(text) for text in file().read_text().splitlines()]


def wrong() -> list[tuple[str, str, str]]:
    return [(o.check.name, *found) for o in proof.prove() for found in o.wrong]


@pytest.fixture
def lived(books, jiangnan, yongli):
    books.top_up(jiangnan, 1000)
    books.pay(books.wallet(jiangnan), 100)
    books.earn(yongli, 500)
    return books


def test_it_seals_everything_recorded_and_nothing_later(lived, jiangnan, yongli, later):
    close = actions.close_day(now=later())
    assert (close.number, close.day, close.previous_hash) == (1, date(2026, 11, 22), "")
    assert (close.journals, close.postings, close.lotentries) == (3, 6, 1)
    assert (close.earliest_at, close.latest_at, close.closed_at) == (lived.now, lived.now, lived.now)
    assert close.totals == {
        "CNY": {"bank": [0, -1000, -1000], "wallet": [1000, -100, 900], "clearing_order": [100, 0, 100]},
        "CH:CPU": {"claims_backing": [0, -500, -500], "claims": [500, 0, 500]},
    }
    lived.pay(lived.wallet(jiangnan), 5)
    second = actions.close_day(now=later(**DAY))
    assert (second.number, second.previous_hash, second.journals) == (2, close.hash, 1)
    assert second.totals["CNY"] == {
        "bank": [0, 0, -1000], "wallet": [0, -5, 895], "clearing_order": [5, 0, 105]}  # fmt: skip
    assert wrong() == []


def test_only_accounts_that_moved_get_a_checkpoint(lived, jiangnan, later):
    actions.close_day(now=later())
    lived.pay(lived.wallet(jiangnan), 5)
    actions.close_day(now=later(**DAY))
    found = Checkpoint.objects.order_by("close_id", "account__kind").values_list("close_id", "account__kind", "posted")
    assert list(found) == [
        (1, "bank", -1000), (1, "claims", 500), (1, "claims_backing", -500), (1, "clearing_order", 100),
        (1, "wallet", 900), (2, "clearing_order", 105), (2, "wallet", 895),
    ]  # fmt: skip


def test_a_day_is_closed_once_and_a_machine_that_slept_closes_once_for_all_days(lived, later):
    actions.close_day(now=later())
    assert actions.close_day(now=later(hours=14)) is None  # 23:12 of the same day
    assert actions.close_day(now=later(days=9)).day == date(2026, 12, 1)
    assert DayClose.objects.count() == 2


def test_the_day_ends_at_the_platforms_midnight(lived, now):
    before = now.replace(hour=15, minute=59)  # 23:59 in Shanghai
    assert actions.close_day(now=before).day == date(2026, 11, 22)
    assert actions.close_day(now=now.replace(hour=16, minute=0)).day == date(2026, 11, 23)


def test_nothing_is_refused_because_its_day_was_closed(lived, jiangnan, later):
    close = actions.close_day(now=later(days=5))
    journal = actions.transfer(
        key="late", reason="top_up", cause="payment:pay_9", source=lived.bank, target=lived.wallet(jiangnan),
        amount=7, now=later(days=-40),
    )  # fmt: skip
    second = actions.close_day(now=later(days=6))
    assert (second.journals, second.earliest_at, second.latest_at) == (1, journal.at, close.latest_at)
    assert wrong() == []


def test_books_without_an_entry_are_closed_too(db, now):
    close = actions.close_day(now=now)
    assert (close.journals, close.earliest_at, close.latest_at, close.totals) == (0, None, None, {})
    assert wrong() == []


def test_the_hash_is_what_anybody_computes_from_the_rows(lived, now):
    close = actions.close_day(now=now)
    micros = 1_795_396_320_000_000
    head = {
        "number": 1, "day": "2026-11-22", "last_journal": close.last_journal_id, "last_posting": close.last_posting_id,
        "last_lotentry": close.last_lotentry_id, "earliest_at": micros, "latest_at": micros, "closed_at": micros,
        "totals": close.totals,
    }  # fmt: skip
    text = json.dumps(head, sort_keys=True, separators=(",", ":")) + "\n"
    parts = []
    for columns, rest in [
        ("id, public_id, key, fingerprint, reason, cause, (extract(epoch FROM at) * 1000000)::bigint, actor, memo,"
         " hold_id, reverses_id", "ledger_journal ORDER BY id"),
        ("id, journal_id, account_id, amount", "ledger_posting ORDER BY id"),
        ("e.id, e.lot_id, e.posting_id, e.amount, l.public_id, l.account_id, l.origin, l.quantity,"
         " (extract(epoch FROM l.expires_at) * 1000000)::bigint",
         "ledger_lotentry e JOIN ledger_lot l ON l.id = e.lot_id ORDER BY e.id"),
        ("c.account_id, c.posted, a.public_id, a.owner_id, a.kind, a.asset, a.ref",
         "ledger_checkpoint c JOIN ledger_account a ON a.id = c.account_id ORDER BY c.account_id"),
    ]:  # fmt: skip
        with connection.cursor() as c, c.cursor.copy(f"COPY (SELECT {columns} FROM {rest}) TO STDOUT") as rows:
            parts.append(hashlib.sha256(b"".join(bytes(block) for block in rows)).hexdigest())
    text += " ".join(parts) + "\n"
    assert close.hash == hashlib.sha256(text.encode()).hexdigest()


def test_no_setting_of_a_session_changes_the_hash(lived, later):
    close = actions.close_day(now=later())
    with connection.cursor() as c:
        c.execute("SET LOCAL TimeZone = 'Asia/Tokyo'; SET LOCAL DateStyle = 'German'")
        c.execute("SET LOCAL client_encoding = 'GB18030'")
        [told] = chain.digests([close])
        c.execute("SET LOCAL client_encoding = 'UTF8'; SET LOCAL DateStyle = 'ISO'; SET LOCAL TimeZone = 'UTC'")
    assert told.hash == close.hash


class TestOutsideTheDatabase:
    def test_each_close_is_one_line_of_a_file(self, lived, later):
        first, second = (actions.close_day(now=later(days=n)) for n in (0, 1))
        assert [(x["number"], x["day"], x["hash"], x["previous_hash"]) for x in said()] == [
            (1, "2026-11-22", first.hash, ""),
            (2, "2026-11-23", second.hash, first.hash),
        ]
        assert said()[0]["closed_at"] == "2026-11-23T09:12:00+08:00"

    def test_what_a_dying_process_left_out_is_added_by_the_next(self, lived, later, monkeypatch):
        monkeypatch.setattr(closings, "append", lambda path, text: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            actions.close_day(now=later())
        assert DayClose.objects.count() == 1
        assert not file().exists()
        monkeypatch.undo()
        settings.BOOKS_CLOSINGS_FILE = file()
        assert actions.close_day(now=later()) is None
        assert [x["number"] for x in said()] == [1]

    @pytest.mark.parametrize("length", [1, 40, -1])
    def test_a_line_that_was_cut_is_completed(self, lived, later, length):
        actions.close_day(now=later())
        whole = file().read_bytes()
        file().write_bytes(whole[:length])
        assert wrong() == []
        assert actions.export_closings() == len(whole[length:])
        assert file().read_bytes() == whole
        assert actions.export_closings() == 0

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace('"hash": "', '"hash": "0'),
            lambda text: text.replace("2026-11-22", "2026-11-21"),
            lambda text: text + text,
            lambda text: text + "[",
            lambda text: "not a closing\n",
        ],
    )
    def test_a_file_that_contradicts_is_never_written_to(self, lived, later, change):
        actions.close_day(now=later())
        file().write_text(change(file().read_text()))
        before = file().read_bytes()
        with pytest.raises(Refused, match="says something else"):
            actions.close_day(now=later(**DAY))
        assert file().read_bytes() == before
        assert {name for name, _day, _saying in wrong()} == {"closings"}
        with pytest.raises(CommandError, match="says something else"):
            call_command("books", "close")


def test_whoever_dies_while_hashing_has_changed_nothing(lived, later, monkeypatch, totals):
    before = totals()
    monkeypatch.setattr(closing.chain, "digests", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        actions.close_day(now=later())
    assert totals() == before
    assert not Checkpoint.objects.exists()
    monkeypatch.undo()
    assert not file().exists()


def test_the_beat_and_the_command_close_and_print_the_hash(lived, capsys):
    tasks.close_day()
    close = DayClose.objects.get()
    call_command("books", "close")
    text = capsys.readouterr().out
    assert "Nothing to close." in text
    assert close.hash in text


def test_the_hash_is_in_the_log(lived, later, caplog):
    close = actions.close_day(now=later())
    assert close.hash in caplog.text


class TestBesideOthers:
    @pytest.fixture
    def db(self, own_database):
        """Real commits."""

    def test_two_at_once_make_one_close(self, lived, later, at_once):
        results = at_once(2, lambda i: actions.close_day(now=later()))
        assert sorted(str(r) for r in results) == ["1: 2026-11-22", "None"]
        assert [x["number"] for x in said()] == [1]
        assert wrong() == []

    def test_it_waits_for_whoever_is_writing_and_seals_that_too(self, lived, jiangnan, later, at_once):
        wallet, order, begun = lived.wallet(jiangnan), lived.order(), threading.Event()

        def work(i):
            if i == 0:
                with transaction.atomic():
                    lived.pay(wallet, 5, target=order, key="slow")
                    begun.set()
                    with connection.cursor() as c:
                        c.execute("SELECT pg_sleep(1)")
                return None
            begun.wait(timeout=60)
            return actions.close_day(now=later())

        _, close = at_once(2, work)
        assert close.journals == 4
        assert close.last_posting_id == Posting.objects.latest("pk").pk
        assert wrong() == []

    def test_who_writes_for_too_long_is_not_waited_for(self, lived, jiangnan, later, at_once, monkeypatch):
        monkeypatch.setattr(closing, "TRIES", 1)
        wallet, begun, over = lived.wallet(jiangnan), threading.Event(), threading.Event()

        def work(i):
            if i == 0:
                with transaction.atomic():
                    lived.pay(wallet, 5, key="slow")
                    begun.set()
                    over.wait(timeout=60)
                return None
            begun.wait(timeout=60)
            try:
                return actions.close_day(now=later())
            finally:
                over.set()

        _, refused = at_once(2, work)
        assert refused.code == "books_busy"
        assert actions.close_day(now=later()).journals == 4
        assert wrong() == []

    @pytest.mark.slow
    def test_closing_while_many_write_seals_every_entry_once(self, lived, jiangnan, yongli, later, at_once):
        lived.top_up(jiangnan, 100_000)
        wallet, order = lived.wallet(jiangnan), lived.order()

        def work(i):
            if i == 0:
                return [actions.close_day(now=later(days=n)) for n in range(12)]
            if i == 1:  # draws its ids before it inserts
                entry = [actions.Leg(lived.bank, -1), actions.Leg(wallet, 1)]
                for n in range(25):
                    batch = [actions.Entry(f"m{n}:{k}", "top_up", "payment:p", entry) for k in range(40)]
                    actions.post_many(batch, now=later(days=n))
                return None
            return [lived.pay(wallet, 1, target=order, key=f"p{i}:{n}") for n in range(60)]

        results = at_once(6, work)
        assert [r for r in results if isinstance(r, Exception)] == []
        closes = [c for c in results[0] if c]
        last = actions.close_day(now=later(days=99))
        assert sum(c.journals for c in [*closes, last]) == 3 + 1 + 25 * 40 + 4 * 60
        assert wrong() == []
