"""`books check` proves clean books and names what somebody tampered with behind the triggers' back."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from bank.ledger import actions, install, proof


@pytest.fixture
def lived(books, jiangnan, yongli, later):
    """Books with a bit of everything."""
    books.top_up(jiangnan, 1000)
    wallet = books.wallet(jiangnan)
    books.pay(wallet, 100)
    hold = books.hold(wallet, 50)
    books.settle(hold, 20)
    books.earn(yongli, 500, days=3)
    books.earn(yongli, 500, days=30)
    books.hold(books.claims(yongli), 700)
    undone = books.top_up(jiangnan, 7)
    actions.reverse(key="u", journal=undone, reason="x", actor="user:1", now=books.now)
    actions.expire_lots(now=later(days=4))
    actions.roll_up()
    books.top_up(jiangnan, 1)
    with connection.cursor() as c:
        c.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return books


def check() -> tuple[str, bool]:
    out = StringIO()
    try:
        call_command("books", "check", stdout=out)
    except CommandError as error:
        return out.getvalue() + str(error), False
    return out.getvalue(), True


def test_it_proves_sound_books_and_says_what_it_looked_at(lived):
    said, right = check()
    assert right, said
    for proven in (
        "replay",
        "lines",
        "zero sum",
        "journals",
        "routes",
        "reversals",
        "floors",
        "holds",
        "lots",
        "keys",
        "accounts",
        "closes",
        "checkpoints",
        "closings",
        "guards",
        "chart",
    ):
        assert f"ok     {proven}" in said
    assert "16 postings" in said
    assert "The books are right" in said


def test_it_proves_empty_books(db):
    assert check()[1]


@pytest.mark.parametrize(
    ("sql", "checks"),
    [
        ("UPDATE ledger_account SET posted = posted + 1 WHERE kind = 'wallet'", {"replay"}),
        ("UPDATE ledger_account SET posted = posted - 1 WHERE kind = 'bank'", {"replay"}),
        ("DELETE FROM ledger_uncounted", {"replay"}),
        ("UPDATE ledger_account SET held = held + 1 WHERE kind = 'wallet'", {"holds"}),
        ("UPDATE ledger_account SET excess = 5 WHERE kind = 'wallet'", {"floors"}),
        (
            "UPDATE ledger_posting SET amount = amount + 1 WHERE id = (SELECT min(id) FROM ledger_posting)",
            {"replay", "zero sum", "journals"},
        ),
        (
            "DELETE FROM ledger_posting WHERE journal_id = (SELECT min(journal_id) FROM ledger_posting)",
            {"replay", "journals"},
        ),
        (
            "UPDATE ledger_posting SET account_id ="
            " (SELECT id FROM ledger_account WHERE kind = 'clearing_order')"
            " WHERE id = (SELECT max(p.id) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
            " WHERE a.kind = 'wallet')",
            {"replay", "routes"},
        ),
        (
            "UPDATE ledger_posting SET account_id = -1 WHERE id = (SELECT min(id) FROM ledger_posting)",
            {"replay", "lines", "zero sum", "journals"},
        ),
        (
            "UPDATE ledger_posting SET journal_id = -1"
            " WHERE journal_id = (SELECT min(journal_id) FROM ledger_posting)",
            {"lines", "journals"},
        ),
        ("UPDATE ledger_journal SET reason = 'payout' WHERE reason = 'top_up'", {"routes"}),
        (
            "UPDATE ledger_journal SET reverses_id = (SELECT min(id) FROM ledger_journal)"
            " WHERE reverses_id IS NOT NULL",
            {"reversals"},
        ),
        ("UPDATE ledger_hold SET settled = settled + 1 WHERE settled > 0", {"holds"}),
        ("UPDATE ledger_hold SET released = released + 1", {"holds", "lots"}),
        ("UPDATE ledger_lot SET remaining = remaining - 1 WHERE pinned < remaining", {"lots"}),
        ("UPDATE ledger_lotpin SET amount = amount - 1", {"lots"}),
        (
            "UPDATE ledger_lotentry SET amount = amount - 1 WHERE id = (SELECT max(id) FROM ledger_lotentry)",
            {"lots"},
        ),
        ("INSERT INTO ledger_route (source, target, reason) VALUES ('wallet', 'bank', 'top_up')", {"chart"}),
        ("DELETE FROM ledger_route WHERE source = 'fees'", {"chart"}),
        ("UPDATE ledger_account SET ceiling = 1000000 WHERE kind = 'wallet'", {"accounts"}),
        ("UPDATE ledger_journal SET key = '' WHERE reason = 'order_charge' AND hold_id IS NULL", {"keys"}),
        ("UPDATE ledger_hold SET key = '' WHERE settled > 0", {"keys"}),
        ("UPDATE ledger_journal SET fingerprint = '' WHERE reason = 'reversal'", {"keys"}),
        ("UPDATE ledger_hold SET fingerprint = ''", {"keys"}),
        (
            "ALTER TABLE ledger_journal DROP CONSTRAINT journal_key;"
            " UPDATE ledger_journal SET key = (SELECT key FROM ledger_journal ORDER BY id LIMIT 1)",
            {"keys"},
        ),
        (
            "ALTER TABLE ledger_hold DROP CONSTRAINT hold_key; UPDATE ledger_hold SET key = 'twice'",
            {"keys"},
        ),
        ("UPDATE ledger_journal SET hold_id = NULL WHERE hold_id IS NOT NULL", {"holds"}),
        (
            "UPDATE ledger_lot SET account_id = (SELECT id FROM ledger_account WHERE kind = 'wallet')"
            " WHERE pinned > 0",
            {"lots"},
        ),
    ],
)
def test_it_finds_and_names_what_contradicts(lived, tamper, sql, checks):
    tamper(sql)
    assert {o.check.name for o in proof.prove() if o.wrong} == checks
    said, right = check()
    assert not right
    assert "The books are wrong" in said


def test_it_names_the_account(lived, tamper, jiangnan):
    wallet = lived.wallet(jiangnan)
    tamper(f"UPDATE ledger_account SET posted = posted + 5 WHERE id = {wallet.pk}")
    said, _ = check()
    assert f"{wallet.public_id}: wallet CNY: the row says 886, the journal says 881" in said


def test_it_finds_a_trigger_that_is_gone_or_switched_off(lived):
    with connection.cursor() as c:
        c.execute("ALTER TABLE ledger_posting DISABLE TRIGGER ledger_posted")
        c.execute("DROP TRIGGER ledger_written_once ON ledger_journal")
    said, right = check()
    assert not right
    assert "ledger_posting.ledger_posted: is missing or switched off" in said
    assert "ledger_journal.ledger_written_once: is missing or switched off" in said


def test_it_finds_a_guard_that_was_rewritten(lived):
    with connection.cursor() as c:
        c.execute(
            "CREATE OR REPLACE FUNCTION ledger_whole() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN NULL; END $$"
        )
    assert "ledger_whole(): is not as in sql/" in check()[0]


def test_every_guard_in_the_database_is_looked_for(db):
    with connection.cursor() as c:
        c.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND c.relname LIKE 'ledger_%'"
        )
        assert set(c.fetchall()) == install.triggers()
        c.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'ledger_%'")
        assert {name for (name,) in c.fetchall()} == set(install.functions())


def test_migrating_again_replaces_guards_only_when_they_differ(db):
    assert not install.install(connection)
    with connection.cursor() as c:
        c.execute("DROP FUNCTION ledger_refuse() CASCADE")
        c.execute("COMMENT ON FUNCTION ledger_posted() IS 'of another version'")
    assert install.install(connection)
    assert check()[1]


def test_roll_up_says_how_many(lived):
    out = StringIO()
    call_command("books", "roll_up", stdout=out)
    assert "1 amounts" in out.getvalue()
