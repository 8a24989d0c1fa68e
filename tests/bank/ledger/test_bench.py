"""The benchmark's workload leaves books that are right; how fast is not asked here."""

import pytest

from bank.ledger import bench, load, proof
from bank.ledger.models import Posting


@pytest.fixture
def db(own_database):
    """Clients are processes of their own: their commits must be real."""


@pytest.mark.slow
def test_its_clients_write_what_they_count_and_the_books_stay_right(db):
    books = load.make_accounts(pairs=10)
    funded = Posting.objects.count()
    assert load.transfers_per_s(books, seconds=0.5) > 0
    assert load.transfers_per_s(books, hot=True, seconds=0.5) > 0
    before = Posting.objects.count()
    assert before > funded
    load.fill(books, before + 4_000)
    assert before + 2_000 <= Posting.objects.count() <= before + 4_000
    assert bench.check_per_s() > 0  # raises where the books are wrong
    assert [str(outcome) for outcome in proof.prove() if outcome.wrong] == []


def test_a_client_that_fails_is_not_counted_as_nothing():
    def work(n: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="a client of the benchmark failed"):
        load.in_processes(work, 2)
