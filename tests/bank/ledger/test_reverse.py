"""A reversal is the exact mirror of a journal, written once."""

import pytest

from bank.ledger import actions
from portal.core.errors import Refused


def undo(books, journal, key="undo", reason="booked to the wrong company"):
    return actions.reverse(key=key, journal=journal, reason=reason, actor="user:7", now=books.now)


def test_it_mirrors_every_posting_and_says_why_and_who(books, jiangnan):
    journal = books.top_up(jiangnan, 100)
    mirror = undo(books, journal)
    assert (mirror.reverses_id, mirror.reason, mirror.actor) == (journal.pk, "reversal", "user:7")
    assert mirror.memo == {"why": "booked to the wrong company"}
    assert mirror.cause == journal.cause
    assert books.posted(books.wallet(jiangnan)) == 0
    assert books.posted(books.bank) == 0


def test_it_happens_once(books, jiangnan, totals):
    journal = books.top_up(jiangnan, 100)
    books.top_up(jiangnan, 100)
    first = undo(books, journal)
    before = totals()
    assert undo(books, journal).pk == first.pk  # the same key
    with pytest.raises(Refused) as refusal:
        undo(books, journal, key="another")
    assert refusal.value.code == "already_reversed"
    with pytest.raises(Refused) as refusal:
        undo(books, journal, reason="another")
    assert refusal.value.code == "idempotency_conflict"
    assert totals() == before


def test_a_reversal_is_not_reversed(books, jiangnan, totals):
    mirror = undo(books, books.top_up(jiangnan, 100))
    before = totals()
    with pytest.raises(Refused) as refusal:
        undo(books, mirror, key="again")
    assert refusal.value.code == "not_reversible"
    assert totals() == before


def test_it_does_not_take_what_is_already_spent(books, jiangnan, totals):
    journal = books.top_up(jiangnan, 100)
    books.pay(books.wallet(jiangnan), 1)
    before = totals()
    with pytest.raises(Refused) as refusal:
        undo(books, journal)
    assert refusal.value.code == "insufficient_funds"
    assert refusal.value.params["missing_uy"] == 1
    assert totals() == before


def test_it_wants_a_reason(books, jiangnan, totals):
    journal = books.top_up(jiangnan, 100)
    before = totals()
    with pytest.raises(Refused) as refusal:
        undo(books, journal, reason=" ")
    assert refusal.value.code == "reason_needed"
    assert totals() == before


def test_what_was_charged_from_a_hold_comes_back_as_available(books, jiangnan):
    books.top_up(jiangnan, 100)
    wallet = books.wallet(jiangnan)
    hold = books.hold(wallet, 50)
    journal = books.settle(hold, 20)
    undo(books, journal)
    hold.refresh_from_db()
    assert (hold.settled, hold.left) == (20, 30)
    assert (books.posted(wallet), books.held(wallet), books.available(wallet)) == (100, 30, 70)
