"""Pledge, apply, offer, accept, repay; what happens when the index falls; and every way out before."""

from datetime import date, timedelta

import pytest

from bank.ledger import actions as ledger
from bank.ledger.models import Account, Lot
from bank.lending import actions, demo, queries
from bank.lending.models import Application, Loan, Offer, Repayment
from portal.core.errors import Refused
from portal.history.models import Step

from .conftest import ACTOR, HOUR, YUAN


def code(call, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.code


def free_lots(desk, kind="claims"):
    rows = Lot.objects.filter(account__owner=desk.borrower, account__kind=kind, remaining__gt=0)
    return sorted(rows.values_list("origin", "remaining", "expires_at"))


# ---- pledge and apply


def test_pledged_hours_leave_the_banked_ones_with_their_lots(desk):
    desk.apply(hours=150)
    assert (desk.hours(), desk.hours("pledged")) == (50 * HOUR, 150 * HOUR)
    assert free_lots(desk, "pledged") == [
        ("slot:slt_1", 120 * HOUR, desk.now + timedelta(days=100)),
        ("slot:slt_2", 30 * HOUR, desk.now + timedelta(days=200)),
    ]


def test_pledged_hours_cannot_be_spent(desk, totals):
    desk.apply(hours=150)
    before, claims = totals(), desk.books.claims(desk.borrower)
    assert (
        code(ledger.hold, key="h", account=claims, amount=50 * HOUR + 1, cause="order:ord_1", now=desk.now)
        == "insufficient_hours"
    )
    pledged = Account.objects.get(owner=desk.borrower, kind="pledged")
    order = desk.books.order("o", "CH:CPU")
    assert (
        code(
            ledger.transfer,
            key="x",
            reason="claim_spent",
            cause="order:ord_1",
            source=pledged,
            target=order,
            amount=1,
            now=desk.now,
        )
        == "route_not_listed"
    )
    assert totals() == before


def test_what_is_pledged_cannot_be_pledged_again(desk, totals):
    desk.apply(hours=150)
    before = totals()
    assert code(desk.apply, hours=51) == "insufficient_hours"
    assert totals() == before and Application.objects.count() == 1


def test_fifty_five_percent_may_be_asked_and_no_micro_yuan_more(desk, totals):
    before = totals()
    assert code(desk.apply, amount_uy=495 * YUAN + 1) == "above_ltv"
    assert totals() == before and not Application.objects.exists()
    desk.apply(amount_uy=495 * YUAN)


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({"hours": 0}, "amount_not_positive"),
        ({"amount_uy": 0}, "amount_not_positive"),
        ({"months": 0}, "bad_terms"),
        ({"months": 37}, "bad_terms"),
    ],
)
def test_a_senseless_application_is_refused(desk, totals, kwargs, expected):
    before = totals()
    assert code(desk.apply, **kwargs) == expected
    assert totals() == before


def test_without_a_dated_price_nothing_can_be_pledged(desk):
    desk.cpu.index_prices.all().delete()
    assert code(desk.apply) == "class_without_index"


def test_a_lender_does_not_borrow(desk):
    desk.borrower = desk.lender
    assert code(desk.apply) == "borrower_needed"


# ---- offers and the ways out


def test_an_offer_reserves_the_lenders_money(desk):
    desk.offer(desk.apply())
    cash = queries.lender_cash(desk.lender)
    assert (cash.free_uy, cash.offered_uy) == (600 * YUAN, 400 * YUAN)


def test_an_offer_needs_the_money(desk, totals):
    application = desk.apply(hours=200, amount_uy=900 * YUAN)
    actions.withdraw_offer(offer=desk.offer(application, 900 * YUAN), now=desk.now, actor=ACTOR)
    desk.books.earn(desk.borrower, 200 * HOUR)
    second = desk.apply(hours=200, amount_uy=900 * YUAN)
    desk.offer(application, 900 * YUAN)
    before = totals()
    assert code(desk.offer, second, 100 * YUAN + 1) == "insufficient_funds"
    assert totals() == before and Offer.objects.filter(state="open").count() == 1


def test_only_a_lender_offers_and_only_once(desk, jiangnan):
    application = desk.apply()
    lender, desk.lender = desk.lender, jiangnan
    assert code(desk.offer, application) == "lender_needed"
    desk.lender = lender
    desk.offer(application)
    assert code(desk.offer, application) == "offered_before"


def test_an_offer_stays_within_fifty_five_percent(desk):
    application = desk.apply()
    assert code(desk.offer, application, 495 * YUAN + 1) == "above_ltv"
    assert code(desk.offer, application, rate_ppm=240_001) == "bad_terms"
    desk.offer(application, 495 * YUAN)


def test_withdrawing_an_application_gives_everything_back(desk):
    lots = free_lots(desk)
    application = desk.apply()
    offer = desk.offer(application)
    for _ in range(2):
        actions.withdraw(application=application, now=desk.now, actor=ACTOR)
    offer.refresh_from_db()
    assert offer.state == "declined" and desk.hours() == 200 * HOUR
    merged = {}
    for origin, left, expires_at in free_lots(desk):
        merged[origin, expires_at] = merged.get((origin, expires_at), 0) + left
    assert merged == {(origin, at): left for origin, left, at in lots}
    assert queries.lender_cash(desk.lender).offered_uy == 0
    assert code(actions.accept, offer=offer, now=desk.now, actor=ACTOR) == "application_over"


def test_a_lenders_no_hides_it_from_that_lender_and_leaves_it_open(desk):
    application = desk.apply()
    desk.offer(application)
    actions.reject(application=application, lender=desk.lender, reason="too new", now=desk.now, actor=ACTOR)
    assert not queries.open_for(desk.lender, desk.now).exists()
    assert queries.lender_cash(desk.lender).offered_uy == 0
    application.refresh_from_db()
    assert application.state == "open" and desk.hours("pledged") == 100 * HOUR


def test_declined_and_withdrawn_offers_free_the_money(desk):
    application = desk.apply()
    actions.decline(offer=desk.offer(application), now=desk.now, actor=ACTOR)
    actions.withdraw_offer(offer=desk.offer(application), now=desk.now, actor=ACTOR)
    offers = list(Offer.objects.order_by("id").values_list("state", flat=True))
    assert offers == ["declined", "withdrawn"] and queries.lender_cash(desk.lender).offered_uy == 0
    assert code(actions.decline, offer=Offer.objects.first(), now=desk.now, actor=ACTOR) == "offer_over"


def test_offers_and_applications_expire(desk, later):
    offer = desk.offer(desk.apply())
    assert code(actions.accept, offer=offer, now=later(days=7), actor=ACTOR) == "offer_over"
    assert actions.expire(now=later(days=7)) == 1
    assert queries.lender_cash(desk.lender).offered_uy == 0 and desk.hours("pledged") == 100 * HOUR
    assert actions.expire(now=later(days=30)) == 1
    assert actions.expire(now=later(days=30)) == 0
    assert Application.objects.get().state == "expired" and desk.hours() == 200 * HOUR


# ---- the loan


def test_accepting_moves_the_money_and_books_both_sides(desk):
    loan = desk.loan()
    assert (desk.wallet(), desk.cash()) == (400 * YUAN, 600 * YUAN)
    assert desk.posted(desk.borrower, "loan") == -400 * YUAN and desk.posted(desk.lender, "lent") == 400 * YUAN
    found = queries.position(loan, desk.now)
    assert (found.debt_uy, found.value_uy, found.ltv_ppm) == (400 * YUAN, 900 * YUAN, 444_445)


def test_accepting_twice_is_one_loan(desk):
    offer = desk.offer(desk.apply())
    loans = {actions.accept(offer=offer, now=desk.now, actor=ACTOR).pk for _ in range(2)}
    assert len(loans) == 1 and desk.wallet() == 400 * YUAN


def test_accepting_is_refused_when_the_index_has_fallen_meanwhile(desk, totals):
    offer = desk.offer(desk.apply())
    desk.index(8 * YUAN)
    before = totals()
    assert code(actions.accept, offer=offer, now=desk.now, actor=ACTOR) == "above_ltv"
    assert totals() == before and not Loan.objects.exists()


def test_interest_is_by_the_night_and_exact(desk, later):
    loan = desk.loan()  # 7.3 % a year of 400: 0.08 a night
    assert queries.position(loan, desk.now).interest_uy == 0
    assert queries.position(loan, later(days=10)).interest_uy == 800_000
    for day in range(1, 11):
        actions.check_margins(now=later(days=day))
        actions.check_margins(now=later(days=day))
    assert desk.posted(desk.borrower, "loan_interest") == -800_000
    assert desk.posted(desk.lender, "interest_due") == 800_000


def test_a_repayment_pays_interest_first(desk, later):
    loan = desk.loan()
    paid = desk.repay(loan, 100 * YUAN, now=later(days=10))
    assert (paid.interest_uy, paid.principal_uy) == (800_000, 99_200_000)
    assert (desk.wallet(), desk.cash()) == (300 * YUAN, 700 * YUAN)
    assert queries.position(Loan.objects.get(), later(days=10)).debt_uy == 300_800_000
    assert desk.hours("pledged") == 100 * HOUR


def test_repaying_all_releases_the_pledge(desk, later):
    loan = desk.loan()
    desk.books.top_up(desk.borrower, YUAN)
    paid = desk.repay(loan, None, now=later(days=10))
    assert paid.total_uy == 400_800_000 and desk.wallet() == 200_000
    assert (desk.hours(), desk.hours("pledged")) == (200 * HOUR, 0)
    assert Loan.objects.get().state == "repaid" and desk.cash() == 1_000_800_000
    assert code(desk.repay, loan, 1, key="2") == "loan_over"


def test_the_same_key_repays_once(desk):
    loan = desk.loan()
    assert desk.repay(loan, YUAN).pk == desk.repay(loan, YUAN).pk
    assert code(desk.repay, loan, 2 * YUAN) == "idempotency_conflict"
    assert desk.wallet() == 399 * YUAN


def test_too_much_or_more_than_the_wallet_holds_changes_nothing(desk, totals, later):
    loan = desk.loan()
    before = totals()
    assert code(desk.repay, loan, 400 * YUAN + 1) == "more_than_owed"
    assert code(desk.repay, loan, None, now=later(days=10)) == "insufficient_funds"
    assert totals() == before and not Repayment.objects.exists()


def test_being_behind_the_plan_clears_itself_by_paying(desk, later):
    loan = desk.loan()
    due = later(days=31)
    assert queries.position(loan, later(days=30)).behind_uy == 0  # due on the day itself
    assert queries.position(loan, due).behind_uy == 66_660_000
    desk.repay(loan, 100 * YUAN, now=due)
    assert queries.position(Loan.objects.get(), due).behind_uy == 0


# ---- margin


def fall(desk, price_uy, day=24):
    desk.index(price_uy, date(2026, 11, day))
    return desk.now + timedelta(days=day - 23)


def test_a_falling_index_calls_and_a_rising_one_ends_it(desk):
    loan = desk.loan()
    named = queries.position(loan, desk.now).call_index_uy
    assert named == 6_349_206
    at = fall(desk, named + 2_000)  # a night's interest later the level lies a little higher
    assert actions.check_margins(now=at) == 0
    at = fall(desk, named, 25)
    assert actions.check_margins(now=at) == 1 and actions.check_margins(now=at) == 0
    loan.refresh_from_db()
    assert (loan.state, loan.call_due_date) == ("margin_called", date(2026, 11, 30))
    at = fall(desk, 7 * YUAN, 26)
    assert actions.check_margins(now=at) == 1
    loan.refresh_from_db()
    assert (loan.state, loan.call_due_date) == ("active", None)
    steps = Step.objects.filter(subject=f"loan:{loan.public_id}").values_list("after", flat=True)
    assert list(steps) == ["active", "margin_called", "active"]


def test_cash_answers_a_call(desk):
    loan = desk.loan()
    at = fall(desk, 6 * YUAN)
    actions.check_margins(now=at)
    loan.refresh_from_db()
    found = queries.position(loan, at)
    assert found.cure_uy == 400_080_000 - 378_000_000 + 1
    desk.repay(loan, found.cure_uy - 1, now=at)
    assert Loan.objects.get().state == "margin_called"
    desk.repay(loan, 1, key="2", now=at)
    assert Loan.objects.get().state == "active"


def test_further_hours_answer_a_call(desk):
    loan = desk.loan()
    at = fall(desk, 6 * YUAN)
    actions.check_margins(now=at)
    loan.refresh_from_db()
    more = queries.position(loan, at).cure_cms
    actions.add_pledge(loan=loan, cms=more - 1, key="a", now=at, actor=ACTOR)
    assert Loan.objects.get().state == "margin_called"
    actions.add_pledge(loan=loan, cms=1, key="b", now=at, actor=ACTOR)
    assert Loan.objects.get().state == "active" and desk.hours("pledged") == 100 * HOUR + more


def test_nothing_is_sold_at_eighty_percent(desk):
    loan = desk.loan()
    at = fall(desk, 3 * YUAN)
    actions.check_margins(now=at)
    assert queries.position(loan, at).is_past_sale and desk.hours("pledged") == 100 * HOUR


# ---- lender's payments and the demonstration


def test_a_lenders_payment_is_booked_once(desk, totals):
    before = totals()
    assert (
        code(
            actions.book_lender_payment,
            lender=desk.lender,
            amount_uy=YUAN,
            bank_reference=" B-1 ",
            now=desk.now,
            actor=ACTOR,
        )
        == "payment_known"
    )
    assert (
        code(
            actions.book_lender_payment,
            lender=desk.borrower,
            amount_uy=YUAN,
            bank_reference="B-2",
            now=desk.now,
            actor=ACTOR,
        )
        == "lender_needed"
    )
    assert totals() == before


def test_the_demonstration_may_be_seeded_twice(desk, jiangnan, totals):
    demo.seed(desk.now)
    before = totals()
    demo.seed(desk.now)
    assert totals() == before and desk.cash() == 51_000 * YUAN
    assert queries.credit(jiangnan).left_uy == 200 * YUAN
