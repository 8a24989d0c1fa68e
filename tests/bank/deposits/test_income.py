"""What a provider earned: gross, fee, net, each from the books; and the page that shows it."""

from datetime import timedelta

import pytest

from bank.deposits import income, payouts, queries
from bank.ledger.chart import Kind
from marketplace.billing import actions as billing

from .conftest import posted
from .test_listed import own  # noqa: F401

pytestmark = pytest.mark.django_db
QUERIES = 28  # of the page, with few orders or many


@pytest.fixture
def sold(own, jiangnan, now):  # noqa: F811
    """One run: CNY 2 for the outcome, CNY 1 for a tenth of an hour; its hour is closed."""
    billing.ensure_wallet(jiangnan, now)
    order = own.order(jiangnan, at=now)
    own.run(order, used_cms=360_000, at=now)
    for line in order.quote.reservation.lines.select_related("slot"):
        own.close(line.slot)
    type(order).objects.filter(pk=order.pk).update(state="delivered")
    return order


def test_nothing_earned_is_nothing(yongli):
    found = income.income(yongli)
    assert (found.gross_uy, found.fee_uy, found.net_uy, found.lines) == (0, 0, 0, [])


def test_gross_is_fee_and_net_to_the_micro_yuan(sold, yongli, jiangnan):
    found = income.income(yongli)
    assert (found.gross_uy, found.fee_uy, found.net_uy) == (3_000_000, 240_000, 2_760_000)
    machine, package = found.lines
    assert package.is_package and not machine.is_package
    assert (package.gross_uy, package.fee_uy, package.net_uy) == (2_000_000, 160_000, 1_840_000)
    assert (machine.gross_uy, machine.fee_uy, machine.net_uy) == (1_000_000, 80_000, 920_000)
    assert package.order == machine.order == sold
    assert income.income(jiangnan).lines == []


def test_what_is_net_is_owed_held_back_or_paid_out(sold, yongli, now):
    payouts.pay_out(organisation=yongli, now=now + timedelta(days=7))
    found, state = income.income(yongli), queries.earnings(yongli, now + timedelta(days=7))
    assert (state.paid_uy, state.due_uy) == (2_660_000, 8_000)
    assert found.net_uy == state.due_uy + state.held_uy + state.paid_uy == 2_760_000
    assert posted(Kind.HOLDBACK, yongli) == 92_000
    payouts.release_holdbacks(now=now + timedelta(days=8))
    assert income.income(yongli) == found  # another place, no other sum


def test_a_failed_run_takes_from_what_is_held_back(sold, own, yongli, jiangnan, now):  # noqa: F811
    order = own.order(jiangnan, at=now + timedelta(hours=2))
    own.run(order, used_cms=36_000, at=now + timedelta(hours=2), outcome="failed", site_failed=True)
    for line in order.quote.reservation.lines.select_related("slot"):
        own.close(line.slot)
    first = income.income(yongli).lines[0]
    taken = 92_000 - posted(Kind.HOLDBACK, yongli)
    assert taken > 0 and (first.net_uy, first.fee_uy, first.order) == (-taken, 0, order)
    assert income.income(yongli).net_uy == 2_760_000 - taken


def test_orders_of_what_one_offers_are_counted_by_their_end(sold, yongli, jiangnan):
    found = income.sold(yongli)
    assert (found.count, found.delivered, found.failed, found.rows) == (1, 1, 0, [sold])
    assert income.sold(jiangnan).count == 0


def test_the_page_opens_every_number_and_never_says_whose(client, zhao, sold, monkeypatch, now):
    monkeypatch.setattr("portal.core.clock.now", lambda: now + timedelta(hours=1))
    client.force_login(zhao)
    text = client.get("/c/yongli/bank/earnings/").content.decode()
    for shown in ("3.00", "0.24", "2.76", "1.84", "0.92", sold.number, "the outcome", "machine time"):
        assert shown in text
    assert "Jiangnan" not in text
    for line in income.income(sold.quote.offering.provider).lines:
        address = f"/c/yongli/books/journals/{line.journal.public_id}/"
        assert address in text and client.get(address).status_code == 200


def test_the_page_takes_as_many_queries_for_many_orders_as_for_one(
    client, zhao, sold, own, jiangnan, monkeypatch, now, django_assert_num_queries  # noqa: F811
):
    monkeypatch.setattr("portal.core.clock.now", lambda: now + timedelta(hours=1))
    client.force_login(zhao)
    address = "/c/yongli/bank/earnings/"
    client.get(address)
    with django_assert_num_queries(QUERIES):
        client.get(address)
    for _more in range(3):
        own.run(own.order(jiangnan, at=now + timedelta(hours=2)), used_cms=36_000, at=now + timedelta(hours=2))
    with django_assert_num_queries(QUERIES):
        client.get(address)


def test_a_stranger_sees_no_earnings(client, lin, sold):
    client.force_login(lin)
    assert client.get("/c/yongli/bank/earnings/").status_code == 404
