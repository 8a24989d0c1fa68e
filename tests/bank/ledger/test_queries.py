"""Reading the books: balances, statements, both sides, everything of one cause."""

import random

import pytest

from bank.ledger import actions, queries
from bank.ledger.models import DayClose, Posting


@pytest.fixture
def busy(books, jiangnan):
    """Twenty-five movements of one wallet."""
    books.top_up(jiangnan, 1000)
    wallet = books.wallet(jiangnan)
    for n in range(1, 25):
        books.pay(wallet, n)
    return wallet


def test_a_statement_shows_the_newest_first_with_running_balance(books, busy):
    lines = queries.statement(busy, limit=3)
    assert [(line.amount, line.running) for line in lines] == [(-24, 700), (-23, 724), (-22, 747)]
    assert lines[0].counterparts == ("clearing_order",)
    assert (lines[0].cause, lines[0].reason, lines[0].at) == ("order:ord_1", "order_charge", books.now)


def test_pages_follow_each_other_without_gap_or_repetition(busy):
    seen, cursor = [], None
    while page := queries.statement(busy, before=cursor, limit=10):
        seen += page
        cursor = page[-1].cursor
    whole = queries.statement(busy, limit=100)
    assert [(line.posting_id, line.running) for line in seen] == [(line.posting_id, line.running) for line in whole]
    assert seen[-1].running == 1000 == seen[-1].amount


def test_a_page_stays_right_when_something_is_booked_while_it_is_read(books, busy, jiangnan):
    first = queries.statement(busy, limit=10)
    books.top_up(jiangnan, 5000)
    second = queries.statement(busy, before=first[-1].cursor, limit=10)
    assert second[0].running == first[-1].running - first[-1].amount


def test_a_statement_of_an_account_without_floor_counts_what_is_not_rolled_up(books, jiangnan):
    for _ in range(4):
        books.top_up(jiangnan, 10)
    actions.roll_up(limit=2)
    assert [line.running for line in queries.statement(books.bank)] == [-40, -30, -20, -10]


@pytest.mark.parametrize("limit", [5, 50])
def test_a_statement_costs_the_same_queries_however_long(busy, limit, django_assert_num_queries):
    with django_assert_num_queries(4):
        queries.statement(busy, limit=limit)


@pytest.mark.parametrize("cursor", ["x", "1", "1.x", "", "9" * 60 + ".1"])
def test_a_cursor_that_is_none_is_refused_or_means_the_beginning(busy, cursor):
    if cursor == "":
        assert len(queries.statement(busy, before=cursor)) == 25
        return
    with pytest.raises(ValueError):
        queries.statement(busy, before=cursor)


def test_a_balance_at_a_past_instant(books, jiangnan, later):
    wallet, bank = books.wallet(jiangnan), books.bank
    for day in range(3):
        actions.transfer(
            key=f"d{day}",
            reason="top_up",
            cause="payment:pay_1",
            source=bank,
            target=wallet,
            amount=10 + day,
            now=later(days=day),
        )
    assert [queries.balance_at(wallet, later(days=d)) for d in (-1, 0, 1, 2)] == [0, 10, 21, 33]
    assert queries.balance_at(bank, later(days=1)) == -21


def test_balances_of_many_accounts_are_one_query(books, jiangnan, yongli, django_assert_num_queries):
    books.top_up(jiangnan, 100)
    books.hold(books.wallet(jiangnan), 30)
    accounts = [books.wallet(jiangnan), books.wallet(yongli), books.bank, books.credit_line(yongli, 50)]
    with django_assert_num_queries(1):
        found = queries.balances(accounts)
    assert [(b.posted, b.held, b.floor, b.available) for b in (found[a.pk] for a in accounts)] == [
        (100, 30, 0, 70),
        (0, 0, 0, 0),
        (-100, 0, None, None),
        (0, 0, -50, 50),
    ]


def test_a_journal_shows_both_sides_to_who_has_a_part_in_it(books, jiangnan, yongli):
    journal = books.top_up(jiangnan, 100)
    detail = queries.journal_detail(journal.public_id, organisation=jiangnan)
    assert [(p.account.kind, p.amount) for p in detail.legs] == [("bank", -100), ("wallet", 100)]
    assert detail.own == {books.wallet(jiangnan).pk}
    assert queries.journal_detail(journal.public_id, organisation=yongli) is None
    assert queries.journal_detail("jnl_none", organisation=jiangnan) is None


def test_a_journal_names_its_reversal(books, jiangnan):
    journal = books.top_up(jiangnan, 100)
    mirror = actions.reverse(key="u", journal=journal, reason="x", actor="user:1", now=books.now)
    assert queries.journal_detail(journal.public_id, organisation=jiangnan).reversed_by == mirror
    assert queries.journal_detail(mirror.public_id, organisation=jiangnan).journal.reverses == journal


def test_everything_of_one_order_is_found_by_its_cause(books, jiangnan):
    books.top_up(jiangnan, 100)
    hold = books.hold(books.wallet(jiangnan), 50)
    paid = books.settle(hold, 20, final=True)
    found = queries.lines_of_cause("order:ord_1")
    assert (found.journals, found.holds) == ((paid,), (hold,))
    assert queries.lines_of_cause("order:ord_2") == queries.CauseLines((), ())


def test_the_trial_balance_has_every_kind_and_sums_to_zero(books, jiangnan):
    books.top_up(jiangnan, 100)
    books.hold(books.wallet(jiangnan), 30)
    lines = {line.kind: (line.accounts, line.posted, line.held) for line in queries.trial_balance("CNY")}
    assert lines == {"bank": (1, -100, 0), "wallet": (1, 100, 30)}


@pytest.mark.parametrize("seed", range(8))
def test_a_balance_at_any_instant_is_the_replay_whatever_was_closed(books, jiangnan, later, seed):
    """Entries come on later and earlier clocks than their neighbours, and days are closed between them."""
    chance, day = random.Random(seed), 0
    wallet, order, bank = books.wallet(jiangnan), books.order(), books.bank
    for n in range(40):
        at = later(days=chance.choice([day, day, day, day - 3, day + 2]), minutes=chance.randrange(600))
        source, target, reason = chance.choice([(bank, wallet, "top_up"), (order, wallet, "order_refund")] * (n > 4)
                                               or [(bank, wallet, "top_up")])  # fmt: skip
        if queries.balance(source).available in range(5):
            source, target, reason = wallet, order, "order_charge"
        actions.transfer(key=f"k{n}", reason=reason, cause="order:ord_1", source=source, target=target,
                         amount=5, now=at)  # fmt: skip
        if chance.random() < 0.25:
            day += chance.choice([1, 1, 2, 5])
            actions.close_day(now=later(days=day))
    moves = list(Posting.objects.values_list("account_id", "amount", "journal__at"))
    instants = {at for _account, _amount, at in moves} | {later(days=d) for d in range(-4, day + 4)}
    assert DayClose.objects.count() > 2
    for account in (wallet, order, bank):
        for at in instants:
            said = sum(amount for pk, amount, when in moves if pk == account.pk and when <= at)
            assert queries.balance_at(account, at) == said


def test_a_balance_years_ago_looks_at_no_more_than_its_day(books, jiangnan, later, django_assert_num_queries):
    wallet, order = books.wallet(jiangnan), books.order()
    for day in range(6):
        actions.transfer(key=f"d{day}", reason="top_up", cause="payment:pay_1", source=books.bank, target=wallet,
                         amount=100, now=later(days=day))  # fmt: skip
        actions.transfer(key=f"p{day}", reason="order_charge", cause="order:ord_1", source=wallet, target=order,
                         amount=day + 1, now=later(days=day, hours=1))  # fmt: skip
        actions.close_day(now=later(days=day + 1))
    with django_assert_num_queries(4) as seen:
        assert queries.balance_at(wallet, later(days=2, minutes=30)) == 300 - 1 - 2
    first, last = DayClose.objects.get(number=2).last_posting_id, DayClose.objects.get(number=3).last_posting_id
    assert f'"id" > {first}' in seen[2]["sql"]
    assert f'"id" <= {last}' in seen[2]["sql"]
