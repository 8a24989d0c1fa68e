"""Whoever speaks SQL to the database is refused the same things as the code."""

import pytest
from django.conf import settings
from django.db import Error, InternalError, connection, transaction

from bank.ledger import actions, install
from bank.ledger.models import Hold, Journal, Lot, Posting

JOURNAL = (
    "INSERT INTO ledger_journal"
    " (public_id, key, fingerprint, reason, cause, at, actor, memo, hold_id, reverses_id, with_lots)"
    " VALUES (%(id)s, %(id)s, '', %(reason)s, 'order:ord_1', now(), '', '{}', %(hold)s, %(reverses)s, %(lots)s)"
    " RETURNING id"
)
POSTING = "INSERT INTO ledger_posting (journal_id, account_id, amount) VALUES "


def attack(*statements) -> str:
    """Run raw statements with the checks of a commit; the database's complaint, '' if it had none."""
    try:
        with transaction.atomic(), connection.cursor() as c:
            c.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")  # what came before is done
            for statement in statements:
                if callable(statement):
                    statement(c)
                else:
                    c.execute(statement)
            c.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except (Error, InternalError) as error:
        return str(error)
    finally:
        with connection.cursor() as c:
            c.execute("SET CONSTRAINTS ALL DEFERRED")
    return ""


def journal(*postings, reason="order_charge", hold=None, reverses=None, id="jnl_raw", lots=None):
    """A raw journal with its postings [(account, amount)] in one statement; lots: what it says of them, or truth."""
    says = any(account.lots for account, _amount in postings) if lots is None else lots

    def write(c):
        lines = ", ".join(f"({account.pk}::bigint, {amount}::bigint)" for account, amount in postings)
        statement = JOURNAL
        if lines:
            statement = (f"WITH j AS ({JOURNAL}) INSERT INTO ledger_posting (journal_id, account_id, amount)"
                         f" SELECT j.id, l.* FROM j, (VALUES {lines}) AS l")
        c.execute(statement, {"id": id, "reason": reason, "hold": hold, "reverses": reverses, "lots": says})

    return write


@pytest.fixture
def wallet(books, jiangnan):
    books.top_up(jiangnan, 100)
    return books.wallet(jiangnan)


@pytest.fixture
def order(books):
    return books.order()


def test_an_honest_raw_journal_passes_and_keeps_the_balances(books, wallet, order):
    assert attack(journal((wallet, -30), (order, 30))) == ""
    assert (books.posted(wallet), books.posted(order)) == (70, 30)


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ((-30, 29), "unbalanced in CNY"),
        ((-30,), "unbalanced in CNY"),
        ((), "is empty"),
        ((-101, 101), "ledger_floor"),
        ((0, 0), "posting_amount"),
    ],
)
def test_a_raw_journal_that_is_wrong_is_refused(wallet, order, totals, amounts, said):
    before = totals()
    assert said in attack(journal(*zip((wallet, order), amounts, strict=False)))
    assert totals() == before


def test_an_unlisted_route_is_refused(books, wallet, yongli, totals):
    other = books.wallet(yongli)
    before = totals()
    assert "route that is not listed" in attack(journal((wallet, -30), (other, 30)))
    assert "route that is not listed" in attack(journal((wallet, -30), (other, 30), reason="reversal"))
    assert totals() == before


def test_every_giver_needs_a_route_to_every_taker(books, wallet, yongli, order, totals):
    books.top_up(yongli, 100)
    taker = books.wallet(yongli)
    before = totals()
    assert "route that is not listed" in attack(journal((books.bank, -30), (wallet, -30), (taker, 60), reason="top_up"))
    assert attack(journal((wallet, -30), (taker, -30), (order, 60))) == ""
    assert totals() != before


@pytest.mark.parametrize("missing", ["journal", "account"])
def test_a_line_of_a_journal_or_an_account_that_is_not_there_is_refused(books, wallet, order, totals, missing):
    paid, nowhere = books.pay(wallet, 30).pk, 2**40
    before = totals()
    lines = (f"({nowhere}, {wallet.pk}, -5), ({nowhere}, {order.pk}, 5)" if missing == "journal"
             else f"({paid}, {wallet.pk}, -5), ({paid}, {nowhere}, 5)")
    assert "is not there" in attack(POSTING + lines)
    assert totals() == before


def test_two_assets_are_not_summed_together(books, wallet, totals):
    backing = books.backing
    before = totals()
    assert "unbalanced" in attack(journal((wallet, -30), (backing, 30)))
    assert totals() == before


def test_a_raw_reversal_must_be_the_mirror_and_the_only_one(books, wallet, order, totals):
    paid = books.pay(wallet, 30)
    before = totals()
    mirror = {"reason": "reversal", "reverses": paid.pk}
    assert "mirror" in attack(journal((order, -29), (wallet, 29), **mirror))
    assert "mirror" in attack(journal((order, -30), (wallet, 30), reason="order_refund", reverses=paid.pk))
    assert totals() == before
    undone = actions.reverse(key="u", journal=paid, reason="x", actor="user:1", now=books.now)
    before = totals()
    assert "unique" in attack(journal((order, -30), (wallet, 30), **mirror))
    assert "mirror" in attack(journal((wallet, -30), (order, 30), reason="reversal", reverses=undone.pk))
    assert totals() == before


ONCE = ["journal", "posting", "lotentry", "dayclose", "checkpoint"]
PK = {"dayclose": "number"}


@pytest.mark.parametrize("table", ONCE)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_{} SET {pk} = {pk}",
        "DELETE FROM ledger_{}",
        "TRUNCATE ledger_{} CASCADE",
        "DELETE FROM ledger_{} WHERE false",
    ],
)
def test_what_is_written_once_is_not_changed(books, wallet, yongli, totals, table, statement):
    books.earn(yongli, 100)
    actions.close_day(now=books.now)
    before = totals()
    assert "written once" in attack(statement.format(table, pk=PK.get(table, "id")))
    assert totals() == before


@pytest.mark.parametrize("table", ["account", "hold", "lot", "lotpin"])
@pytest.mark.parametrize("statement", ["DELETE FROM ledger_{}", "TRUNCATE ledger_{} CASCADE"])
def test_what_carries_balances_is_not_deleted(books, wallet, totals, table, statement):
    before = totals()
    assert "is refused" in attack(statement.format(table))
    assert totals() == before


@pytest.mark.parametrize(
    "change",
    [
        "posted = posted + 1",
        "held = held + 1",
        "excess = 1",
        "floor = -5",
        "floor = NULL",
        "counted = false",
        "ceiling = 5",
        "kind = 'fees'",
        "asset = 'USD'",
        "owner_id = NULL",
        "lots = true",
        "ref = 'x'",
    ],
)
def test_an_account_is_not_changed_by_hand(wallet, totals, change):
    before = totals()
    assert attack(f"UPDATE ledger_account SET {change} WHERE id = {wallet.pk}")
    assert totals() == before


@pytest.mark.parametrize(
    "values",
    [
        "'x', {owner}, 'wallet', 'CNY', '', 0, NULL, 5, 0, 0, true, false",  # born rich
        "'x', {owner}, 'wallet', 'CNY', 'b', NULL, NULL, 0, 0, 0, true, false",  # without its floor
        "'x', {owner}, 'wallet', 'CNY', 'b', -9, NULL, 0, 0, 0, true, false",
        "'x', {owner}, 'wallet', 'CNY', 'b', NULL, NULL, 0, 0, 0, false, false",  # that only collects
        "'x', NULL, 'wallet', 'CNY', 'b', 0, NULL, 0, 0, 0, true, false",
        "'x', {owner}, 'wallet', 'CH:CPU', 'b', 0, NULL, 0, 0, 0, true, false",
        "'x', {owner}, 'piggy_bank', 'CNY', 'b', 0, NULL, 0, 0, 0, true, false",
        "'x', {owner}, 'wallet', 'CNY', '', 0, NULL, 0, 0, 0, true, false",  # a second one
    ],
)
def test_an_account_is_born_empty_and_as_the_chart_says(wallet, totals, values):
    before = totals()
    assert attack(
        "INSERT INTO ledger_account (public_id, owner_id, kind, asset, ref, floor, ceiling, posted, held,"
        f" excess, counted, lots) VALUES ({values.format(owner=wallet.owner_id)})"
    )
    assert totals() == before


def test_nothing_is_added_to_a_journal_of_an_earlier_transaction(wallet, order, totals):
    paid = Journal.objects.get(reason="top_up")
    before = totals()
    assert "is closed" in attack(POSTING + f"({paid.pk}, {wallet.pk}, -5), ({paid.pk}, {order.pk}, 5)")
    assert totals() == before


def test_nothing_is_added_to_a_journal_of_the_same_transaction(wallet, order, totals):
    before = totals()
    assert "is closed" in attack(
        journal((wallet, -5), (order, 5)),
        lambda c: c.execute(POSTING + f"((SELECT max(id) FROM ledger_journal), {order.pk}, 7)"),
    )
    assert totals() == before


def test_a_journal_does_not_wait_for_its_postings(wallet, order, totals):
    before = totals()
    assert "is empty" in attack(
        journal(),
        lambda c: c.execute(POSTING + "({0}, {1}, -5), ({0}, {2}, 5)".format(
            "(SELECT max(id) FROM ledger_journal)", wallet.pk, order.pk)),
    )
    assert totals() == before


def test_a_journal_that_moves_lots_says_so(books, yongli, totals):
    claims = books.claims(yongli)
    before = totals()
    moved = ((books.backing, -5), (claims, 5))
    assert "does not say that it moves lots" in attack(journal(*moved, reason="claim_earned", lots=False))
    assert "lots of journal jnl_raw do not add up" in attack(journal(*moved, reason="claim_earned"))
    assert totals() == before


def test_what_floorless_accounts_collect_is_not_written_by_hand(books, wallet, totals):
    bank = books.bank
    before = totals()
    assert "refused" in attack(f"INSERT INTO ledger_uncounted (account_id, amount) VALUES ({bank.pk}, 5)")
    assert "refused" in attack("UPDATE ledger_uncounted SET amount = amount + 1")
    assert "refused" in attack("TRUNCATE ledger_uncounted")
    assert totals() == before
    assert attack("DELETE FROM ledger_uncounted") == ""  # only rolls up
    assert books.posted(bank) == -100


@pytest.mark.parametrize(
    "change",
    [
        "amount = 60",
        "settled = 10",
        "settled = 50, state = 'settled', resolved_at = now()",
        "released = 10, state = 'released'",
        "released = 51",
        "released = -1",
        "state = 'settled', resolved_at = now()",
        "account_id = account_id + 1",
        "key = 'x'",
    ],
)
def test_a_hold_is_not_changed_by_hand(books, wallet, totals, change):
    hold = books.hold(wallet, 50)
    before = totals()
    assert attack(f"UPDATE ledger_hold SET {change} WHERE id = {hold.pk}")
    assert totals() == before


def test_a_resolved_hold_is_not_opened_or_charged_again(books, wallet, order, totals):
    hold = books.hold(wallet, 50)
    actions.release(key="r", hold=hold, now=books.now)
    before = totals()
    assert attack(f"UPDATE ledger_hold SET state = 'open', released = 0, resolved_at = NULL WHERE id = {hold.pk}")
    assert attack(f"UPDATE ledger_hold SET state = 'expired' WHERE id = {hold.pk}")
    assert attack(f"UPDATE ledger_hold SET resolved_at = now() WHERE id = {hold.pk}")
    assert attack(journal((wallet, -10), (order, 10), hold=hold.pk))
    assert totals() == before


def test_a_raw_charge_of_a_hold_keeps_the_hold_right(books, wallet, order, totals):
    hold = books.hold(wallet, 50)
    assert attack(journal((wallet, -20), (order, 20), hold=hold.pk)) == ""
    hold.refresh_from_db()
    assert (hold.settled, hold.left, books.held(wallet), books.posted(wallet)) == (20, 30, 30, 80)
    before = totals()
    assert "ledger_hold" in attack(journal((wallet, -31), (order, 31), hold=hold.pk, id="jnl_raw2"))
    assert totals() == before


def test_a_journal_that_charges_nothing_of_its_hold_is_refused(books, wallet, jiangnan, totals):
    hold = books.hold(wallet, 50)
    line, order = books.credit_line(jiangnan, 10), books.order()
    before = totals()
    assert "settles nothing" in attack(journal((line, -5), (order, 5), hold=hold.pk))
    assert totals() == before


def test_a_hold_above_what_is_available_is_refused(wallet, totals):
    before = totals()
    assert "ledger_floor" in attack(
        "INSERT INTO ledger_hold"
        " (public_id, key, fingerprint, account_id, amount, settled, released, state, cause,"
        f" created_at, resolve_key) VALUES ('h', 'h', '', {wallet.pk}, 101, 0, 0, 'open', 'x', now(), '')"
    )
    assert totals() == before


def test_hours_without_their_lots_are_refused(books, yongli, totals):
    books.earn(yongli, 100)
    claims, backing = books.claims(yongli), books.backing
    before = totals()
    assert "lots" in attack(journal((backing, -5), (claims, 5), reason="claim_earned"))
    assert "lots" in attack(journal((claims, -5), (backing, 5), reason="claim_spent"))
    assert totals() == before


@pytest.mark.parametrize(
    "change", ["remaining = 0", "pinned = 1", "expires_at = now() + interval '9 years'", "quantity = 1000"]
)
def test_a_lot_is_not_changed_by_hand(books, yongli, totals, change):
    books.earn(yongli, 100)
    before = totals()
    assert attack(f"UPDATE ledger_lot SET {change}")
    assert totals() == before


def test_a_lot_entry_belongs_to_its_posting(books, yongli, totals):
    books.earn(yongli, 100)
    lot, posting = Lot.objects.get(), Posting.objects.get(amount=100)
    before = totals()
    for amount in (-1, 1):
        assert "part of a posting" in attack(
            f"INSERT INTO ledger_lotentry (lot_id, posting_id, amount) VALUES ({lot.pk}, {posting.pk}, {amount})"
        )
    assert totals() == before


class TestRuntimeRole:
    """The role that the portal runs as, with the rights that `migrate` leaves it."""

    @pytest.fixture
    def role(self, books, wallet, yongli):
        books.earn(yongli, 100)
        name = connection.ops.quote_name(settings.DATABASE_RUNTIME_ROLE)
        with connection.cursor() as c:
            c.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.DATABASE_RUNTIME_ROLE])
            if c.fetchone() is None:
                c.execute(f"CREATE ROLE {name}")
            c.execute("SELECT current_user")
            owner = connection.ops.quote_name(c.fetchone()[0])
            # as generous as a host may be; migrate's last step takes back what it must
            c.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO {name}")
            c.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}")
            assert install.restrict(connection, settings.DATABASE_RUNTIME_ROLE)
            c.execute(f"SET ROLE {name}")
        yield name
        with connection.cursor() as c:
            c.execute(f"SET ROLE {owner}")

    @pytest.mark.parametrize("table", ONCE)
    @pytest.mark.parametrize(
        "statement", ["UPDATE ledger_{} SET {pk} = {pk}", "DELETE FROM ledger_{}", "TRUNCATE ledger_{}"]
    )
    def test_it_may_not_change_what_is_written_once(self, role, table, statement):
        assert "permission denied" in attack(statement.format(table, pk=PK.get(table, "id")))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_account SET posted = 5",
            "UPDATE ledger_account SET held = 5",
            "DELETE FROM ledger_account",
            "UPDATE ledger_hold SET settled = 5",
            "DELETE FROM ledger_hold",
            "UPDATE ledger_lot SET remaining = 5",
            "INSERT INTO ledger_uncounted (account_id, amount) VALUES (1, 5)",
            "INSERT INTO ledger_route (source, target, reason) VALUES ('wallet', 'wallet', 'gift')",
            "UPDATE ledger_kind SET floor_rule = 'none'",
            "ALTER TABLE ledger_posting DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
            "DROP FUNCTION ledger_whole() CASCADE",
        ],
    )
    def test_it_may_not_write_balances_or_the_chart(self, role, statement):
        assert "denied" in attack(statement) or "must be owner" in attack(statement)

    def test_a_trigger_of_its_own_gives_it_no_right(self, role, wallet):
        said = attack(
            "CREATE TEMP TABLE lever (n int)",
            "CREATE FUNCTION pg_temp.lever() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN UPDATE public.ledger_account SET posted = posted + 5; RETURN NULL; END $$",
            "CREATE TRIGGER lever AFTER INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.lever()",
            "INSERT INTO lever VALUES (1)",
        )
        assert "permission denied" in said

    def test_a_temporary_table_does_not_stand_in_for_one_of_ours(self, role, books, wallet, totals):
        order = books.order()
        before = totals()
        assert "route that is not listed" in attack(
            "CREATE TEMP TABLE ledger_route AS"
            " SELECT 'wallet' AS source, 'clearing_order' AS target, 'top_up' AS reason",
            journal((wallet, -5), (order, 5), reason="top_up"),
        )
        assert totals() == before

    def test_it_may_do_everything_that_the_portal_does(self, role, books, wallet, jiangnan, yongli, later):
        books.pay(wallet, 10)
        hold = books.hold(wallet, 50, expires_at=later(hours=1))
        books.settle(hold, 20)
        actions.extend(hold=hold, expires_at=later(hours=2), now=books.now)
        actions.release(key="r", hold=hold, now=books.now)
        books.hold(wallet, 5, expires_at=later(hours=1))
        assert actions.expire_holds(now=later(hours=1)) == 1
        actions.set_floor(account=books.credit_line(jiangnan, 100), floor=-50, now=books.now)
        claims = books.claims(yongli)
        pinned = books.hold(claims, 20)
        actions.settle(
            key="s",
            hold=pinned,
            target=books.order(asset="CH:CPU"),
            amount=5,
            reason="claim_spent",
            now=books.now,
            final=True,
        )
        paid = books.pay(wallet, 1)
        actions.reverse(key="u", journal=paid, reason="x", actor="user:1", now=books.now)
        actions.post_many(
            [
                actions.Entry(
                    "m",
                    "order_charge",
                    "order:ord_1",
                    [actions.Leg(wallet, -1), actions.Leg(books.order(), 1)],
                )
            ],
            now=books.now,
        )
        assert actions.expire_lots(now=later(days=400)) == 1
        assert actions.roll_up() > 0
        assert actions.close_day(now=books.now).journals > 0
        assert attack("SELECT 1") == ""
        assert Hold.objects.filter(state="open").count() == 0
