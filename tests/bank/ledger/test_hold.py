"""Reserve, charge, release, expire: a hold resolves once and never gives more than it reserved."""

import pytest

from bank.ledger import actions
from bank.ledger.actions import holds
from bank.ledger.models import Hold, Journal
from portal.core.errors import Refused


@pytest.fixture
def wallet(books, jiangnan):
    books.top_up(jiangnan, 100)
    return books.wallet(jiangnan)


def test_a_hold_reserves_without_moving_anything(books, wallet):
    hold = books.hold(wallet, 79)
    assert (hold.state, hold.left) == ("open", 79)
    assert hold.public_id.startswith("hld_")
    assert (books.posted(wallet), books.held(wallet), books.available(wallet)) == (100, 79, 21)
    assert Journal.objects.count() == 1  # the top-up


def test_holds_of_everything_there_is_leave_nothing_to_pay_with(books, wallet, totals):
    books.hold(wallet, 60)
    books.hold(wallet, 40)
    before = totals()
    for attempt in (lambda: books.hold(wallet, 1), lambda: books.pay(wallet, 1)):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "insufficient_funds"
        assert refusal.value.params["available_uy"] == 0
    assert totals() == before


def test_a_hold_is_charged_in_steps_and_the_last_one_frees_the_rest(books, wallet):
    hold = books.hold(wallet, 79)
    books.settle(hold, 30)
    assert (hold.state, hold.settled, hold.left) == ("open", 30, 49)
    books.settle(hold, 32, final=True)
    assert (hold.state, hold.settled, hold.released) == ("settled", 62, 17)
    assert hold.resolved_at == books.now
    assert (books.posted(wallet), books.held(wallet)) == (38, 0)
    assert books.posted(books.order()) == 62


def test_a_hold_charged_whole_is_settled_without_being_told(books, wallet):
    hold = books.hold(wallet, 79)
    journal = books.settle(hold, 79)
    assert (hold.state, hold.left) == ("settled", 0)
    assert (journal.hold_id, journal.cause) == (hold.pk, "order:ord_1")


def test_it_never_charges_above_what_is_reserved(books, wallet, totals):
    hold = books.hold(wallet, 50)
    books.settle(hold, 20)
    before = totals()
    with pytest.raises(Refused) as refusal:
        books.settle(hold, 31)
    assert refusal.value.code == "hold_exceeded"
    assert totals() == before


@pytest.mark.parametrize("end", ["settle", "release", "expire"])
def test_a_resolved_hold_is_not_resolved_again(books, wallet, totals, later, end):
    hold = books.hold(wallet, 50, expires_at=later(minutes=15))
    if end == "settle":
        books.settle(hold, 10, final=True)
    elif end == "release":
        actions.release(key="r", hold=hold, now=books.now)
    else:
        assert actions.expire_holds(now=later(minutes=15)) == 1
        hold.refresh_from_db()
    before = totals()
    code = "hold_expired" if end == "expire" else "hold_resolved"
    for attempt in (
        lambda: books.settle(hold, 1),
        lambda: actions.release(key="other", hold=hold, now=books.now),
        lambda: actions.extend(hold=hold, expires_at=later(hours=1), now=books.now),
    ):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == code
    assert actions.expire_holds(now=later(days=1)) == 0
    assert totals() == before


def test_release_gives_back_what_was_not_charged(books, wallet):
    hold = books.hold(wallet, 79)
    books.settle(hold, 30)
    actions.release(key="r", hold=hold, now=books.now)
    assert (hold.state, hold.settled, hold.released) == ("released", 30, 49)
    assert (books.posted(wallet), books.held(wallet)) == (70, 0)


def test_an_overdue_hold_is_not_charged_even_before_the_sweep_finds_it(books, wallet, totals, later):
    hold = books.hold(wallet, 50, expires_at=later(minutes=15))
    before = totals()
    with pytest.raises(Refused) as refusal:
        books.settle(hold, 50, now=later(minutes=15))
    assert refusal.value.code == "hold_expired"
    assert totals() == before


def test_the_sweep_expires_in_order_and_only_what_is_overdue(books, wallet, later):
    holds = [books.hold(wallet, 10, expires_at=at) for at in (later(hours=3), later(hours=1), later(hours=2), None)]
    assert actions.expire_holds(now=later(hours=2), limit=1) == 1
    assert [Hold.objects.get(pk=h.pk).state for h in holds] == ["open", "expired", "open", "open"]
    assert actions.expire_holds(now=later(hours=2)) == 1
    assert actions.expire_holds(now=later(hours=2)) == 0
    assert books.held(wallet) == 20


def test_a_hold_extended_in_time_does_not_expire(books, wallet, later):
    hold = books.hold(wallet, 50, expires_at=later(minutes=15))
    actions.extend(hold=hold, expires_at=None, now=later(minutes=14))
    assert actions.expire_holds(now=later(days=30)) == 0
    books.settle(hold, 50, now=later(days=30))


def test_it_does_not_extend_what_is_overdue(books, wallet, later):
    hold = books.hold(wallet, 50, expires_at=later(minutes=15))
    with pytest.raises(Refused) as refusal:
        actions.extend(hold=hold, expires_at=later(hours=1), now=later(minutes=15))
    assert refusal.value.code == "hold_expired"


def test_the_sweep_looks_again_before_it_gives_back_what_somebody_resolved_meanwhile(books, wallet, later, monkeypatch):
    first = books.hold(wallet, 10, expires_at=later(minutes=1))
    second = books.hold(wallet, 20, expires_at=later(minutes=2))
    resolve = holds._resolve

    def and_meanwhile(row, *args):
        resolve(row, *args)
        if row.pk == first.pk:
            actions.release(key="meanwhile", hold=second, now=books.now)

    monkeypatch.setattr(holds, "_resolve", and_meanwhile)
    assert actions.expire_holds(now=later(hours=1)) == 1
    second.refresh_from_db()
    assert (second.state, second.resolve_key, books.held(wallet)) == ("released", "meanwhile", 0)


def test_the_same_keys_do_it_once(books, wallet, totals):
    hold = books.hold(wallet, 79, key="h")
    first = books.settle(hold, 62, key="s", final=True)
    other = books.hold(wallet, 5, key="h2")
    actions.release(key="r", hold=other, now=books.now)
    before = totals()
    assert books.hold(wallet, 79, key="h").pk == hold.pk
    assert books.settle(hold, 62, key="s", final=True).pk == first.pk
    assert actions.release(key="r", hold=other, now=books.now).state == "released"
    assert totals() == before


def test_the_same_keys_for_something_else_are_refused(books, wallet, totals):
    hold = books.hold(wallet, 50, key="h")
    books.settle(hold, 10, key="s")
    actions.release(key="r", hold=hold, now=books.now)
    other = books.hold(wallet, 20, key="h2")
    before = totals()
    for attempt in (
        lambda: books.hold(wallet, 51, key="h"),
        lambda: actions.hold(key="h", account=wallet, amount=50, cause="order:another", now=books.now),
        lambda: books.settle(hold, 11, key="s"),
        lambda: books.settle(hold, 10, key="s", final=True),
        lambda: books.settle(other, 10, key="s"),
        lambda: books.pay(wallet, 10, key="s"),
        lambda: actions.release(key="r", hold=other, now=books.now),
    ):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "idempotency_conflict"
    assert totals() == before


@pytest.mark.parametrize("amount", [0, -5])
def test_it_refuses_an_amount_that_is_not_positive(books, wallet, totals, amount):
    hold = books.hold(wallet, 50)
    before = totals()
    for attempt in (lambda: books.hold(wallet, amount), lambda: books.settle(hold, amount)):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "amount_not_positive"
    assert totals() == before


def test_nothing_is_reserved_on_an_account_that_only_collects(books):
    with pytest.raises(Refused) as refusal:
        books.hold(books.bank, 5)
    assert refusal.value.code == "not_holdable"


def test_a_hold_is_charged_only_by_a_listed_route(books, wallet, yongli, totals):
    hold = books.hold(wallet, 50)
    target = books.wallet(yongli)
    before = totals()
    with pytest.raises(Refused) as refusal:
        books.settle(hold, 50, target=target)
    assert refusal.value.code == "route_not_listed"
    assert totals() == before


def test_a_hold_on_a_credit_line_reserves_down_to_the_limit(books, jiangnan):
    line = books.credit_line(jiangnan, limit=100)
    hold = books.hold(line, 100)
    with pytest.raises(Refused):
        books.hold(line, 1)
    books.settle(hold, 100)
    assert (books.posted(line), books.available(line)) == (-100, 0)
