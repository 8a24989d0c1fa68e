"""Many at once for one thing."""

from datetime import timedelta

import pytest

from bank.ledger import queries as books
from marketplace.billing import actions as billing
from marketplace.dispatch.models import Slot
from marketplace.orders import actions as orders
from marketplace.orders.models import Order, Quote
from portal import policy
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from tests.marketplace.conftest import ACTOR


def ran(results) -> list:
    """Whatever is neither a result nor a refusal is a bug."""
    bugs = [r for r in results if isinstance(r, Exception) and not isinstance(r, Refused)]
    assert not bugs, bugs
    return [r for r in results if not isinstance(r, Exception)]


@pytest.mark.slow
def test_thirty_companies_quote_the_last_unit_and_exactly_one_gets_it(market, funded, at_once, now):
    Slot.objects.filter(hour=now.replace(minute=0)).update(reserved_cms=7_200_000 - 300_000)
    companies = [
        Organisation.objects.create(
            slug=f"c{n}",
            name=f"C{n}",
            uscc=f"9133010000000{n:04d}X",
            industry="retail",
            employees=1,
            revenue_wan=1,
            assets_wan=1,
            size_class="micro",
            created_at=now,
        )
        for n in range(30)
    ]
    uploads = [market.upload(company) for company in companies]

    def quote(n: int) -> Quote:
        return orders.quote(
            organisation=companies[n],
            offering=market.offering,
            upload=uploads[n],
            units=1,
            now=now,
            actor=ACTOR,
        )

    assert len(ran(at_once(30, quote))) == 1
    assert Slot.objects.get(hour=now.replace(minute=0)).free_cms == 0


@pytest.mark.slow
def test_fifty_orders_against_one_wallet_never_pass_its_floor(market, funded, at_once, now, monkeypatch):
    company = funded
    monkeypatch.setattr(policy, "OPEN_QUOTES_PER_COMPANY", 100)
    monkeypatch.setattr(policy, "QUOTE_BUCKET_SHARE_PPM", 1_000_000)
    Slot.objects.update(quantity_cms=10**9, sellable_cms=10**9)
    quotes = [market.quote(company) for _ in range(50)]
    placed = ran(at_once(50, lambda n: orders.place(quote=quotes[n], user=None, now=now, actor=ACTOR)))
    assert len(placed) == 100_000_000 // 6_000_000 == Order.objects.count()
    balance = books.balance(billing.wallet_of(company))
    assert (balance.posted, balance.held) == (100_000_000, 16 * 6_000_000)


@pytest.mark.slow
def test_twenty_quotes_of_one_company_at_once_keep_room_for_three_while_the_older_ones_are_placed(
    market, funded, at_once, now, monkeypatch
):
    monkeypatch.setattr(policy, "QUOTE_BUCKET_SHARE_PPM", 1_000_000)
    Slot.objects.update(quantity_cms=10**9, sellable_cms=10**9)
    older = [market.quote(funded) for _ in range(3)]
    uploads = [market.upload(funded) for _ in range(20)]

    def act(n: int):
        if n < 3:
            return orders.place(quote=older[n], user=None, now=now, actor=ACTOR)
        asked = {"units": 1, "now": now, "actor": ACTOR}
        return orders.quote(organisation=funded, offering=market.offering, upload=uploads[n - 3], **asked)

    assert len(ran(at_once(23, act))) == 23
    states = list(Quote.objects.values_list("state", flat=True))
    assert (states.count("used"), states.count("open"), states.count("expired")) == (3, 3, 17)
    assert sum(Slot.objects.values_list("reserved_cms", flat=True)) == 6 * 300_000


@pytest.mark.slow
def test_one_quote_placed_twenty_times_at_once_is_one_order(market, funded, at_once, now):
    company = funded
    quote = market.quote(company)
    placed = ran(at_once(20, lambda n: orders.place(quote=quote, user=None, now=now, actor=ACTOR)))
    assert {order.pk for order in placed} == {Order.objects.get().pk}
    assert books.balance(billing.wallet_of(company)).held == 6_000_000


@pytest.mark.slow
def test_a_kept_price_taken_up_twenty_times_at_once_is_one_order_in_one_room(market, funded, at_once, now):
    quote = market.quote(funded)
    placed = ran(
        at_once(20, lambda n: orders.place(quote=quote, user=None, now=now + timedelta(minutes=20), actor=ACTOR))
    )
    assert {order.pk for order in placed} == {Order.objects.get().pk}
    assert books.balance(billing.wallet_of(funded)).held == 6_000_000
    assert sum(Slot.objects.values_list("reserved_cms", flat=True)) == 300_000


@pytest.mark.slow
def test_one_file_dropped_ten_times_at_once_is_one_price_in_one_room(market, funded, at_once, now):
    uploads = [market.upload(funded) for _ in range(10)]
    asked = {"organisation": funded, "units": 1, "params": {}, "now": now, "actor": ACTOR}
    made = ran(at_once(10, lambda n: orders.kept_or_quote(upload=uploads[n], **asked)))
    assert len(made) == 10 and [was_kept for _quote, was_kept in made].count(False) == 1
    assert {quote.pk for quote, _was_kept in made} == {Quote.objects.get().pk}
    assert sum(Slot.objects.values_list("reserved_cms", flat=True)) == 300_000
