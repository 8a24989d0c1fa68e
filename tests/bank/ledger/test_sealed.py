"""What somebody with every right does to a closed day is found, and named by its day."""

import re

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from bank.ledger import actions, chain, proof
from bank.ledger.models import DayClose, Journal

FIRST, SECOND, THIRD = "2026-11-22", "2026-11-23", "2026-11-24"


@pytest.fixture
def closed(books, jiangnan, yongli, later):
    """Three closed days and an open one; the same amounts move in the open one, back and forth."""
    books.top_up(jiangnan, 1000)
    books.earn(yongli, 500)
    actions.close_day(now=later())
    with connection.cursor() as c:  # as after an entry that was rolled back
        for table in ("journal", "posting", "posting"):
            c.execute(f"SELECT nextval(pg_get_serial_sequence('ledger_{table}', 'id'))")
    books.pay(books.wallet(jiangnan), 100)
    actions.close_day(now=later(days=1))
    books.pay(books.wallet(jiangnan), 50)
    actions.close_day(now=later(days=2))
    books.pay(books.wallet(jiangnan), 3)
    with connection.cursor() as c:
        c.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return books


def found() -> set[tuple[str, str]]:
    """(check, day) of everything that is wrong."""
    return {(o.check.name, subject) for o in proof.prove() for subject, _saying in o.wrong}


def sealing(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(name, day) for name, day in found if name in {"closes", "checkpoints", "closings"}}


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        ("UPDATE ledger_journal SET memo = '{\"a\": 1}' WHERE id = {first}", {("closes", FIRST)}),
        ("UPDATE ledger_journal SET actor = 'user:9' WHERE id = {second}", {("closes", SECOND)}),
        ("UPDATE ledger_journal SET cause = 'order:ord_2' WHERE id = {second}", {("closes", SECOND)}),
        ("UPDATE ledger_journal SET fingerprint = reverse(fingerprint) WHERE id = {third}", {("closes", THIRD)}),
        (
            "UPDATE ledger_journal SET at = at + interval '1 microsecond' WHERE id = {second}",
            {("closes", SECOND), ("checkpoints", SECOND), ("checkpoints", THIRD)},
        ),
        ("UPDATE ledger_lot SET origin = 'slot:slt_9'", {("closes", FIRST)}),
        ("UPDATE ledger_lot SET expires_at = expires_at + interval '1 day'", {("closes", FIRST)}),
        ("UPDATE ledger_account SET ref = 'x' WHERE kind = 'claims'", {("closes", FIRST)}),
        (
            "UPDATE ledger_account SET owner_id = (SELECT owner_id FROM ledger_account WHERE kind = 'claims')"
            " WHERE kind = 'wallet'",
            {("closes", FIRST), ("closes", SECOND), ("closes", THIRD)},
        ),
        (  # money that never was, in two days at once: replay, zero sum and every balance agree
            "UPDATE ledger_posting SET amount = amount * 2 WHERE journal_id IN ({second}, {third});"
            "UPDATE ledger_account SET posted = posted - 150 WHERE kind = 'wallet';"
            "UPDATE ledger_account SET posted = posted + 150 WHERE kind = 'clearing_order'",
            {("closes", SECOND), ("closes", THIRD), ("checkpoints", SECOND), ("checkpoints", THIRD)},
        ),
        (  # taken out with both its sides, and the balances put right
            "DELETE FROM ledger_posting WHERE journal_id = {second}; DELETE FROM ledger_journal WHERE id = {second};"
            "UPDATE ledger_account SET posted = posted + 100 WHERE kind = 'wallet';"
            "UPDATE ledger_account SET posted = posted - 100 WHERE kind = 'clearing_order'",
            {("closes", SECOND), ("checkpoints", SECOND), ("checkpoints", THIRD)},
        ),
        ("UPDATE ledger_checkpoint SET posted = 1 WHERE close_id = 1", {("closes", FIRST), ("checkpoints", FIRST)}),
        ("DELETE FROM ledger_checkpoint WHERE close_id = 3", {("closes", THIRD), ("checkpoints", THIRD)}),
        ("UPDATE ledger_dayclose SET totals = '{}' WHERE number = 2", {("closes", SECOND), ("checkpoints", SECOND)}),
        ("UPDATE ledger_dayclose SET closed_at = closed_at + interval '1 hour' WHERE number = 2",
         {("closes", SECOND), ("closings", SECOND)}),
        ("UPDATE ledger_dayclose SET journals = 7 WHERE number = 3", {("closes", THIRD), ("closings", THIRD)}),
        ("UPDATE ledger_dayclose SET hash = repeat('0', 64) WHERE number = 2",
         {("closes", SECOND), ("closes", THIRD), ("closings", SECOND)}),
        ("UPDATE ledger_dayclose SET previous_hash = '' WHERE number = 3", {("closes", THIRD), ("closings", THIRD)}),
        ("UPDATE ledger_dayclose SET last_journal_id = last_journal_id - 1 WHERE number = 1",
         {("closes", FIRST), ("closes", SECOND)}),
        ("DELETE FROM ledger_checkpoint WHERE close_id = 3; DELETE FROM ledger_dayclose WHERE number = 3",
         {("closings", THIRD)}),
        ("DELETE FROM ledger_checkpoint; DELETE FROM ledger_dayclose",
         {("closings", FIRST), ("closings", SECOND), ("closings", THIRD)}),
    ],
)  # fmt: skip
def test_it_is_found_and_named_by_its_day(closed, tamper, sql, wrong):
    assert found() == set()
    entries = Journal.objects.exclude(reason="claim_earned").order_by("pk").values_list("pk", flat=True)
    for name, pk in zip(("first", "second", "third"), entries, strict=False):
        sql = sql.replace(f"{{{name}}}", str(pk))
    tamper(sql)
    assert sealing(found()) == wrong


@pytest.mark.parametrize("back", [1, 10_000])
def test_an_entry_slipped_into_a_closed_day_is_found(closed, tamper, back):
    """With ids that are free there, both sides equal, and the balances as they would be."""
    paid = Journal.objects.filter(reason="order_charge").earliest("pk")
    tamper(
        "INSERT INTO ledger_journal (id, public_id, key, fingerprint, reason, cause, at, actor, memo)"
        f" SELECT id - {back}, 'jnl_slipped', 'slipped', fingerprint, reason, cause, at, actor, memo"
        f" FROM ledger_journal WHERE id = {paid.pk};"
        "INSERT INTO ledger_posting (id, journal_id, account_id, amount)"
        f" SELECT id - 2 * {back}, {paid.pk} - {back}, account_id, amount FROM ledger_posting"
        f" WHERE journal_id = {paid.pk};"
        "UPDATE ledger_account SET posted = posted - 100 WHERE kind = 'wallet';"
        "UPDATE ledger_account SET posted = posted + 100 WHERE kind = 'clearing_order'"
    )
    day = SECOND if back == 1 else FIRST
    assert {name for name, _day in found()} == {"closes", "checkpoints"}
    assert {when for name, when in found() if name == "closes"} == {day}


def test_a_chain_that_was_computed_anew_is_found_by_the_file_alone(closed, tamper):
    """Somebody changes a closed day, and then every hash after it."""
    paid = Journal.objects.filter(reason="order_charge").earliest("pk")
    tamper(f"UPDATE ledger_journal SET cause = 'order:ord_other' WHERE id = {paid.pk}")
    before = None
    for close in DayClose.objects.order_by("number"):
        close.previous_hash = before.hash if before else ""
        [(close.hash, _counts)] = chain.digests([close], before)
        tamper(
            f"UPDATE ledger_dayclose SET hash = '{close.hash}', previous_hash = '{close.previous_hash}'"
            f" WHERE number = {close.number}"
        )
        before = close
    assert found() == {("closings", SECOND), ("closings", THIRD)}
    settings.BOOKS_CLOSINGS_FILE.unlink()
    assert found() == set()  # so the file belongs on another machine


def test_the_command_compares_with_the_file_it_is_given(closed, tamper, tmp_path, capsys):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(settings.BOOKS_CLOSINGS_FILE.read_bytes())
    tamper("DELETE FROM ledger_checkpoint WHERE close_id = 3; DELETE FROM ledger_dayclose WHERE number = 3")
    settings.BOOKS_CLOSINGS_FILE.unlink()
    call_command("books", "check")
    assert re.search(r"ok +closings +no hash was compared: there is no file", capsys.readouterr().out)
    with pytest.raises(CommandError, match="wrong in 1 places"):
        call_command("books", "check", closings=elsewhere)
    assert f"{THIRD}: stands in the file of closings and not in the database" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no file"):
        call_command("books", "check", closings=tmp_path / "nowhere")


def test_what_the_file_lacks_at_its_end_is_not_wrong(closed):
    lines = settings.BOOKS_CLOSINGS_FILE.read_bytes().splitlines(keepends=True)
    settings.BOOKS_CLOSINGS_FILE.write_bytes(b"".join(lines[:-1]))
    assert found() == set()
    settings.BOOKS_CLOSINGS_FILE.write_bytes(b"".join(lines[1:]))
    assert {name for name, _day in found()} == {"closings"}
