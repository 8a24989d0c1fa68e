"""When the next one can start, if everybody takes the time they bought."""

from __future__ import annotations

import pytest

from marketplace.engines.local.admission import Ticket, earliest_in_s


def ticket(cores: int, ends_in_s: int) -> Ticket:
    return Ticket("alc", cores, 1, ends_in_s)


@pytest.mark.parametrize(
    ("cores", "running", "waiting", "expected_s"),
    [
        (2, [], [], 0),
        (1, [(1, 60)], [], 0),
        (2, [(1, 60)], [], 60),
        (2, [(1, 60), (1, 20)], [], 60),
        (1, [(1, 60), (1, 20)], [], 20),
        (1, [(2, 30)], [(1, 50)], 30),
        (1, [(2, 30)], [(2, 50)], 80),
        (2, [(2, 30)], [(1, 50), (1, 10)], 80),
        (1, [(1, 30)], [(2, 50)], 80),
        (1, [(2, 0)], [], 0),
    ],
)
def test_the_quote_assumes_first_come_first_served(cores, running, waiting, expected_s):
    running, waiting = [ticket(*t) for t in running], [ticket(*t) for t in waiting]
    assert earliest_in_s(2, cores, running, waiting) == expected_s


def test_a_site_that_sells_fewer_cores_than_before_still_answers():
    assert earliest_in_s(1, 1, [ticket(2, 40)], [ticket(2, 10)]) == 50
