"""Races need commits that are real: a database cloned from the migrated one, thrown away afterwards."""

import pytest

from tests.bank.ledger.conftest import at_once, own_database
from tests.marketplace.conftest import cpu, funded, market, needs_sandbox

__all__ = ["at_once", "cpu", "funded", "market", "needs_sandbox", "own_database"]


@pytest.fixture
def db(own_database):
    """Whoever asks for the database gets the one with real commits."""
    return own_database
