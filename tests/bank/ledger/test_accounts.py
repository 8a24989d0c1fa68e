"""Opening accounts and setting their limits."""

import pytest

from bank.ledger import actions
from bank.ledger.models import Account
from portal.core.errors import Refused


def test_the_first_use_opens_an_account_and_the_second_finds_it(db, jiangnan):
    first = actions.open(owner=jiangnan, kind="wallet")
    assert first.public_id.startswith("acc_")
    assert (first.posted, first.held, first.floor) == (0, 0, 0)
    assert actions.open(owner=jiangnan, kind="wallet").pk == first.pk
    assert Account.objects.count() == 1


def test_owner_asset_and_ref_tell_accounts_apart(db, jiangnan, yongli):
    opened = [
        actions.open(owner=jiangnan, kind="claims", asset="CH:CPU"),
        actions.open(owner=jiangnan, kind="claims", asset="CH:A800"),
        actions.open(owner=yongli, kind="claims", asset="CH:CPU"),
        actions.open(owner=None, kind="clearing_order", ref="ord_1"),
        actions.open(owner=None, kind="clearing_order", ref="ord_2"),
    ]
    assert len({a.pk for a in opened}) == 5


@pytest.mark.parametrize(("kind", "owned"), [("wallet", False), ("bank", True), ("clearing_order", True)])
def test_it_refuses_an_owner_where_there_is_none_and_none_where_there_must_be_one(db, jiangnan, kind, owned):
    with pytest.raises(Refused) as refusal:
        actions.open(owner=jiangnan if owned else None, kind=kind)
    assert refusal.value.code == "wrong_owner"
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("kind", "asset"), [("wallet", "CH:CPU"), ("claims", "CNY"), ("claims", "CH:"), ("wallet", "")]
)
def test_it_refuses_an_asset_that_the_kind_is_not_kept_in(db, jiangnan, kind, asset):
    with pytest.raises(Refused) as refusal:
        actions.open(owner=jiangnan, kind=kind, asset=asset)
    assert refusal.value.code == "wrong_asset"


def test_a_kind_that_the_chart_does_not_know_is_a_mistake(db, jiangnan):
    with pytest.raises(ValueError, match="piggy_bank"):
        actions.open(owner=jiangnan, kind="piggy_bank")


def test_a_credit_limit_is_drawn_down_to_the_last_unit_and_not_one_further(books, jiangnan, totals):
    line = books.credit_line(jiangnan, limit=1_000_000)
    books.pay(line, 999_999)
    books.pay(line, 1)
    before = totals()
    with pytest.raises(Refused) as refusal:
        books.pay(line, 1)
    assert refusal.value.params["missing_uy"] == 1
    assert totals() == before
    assert books.posted(line) == -1_000_000


def test_a_limit_below_what_is_drawn_only_stops_drawing(books, jiangnan):
    books.top_up(jiangnan, 500)
    line = books.credit_line(jiangnan, limit=1_000)
    books.pay(line, 800)
    hold = books.hold(line, 100)
    line = actions.set_floor(account=line, floor=-300, now=books.now)
    assert (line.posted, line.held, line.floor, line.excess) == (-800, 100, -300, 600)
    with pytest.raises(Refused):
        books.pay(line, 1)
    books.settle(hold, 60)  # what was reserved before may still be charged
    actions.release(key="release", hold=hold, now=books.now)
    line.refresh_from_db()
    assert (line.posted, line.held, line.excess) == (-860, 0, 560)
    actions.transfer(
        key="repay",
        reason="credit_repayment",
        cause="invoice:inv_1",
        source=books.wallet(jiangnan),
        target=line,
        amount=500,
        now=books.now,
    )
    line.refresh_from_db()
    assert (line.posted, line.excess) == (-360, 60)
    with pytest.raises(Refused):
        books.pay(line, 1)


def test_a_limit_raised_again_lets_draw_again(books, jiangnan):
    line = books.credit_line(jiangnan, limit=100)
    books.pay(line, 100)
    actions.set_floor(account=line, floor=0, now=books.now)
    line = actions.set_floor(account=line, floor=-150, now=books.now)
    assert line.excess == 0
    books.pay(line, 50)
    assert books.available(line) == 0


def test_a_credit_line_is_never_repaid_beyond_what_is_owed(books, jiangnan, totals):
    books.top_up(jiangnan, 500)
    line = books.credit_line(jiangnan, limit=100)
    books.pay(line, 40)
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.transfer(
            key="repay",
            reason="credit_repayment",
            cause="invoice:inv_1",
            source=books.wallet(jiangnan),
            target=line,
            amount=41,
            now=books.now,
        )
    assert refusal.value.code == "above_ceiling"
    assert totals() == before


@pytest.mark.parametrize("floor", [1, -1])
def test_a_wallet_has_no_limit_of_its_own(books, jiangnan, floor):
    with pytest.raises(Refused) as refusal:
        actions.set_floor(account=books.wallet(jiangnan), floor=floor, now=books.now)
    assert refusal.value.code == "no_floor_here"


def test_a_credit_limit_is_never_above_zero(books, jiangnan, totals):
    line = books.credit_line(jiangnan, 50)
    before = totals()
    with pytest.raises(Refused) as refusal:
        actions.set_floor(account=line, floor=1, now=books.now)
    assert refusal.value.code == "no_floor_here"
    assert totals() == before
