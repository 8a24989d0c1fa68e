"""A booking that was wrong is counter-booked and, where an amount is right, booked anew: once, or not at all."""

from datetime import timedelta

import pytest

from bank.ledger import queries as books
from bank.ledger.chart import Kind
from bank.ledger.models import Journal, Posting
from marketplace.billing import actions as billing
from marketplace.billing import bookings, corrections, queries
from marketplace.billing.models import Correction, TopUp
from portal import policy
from portal.core.errors import Refused
from portal.history.models import Step
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
YUAN = 1_000_000
WHY = "A nought too many: CNY 500 arrived."


def booked_for(company, amount_uy: int, now, reference: str = "B-1") -> TopUp:
    topup = billing.request_topup(organisation=company, amount_uy=amount_uy, user=None, now=now, actor="user:1")
    return billing.book_payment(topup=topup, amount_uy=amount_uy, bank_reference=reference, now=now, actor="user:1")


@pytest.fixture
def topup(jiangnan, now) -> TopUp:
    return booked_for(jiangnan, 5_000 * YUAN, now)


@pytest.fixture
def big(jiangnan, now) -> TopUp:
    return booked_for(jiangnan, 10_000 * YUAN + 10_000, now)


@pytest.fixture
def wu(db):
    return make_user("wu@suanli.test", is_staff=True, is_superuser=True)


@pytest.fixture
def correct(chen, now):
    def ask(topup, to_uy, *, user=chen, reason=WHY, booking=None) -> Correction:
        return corrections.correct(
            topup=topup,
            booking=booking or corrections.booking_of(topup),
            to_uy=to_uy,
            reason=reason,
            user=user,
            now=now + timedelta(hours=1),
        )

    return ask


def posted(company) -> tuple[int, int]:
    wallet = books.balance(billing.wallet_of(company)).posted
    return wallet, books.balance(books.find(owner=None, kind=Kind.BANK)).posted


def everything() -> tuple:
    return (
        list(Posting.objects.order_by("pk").values_list("account", "amount")),
        list(TopUp.objects.order_by("pk").values_list("state", "booked_uy", "bank_reference", "booked_at")),
        list(Correction.objects.order_by("pk").values_list("state", "decided_by")),
        Step.objects.count(),
    )


def refused(act, code: str) -> Refused:
    before = everything()
    with pytest.raises(Refused) as refusal:
        act()
    assert refusal.value.code == code
    assert everything() == before
    return refusal.value


def test_the_wrong_amount_goes_back_and_the_right_one_is_in_the_wallet(topup, jiangnan, correct, chen, now):
    made = correct(topup, 500 * YUAN)
    topup.refresh_from_db()
    assert (topup.state, topup.booked_uy, topup.bank_reference) == ("booked", 500_000_000, "B-1")
    assert posted(jiangnan) == (500_000_000, -500_000_000)
    assert sorted(Posting.objects.filter(account__kind="wallet").values_list("amount", flat=True)) == [
        -5_000_000_000, 500_000_000, 5_000_000_000,
    ]  # fmt: skip
    assert (made.state, made.decided_by, made.decided_at) == ("done", None, now + timedelta(hours=1))
    step = Step.objects.filter(subject=f"topup:{topup.public_id}").last()
    assert (step.actor, step.reason, step.params["text"]) == (f"user:{chen.pk}", "booking_corrected", WHY)
    assert (step.params["from_uy"], step.params["to_uy"]) == (5_000_000_000, 500_000_000)


def test_without_an_amount_it_is_taken_back_and_its_payment_may_be_booked_elsewhere(
    topup, jiangnan, yongli, correct, now
):
    correct(topup, 0, reason="It was Yongli's.")
    topup.refresh_from_db()
    assert (topup.state, topup.booked_uy, topup.bank_reference, topup.booked_at) == ("reversed", None, "", None)
    assert posted(jiangnan) == (0, 0)
    booked_for(yongli, 5_000 * YUAN, now, reference="B-1")
    assert posted(yongli) == (5_000_000_000, -5_000_000_000)


def test_what_was_taken_back_can_be_booked_again_when_it_arrives(topup, jiangnan, correct, now):
    correct(topup, 0)
    topup.refresh_from_db()
    billing.book_payment(topup=topup, amount_uy=5_000 * YUAN, bank_reference="B-2", now=now, actor="user:1")
    assert posted(jiangnan) == (5_000_000_000, -5_000_000_000)
    correct(topup, 499_990_000)
    assert posted(jiangnan) == (499_990_000, -499_990_000)


def test_pressed_twice_it_is_done_once(topup, jiangnan, correct):
    booking = corrections.booking_of(topup)
    first = correct(topup, 500 * YUAN, booking=booking)
    before = everything()
    assert correct(topup, 500 * YUAN, booking=booking) == first
    assert everything() == before
    refused(lambda: correct(topup, 600 * YUAN, booking=booking), "corrected_before")


def test_only_the_difference_must_still_be_there(topup, jiangnan, correct, now):
    billing.fund(cause="order:ord_1", organisation=jiangnan, amount=500 * YUAN, now=now)
    correct(topup, 500 * YUAN)
    assert posted(jiangnan) == (500_000_000, -500_000_000)


def spend(company, amount_uy: int, now, cause: str = "order:ord_1") -> None:
    billing.fund(cause=cause, organisation=company, amount=amount_uy, now=now)


def test_a_correction_of_money_that_was_spent_waits_for_it_and_nothing_moves(topup, jiangnan, correct, now, wu):
    spend(jiangnan, 500_000_001, now)
    made = correct(topup, 500 * YUAN)
    assert (made.state, made.decided_by, posted(jiangnan)) == ("short", None, (5_000_000_000, -5_000_000_000))
    topup.refresh_from_db()
    assert (topup.state, topup.booked_uy) == ("booked", 5_000_000_000)
    assert corrections.missing_uy(made) == 1
    step = Step.objects.filter(subject=f"correction:{made.public_id}").last()
    assert (step.params["needed_uy"], step.params["available_uy"]) == (4_500_000_000, 4_499_999_999)
    refusal = refused(lambda: corrections.execute(correction=Correction.objects.get(), user=wu, now=now),
                      "correction_short")  # fmt: skip
    assert refusal.params == {"needed_uy": 4_500_000_000, "available_uy": 4_499_999_999}
    assert "Nothing was changed" in str(refusal)


def test_it_is_carried_out_when_the_wallet_has_the_money_and_only_once(topup, jiangnan, correct, now, wu):
    spend(jiangnan, 500_000_001, now)
    made = correct(topup, 500 * YUAN)
    booked_for(jiangnan, 10_000, now, reference="B-2")
    assert corrections.missing_uy(made) == 0
    corrections.execute(correction=made, user=wu, now=now)
    assert (made.state, made.decided_by) == ("done", None)
    assert queries.booked_by(topup).who.endswith("; corrected by chen@suanli.test, carried out by wu@suanli.test")
    assert posted(jiangnan) == (500_010_000, -500_010_000)
    refused(lambda: corrections.execute(correction=Correction.objects.get(), user=wu, now=now), "bad_move")


def test_what_waits_for_money_can_be_withdrawn_with_a_reason_and_asked_for_again(topup, jiangnan, correct, now, wu):
    spend(jiangnan, 500_000_001, now)
    made = correct(topup, 500 * YUAN)
    refused(lambda: correct(topup, 600 * YUAN), "corrected_before")
    refused(lambda: corrections.decline(correction=made, reason=" ", user=wu, now=now), "reason_needed")
    corrections.decline(correction=made, reason="They are gone.", user=wu, now=now)
    assert (made.state, posted(jiangnan)) == ("withdrawn", (5_000_000_000, -5_000_000_000))
    assert correct(topup, 600 * YUAN).state == "done"


@pytest.mark.parametrize(("to_uy", "reason", "code"), [
    (500_000_000, " ", "reason_needed"), (-10_000, WHY, "bad_amount"), (5_000, WHY, "bad_amount"),
    (5_000_000_000, WHY, "nothing_to_correct"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(topup, correct, to_uy, reason, code):
    refused(lambda: correct(topup, to_uy, reason=reason), code)


def test_a_booking_of_another_top_up_is_refused(topup, yongli, correct, now):
    other = booked_for(yongli, 7 * YUAN, now, reference="B-7")
    refused(lambda: correct(topup, 0, booking=corrections.booking_of(other)), "not_booked")


def test_above_the_limit_nothing_moves_until_a_second_person_confirms(big, jiangnan, correct, chen, wu, now):
    made = correct(big, 500 * YUAN)
    assert (made.state, posted(jiangnan)[0]) == ("waiting", 10_000_010_000)
    refused(lambda: corrections.confirm(correction=made, user=chen, now=now), "second_person_needed")
    corrections.confirm(correction=made, user=wu, now=now)
    big.refresh_from_db()
    assert (made.state, made.decided_by, big.booked_uy) == ("done", wu, 500_000_000)
    assert posted(jiangnan) == (500_000_000, -500_000_000)
    again = Correction.objects.get()
    refused(lambda: corrections.confirm(correction=again, user=wu, now=now), "bad_move")
    steps = Step.objects.filter(subject=f"topup:{big.public_id}").values_list("reason", "actor")
    assert list(steps)[-2:] == [
        ("correction_asked", f"user:{chen.pk}"), ("booking_corrected", f"user:{wu.pk}"),
    ]  # fmt: skip
    assert queries.booked_by(big).who.endswith("; corrected by chen@suanli.test, confirmed by wu@suanli.test")


def test_exactly_the_limit_needs_one_person(jiangnan, correct, now):
    made = correct(booked_for(jiangnan, policy.TWO_PERSONS_ABOVE_UY, now), 0)
    assert made.state == "done"


def test_booking_much_more_needs_two_as_well(topup, jiangnan, correct):
    assert correct(topup, policy.TWO_PERSONS_ABOVE_UY + 10_000).state == "waiting"
    assert posted(jiangnan)[0] == 5_000_000_000


@pytest.fixture
def by_two(jiangnan, mei, chen, wu, now) -> TopUp:
    """CNY 500 announced, CNY 5,000 arrived: entered by one, confirmed by another."""
    topup = billing.request_topup(organisation=jiangnan, amount_uy=500 * YUAN, user=mei, now=now, actor="user:1")
    waits = bookings.book(
        topup=topup, amount_uy=5_000 * YUAN, bank_reference="B-9", reason="as it came", user=chen, now=now
    )
    bookings.confirm(booking=waits, user=wu, now=now)
    topup.refresh_from_db()
    return topup


@pytest.mark.parametrize("to_uy", [0, 500 * YUAN, 4_999_990_000, 5_000_010_000])
def test_what_two_persons_confirmed_one_alone_neither_takes_back_nor_changes(
    by_two, jiangnan, correct, chen, wu, now, to_uy
):
    made = correct(by_two, to_uy)
    assert (made.state, posted(jiangnan)[0]) == ("waiting", 5_000_000_000)
    refused(lambda: corrections.confirm(correction=made, user=chen, now=now), "second_person_needed")
    corrections.confirm(correction=made, user=wu, now=now + timedelta(hours=2))
    assert posted(jiangnan)[0] == to_uy


def test_a_correction_that_two_confirmed_is_again_corrected_by_two(big, jiangnan, correct, wu, now):
    corrections.confirm(correction=correct(big, 500 * YUAN), user=wu, now=now + timedelta(hours=2))
    big.refresh_from_db()
    assert correct(big, 400 * YUAN).state == "waiting"
    assert posted(jiangnan)[0] == 500_000_000


def test_a_booking_anew_by_one_person_is_not_taken_for_the_one_that_two_confirmed(by_two, correct, chen, wu, now):
    corrections.confirm(correction=correct(by_two, 0), user=wu, now=now + timedelta(hours=2))
    by_two.refresh_from_db()
    later = now + timedelta(hours=3)
    bookings.book(topup=by_two, amount_uy=500 * YUAN, bank_reference="B-10", user=chen, now=later)
    by_two.refresh_from_db()
    assert correct(by_two, 400 * YUAN).state == "done"


def test_the_booking_names_who_confirmed_it_also_after_a_correction(by_two, correct, wu, now):
    corrections.confirm(correction=correct(by_two, 500 * YUAN), user=wu, now=now + timedelta(hours=2))
    pair = "chen@suanli.test, confirmed by wu@suanli.test"
    assert queries.booked_by(by_two).who == f"{pair}; corrected by {pair}"


def test_more_than_was_booked_and_far_from_what_was_announced_needs_two(jiangnan, mei, correct, now):
    topup = billing.request_topup(organisation=jiangnan, amount_uy=500 * YUAN, user=mei, now=now, actor="user:1")
    billing.book_payment(topup=topup, amount_uy=500 * YUAN, bank_reference="B-3", now=now, actor="user:1")
    assert corrections.why_two(topup, 500 * YUAN, 1_500 * YUAN) == ""  # exactly the limit
    assert corrections.why_two(topup, 500 * YUAN, 1_500_010_000) == "far"
    assert correct(topup, 2_000 * YUAN).state == "waiting"
    assert posted(jiangnan)[0] == 500_000_000


def test_what_staff_announced_is_corrected_by_two_whatever_the_amounts(jiangnan, chen, correct, now):
    topup = billing.request_topup(organisation=jiangnan, amount_uy=500 * YUAN, user=chen, now=now, actor="user:1")
    billing.book_payment(topup=topup, amount_uy=500 * YUAN, bank_reference="B-4", now=now, actor="user:1")
    assert correct(topup, 400 * YUAN).state == "waiting"
    assert posted(jiangnan)[0] == 500_000_000


def test_a_confirmation_that_the_wallet_cannot_pay_waits_for_money_as_confirmed(big, jiangnan, correct, wu, chen, now):
    made = correct(big, 0)
    spend(jiangnan, 1, now)
    corrections.confirm(correction=made, user=wu, now=now)
    assert (made.state, made.decided_by, posted(jiangnan)[0]) == ("short", wu, 10_000_010_000)
    refused(lambda: corrections.confirm(correction=made, user=wu, now=now), "bad_move")
    billing.release(cause="order:ord_1", now=now)
    corrections.execute(correction=made, user=chen, now=now)
    assert (made.state, made.decided_by, posted(jiangnan)) == ("done", wu, (0, 0))
    said = "; taken back by chen@suanli.test, confirmed by wu@suanli.test, carried out by chen@suanli.test"
    assert queries.booked_by(big).who.endswith(said)


def test_nobody_is_said_to_have_confirmed_what_one_person_asked_for_and_carried_out(
    topup, jiangnan, correct, now, chen
):
    spend(jiangnan, 500_000_001, now)
    made = correct(topup, 500 * YUAN)
    booked_for(jiangnan, 10_000, now, reference="B-2")
    corrections.execute(correction=made, user=chen, now=now)
    assert made.decided_by is None
    assert queries.booked_by(topup).who.endswith("; corrected by chen@suanli.test")


def test_who_asked_withdraws_and_is_not_said_to_have_declined(big, correct, chen, now):
    made = correct(big, 0)
    corrections.decline(correction=made, reason="I misread it.", user=chen, now=now)
    assert made.state == "withdrawn"


def test_a_declined_request_changes_no_money_and_leaves_room_for_another(big, jiangnan, correct, chen, wu, now):
    made = correct(big, 0)
    refused(lambda: corrections.decline(correction=made, reason="", user=wu, now=now), "reason_needed")
    corrections.decline(correction=made, reason="It is right.", user=wu, now=now)
    assert posted(jiangnan)[0] == 10_000_010_000
    refused(lambda: corrections.confirm(correction=made, user=wu, now=now), "bad_move")
    assert correct(big, 500 * YUAN).state == "waiting"


def test_the_customer_reads_each_step_as_a_line_of_its_own(topup, jiangnan, correct):
    correct(topup, 500 * YUAN)
    rows, _cursor = queries.statement_rows(jiangnan, billing.wallet_of(jiangnan), before=None)
    assert [(r["title"], r["amount_uy"], r["note"]) for r in rows] == [
        ("Top-up corrected: booked at the right amount", 500_000_000, f"{topup.reference}: {WHY}"),
        ("Top-up corrected: the wrong booking taken back", -5_000_000_000, f"{topup.reference}: {WHY}"),
        ("Top-up by bank transfer", 5_000_000_000, topup.reference),
    ]
    assert Journal.objects.filter(reason="reversal").count() == 1


def test_money_that_was_sent_after_all_is_booked_under_a_cancelled_code(jiangnan, mei, client, now):
    topup = billing.request_topup(organisation=jiangnan, amount_uy=YUAN, user=mei, now=now, actor="user:1")
    billing.cancel_topup(topup=topup, now=now, actor="user:1")
    client.force_login(mei)
    page = client.get(f"/c/jiangnan/wallet/top-up/{topup.public_id}/").content.decode()
    assert "it will still be booked under its code" in page
    billing.book_payment(topup=topup, amount_uy=YUAN, bank_reference="B-3", now=now, actor="user:1")
    assert (topup.state, posted(jiangnan)) == ("booked", (1_000_000, -1_000_000))


def test_another_amount_than_announced_needs_a_reason(jiangnan, now):
    topup = billing.request_topup(organisation=jiangnan, amount_uy=500 * YUAN, user=None, now=now, actor="user:1")
    args = {"topup": topup, "amount_uy": 5_000 * YUAN, "bank_reference": "B-4", "now": now, "actor": "user:1"}
    refused(lambda: billing.book_payment(**args), "difference_needs_reason")
    billing.book_payment(**args, reason="They sent it all at once.")
    assert posted(jiangnan)[0] == 5_000_000_000
    assert Step.objects.last().params["text"] == "They sent it all at once."


@pytest.mark.parametrize(("typed", "code"), [
    ("sl af84 y8", "AF84-Y8"), ("SL-AF84-Y8", "AF84-Y8"), ("af84y8", "AF84-Y8"), ("sl af84", "AF84"),
    ("江南小厨", ""), ("jiangnan", ""), ("sl", ""), ("", ""),
])  # fmt: skip
def test_a_code_is_found_however_it_is_read_out(typed, code):
    assert queries.code_in(typed) == code
