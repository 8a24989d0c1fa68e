"""Identifiers sort by time, and say when they were made."""

from datetime import UTC, datetime, timedelta

from portal.core.ids import made_at, public_id


def test_an_identifier_says_when_it_was_made():
    before = datetime.now(UTC)
    name = public_id("jnl")
    assert before - timedelta(milliseconds=1) <= made_at(name) <= datetime.now(UTC)


def test_a_known_identifier_says_the_millisecond():
    assert made_at("jnl_01m8h84b9jeaf8tbcdrv1gr5mp") == datetime(2026, 11, 28, 14, 14, 46, 322_000, UTC)
