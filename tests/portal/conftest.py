"""A database that tests may really commit to."""

from __future__ import annotations

import itertools

import pytest
from django.db import connections

_numbers = itertools.count(1)


@pytest.fixture
def own_database(django_db_setup, django_db_blocker):
    """A fresh copy of the migrated database, for tests whose threads commit; gone afterwards.

    Django's own way would truncate the tables, which the ledger forbids. Fixtures that need `db` do not
    belong beside this one: make the rows in the test.
    """
    with django_db_blocker.unblock():
        connection = connections["default"]
        template = connection.settings_dict["NAME"]
        name = f"{template}_own{next(_numbers)}"
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        connection.settings_dict["NAME"] = name
        try:
            yield name
        finally:
            connection.close()
            connection.settings_dict["NAME"] = template
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
