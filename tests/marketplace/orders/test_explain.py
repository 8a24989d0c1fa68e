"""How a payment is told: reserved, paid out of what was reserved, given back; who got it; every step in words."""

import pytest

from bank.ledger import actions as ledger
from bank.ledger.chart import Kind, Reason
from marketplace.billing import actions as billing
from marketplace.billing import queries as billing_queries
from marketplace.billing.models import Charge
from marketplace.billing.rating import Line, Rated
from marketplace.orders import explain, support
from portal import policy
from portal.core.words import hours, micro
from portal.history.models import Step

pytestmark = pytest.mark.django_db
CNY = 1_000_000


@pytest.fixture
def paid(market, funded, yongli, later):
    """An order of CNY 6 at most, charged 5.003961: 5 for the package of another company, the rest for computing."""
    order = market.place(funded)
    rated = Rated(
        lines=(Line("package", 5 * CNY), Line("computing", 3_961, 1_426, 10 * CNY)),
        total=5_003_961, computing=3_961, cap=6 * CNY,
    )  # fmt: skip
    billing.charge(
        cause=order.cause, organisation=funded, provider=yongli, rated=rated, outcome=Charge.Outcome.DELIVERED,
        what=("Hours", "核时"), now=later(seconds=5),
    )  # fmt: skip
    return order


def steps(order) -> list[tuple[str, str, str, int]]:
    return [(s.what, s.source, s.target, s.amount) for s in explain.money(order).steps]


def close_the_hour(order, at) -> None:
    """As the close of the hour does for a site of the platform's own."""
    clearing = ledger.open(owner=None, kind=Kind.CLEARING_ORDER, ref=order.cause)
    income = ledger.open(owner=None, kind=Kind.PACKAGE_INCOME)
    legs = [ledger.Leg(clearing, -3_961), ledger.Leg(income, 3_961)]
    ledger.post(
        key="close", reason=Reason.DISTRIBUTION, cause=order.cause, legs=legs, now=at, memo={"slot": at.isoformat()}
    )


def test_what_is_paid_comes_out_of_what_was_reserved(paid):
    assert steps(paid) == [
        ("Reserved", "Wallet", "Reserved", 6_000_000),
        ("Paid", "Reserved", "Payment for the order", 5_003_961),
        ("Given back", "Reserved", "Wallet", 996_039),
    ]


def test_reserved_is_paid_and_given_back(paid):
    sums = explain.money(paid).sums
    assert (sums.reserved, sums.paid, sums.back, sums.still) == (6_000_000, 5_003_961, 996_039, 0)


def test_while_it_runs_everything_is_still_reserved_and_nothing_went_anywhere(market, funded):
    money = explain.money(market.place(funded))
    assert (money.sums.paid, money.sums.still, money.receivers) == (0, 6_000_000, [])


def test_where_the_money_went_adds_up_to_what_was_paid_before_and_after_the_close(paid, later):
    assert policy.PLATFORM_FEE_PPM == 80_000

    def told():
        return [(r.who, r.what_for, r.amount) for r in explain.money(paid).receivers]

    provider = paid.quote.offering.provider.name
    package = [(provider, "the package and its core-hours", 4_600_000),
               ("The platform", "fee on the package and its core-hours", 400_000)]
    waits = ("Payment for the order", "divided when the hour of the run is closed", 3_961)
    assert told() == [*package, waits]
    close_the_hour(paid, later(hours=1))
    assert told() == [*package, ("The platform", "the computing", 3_961)]
    assert sum(amount for *_, amount in told()) == 5_003_961
    assert len(steps(paid)) == 3, "what is passed on is none of the customer's movements"


def test_a_part_paid_from_the_credit_limit_is_told_with_its_own_account(market, funded, now, later):
    wallet = ledger.open(owner=funded, kind=Kind.WALLET)
    bank = ledger.open(owner=None, kind=Kind.BANK)
    ledger.transfer(
        key="out", reason=Reason.WITHDRAWAL, cause="w:1", source=wallet, target=bank, amount=98 * CNY, now=now
    )
    ledger.set_floor(account=ledger.open(owner=funded, kind=Kind.CREDIT_LINE), floor=-200 * CNY, now=now)
    order = market.place(funded)
    rated = Rated(lines=(Line("package", 5 * CNY),), total=5 * CNY, computing=0, cap=6 * CNY)
    billing.charge(
        cause=order.cause, organisation=funded, provider=None, rated=rated, outcome=Charge.Outcome.DELIVERED,
        what=("Hours", "核时"), now=later(seconds=5),
    )  # fmt: skip
    assert steps(order) == [
        ("Reserved", "Wallet", "Reserved", 2_000_000),
        ("Reserved", "Credit line", "Reserved", 4_000_000),
        ("Paid", "Reserved", "Payment for the order", 2_000_000),
        ("Paid", "Reserved", "Payment for the order", 3_000_000),
        ("Given back", "Reserved", "Credit line", 1_000_000),
    ]
    rows, _cursor = billing_queries.statement_rows(funded, wallet, before=None)
    assert [t.amount_uy for t in rows[0]["transfers"]] == [2_000_000, 2_000_000]
    assert rows[0]["remark"] == (
        "Reserved 6.00 = paid 5.00 + given back 1.00. From the wallet 2.00, from the credit limit 3.00."
    )


def test_the_wallet_goes_down_once(client, paid, funded, mei):
    wallet = ledger.open(owner=funded, kind=Kind.WALLET)
    rows, _cursor = billing_queries.statement_rows(funded, wallet, before=None)
    assert (rows[0]["amount_uy"], rows[0]["balance_uy"]) == (-5_003_961, 94_996_039)
    assert [(t.source, t.target, t.amount_uy) for t in rows[0]["transfers"]] == [
        ("Wallet", "Reserved", 6_000_000),
        ("Reserved", "Payment for the order", 5_003_961),
        ("Reserved", "Wallet", 996_039),
    ]
    assert rows[0]["remark"] == "Reserved 6.00 = paid 5.00 + given back 1.00. The wallet went down by 5.00, once."
    client.force_login(mei)
    page = client.get("/c/jiangnan/wallet/").content.decode()
    assert "Package income" not in page and "Order clearing" not in page and "is still in the balance" not in page


def test_what_is_reserved_is_said_to_be_in_the_balance_still(client, market, funded, mei):
    market.place(funded)
    client.force_login(mei)
    page = client.get("/c/jiangnan/wallet/").content.decode()
    assert "In the wallet CNY 100.00 = reserved CNY 6.00 + available CNY 94.00." in page


def test_the_page_begins_with_the_price_in_words_and_ends_with_the_machine(client, paid, mei):
    client.force_login(mei)
    page = client.get(f"/c/jiangnan/orders/{paid.public_id}/why/").content.decode()
    order = ["The price", "the method, the check of your file, and support", "Never more than CNY 6, whatever",
             "Your money, step by step", "Reserved 6.00 = paid 5.00 + given back 1.00.", "Where your money went",
             "Every step", "Exactly 5.003961"]  # fmt: skip
    places = [page.index(text) for text in order]
    assert places == sorted(places)


def test_two_decimals_and_six_never_share_a_column(client, paid, mei):
    import re

    client.force_login(mei)
    page = client.get(f"/c/jiangnan/orders/{paid.public_id}/why/").content.decode()
    shown = re.findall(r'<td class="r f">([^<]*)</td><td class="r xs mut">([^<]*)</td>', page)
    assert len(shown) == 10
    assert all(re.fullmatch(r"[\d,]+\.\d\d", fen) and re.fullmatch(r"[\d,]+\.\d{6}", exact) for fen, exact in shown)


def test_an_order_that_was_given_back_says_that_nothing_was_charged(client, market, funded, bo, now):
    order = market.place(funded)
    support.stop_and_release(order=order, why="You rang us", now=now, actor="user:1")
    client.force_login(bo)
    page = client.get(f"/c/jiangnan/orders/{order.public_id}/why/").content.decode()
    assert "Nothing was charged: what was reserved went back whole." in page
    assert "Reserved 6.00 = paid 0.00 + given back 6.00." in page
    assert "our staff stopped it" in page and "staff_stop" not in page


@pytest.mark.parametrize(
    "reason", ["staff_stop", "staff_advance", "stopped", "lost", "expired", "price_kept", "no_idea"]
)
def test_a_reason_is_told_in_words_or_not_at_all(now, reason):
    step = Step(subject="order:ord_1", before="placed", after="placed", at=now, actor="system:sweep", reason=reason)
    (row,) = explain.worded_steps([step])
    assert "_" not in row.why
    assert bool(row.why) is (reason != "no_idea")


@pytest.mark.parametrize(
    ("amount", "text"), [(78_503_961, "78.503961"), (79_000_000, "79.000000"), (-1_000_000_001, "−1,000.000001")]
)
def test_an_exact_amount_has_all_six_decimals(amount, text):
    assert micro(amount) == text


def test_hours_in_a_column_have_four_decimals_so_that_they_can_be_ticked():
    assert [hours(cms, places=4) for cms in (2_347_200, 335, 2_346_865)] == ["0.6520", "0.0001", "0.6519"]
