"""What every `migrate` ends with: the chart in its tables, and the runtime role without the rights to
change what is written once or to write balances (triggers of the owner do that)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .chart import sync_chart

# table -> what the runtime role may do besides reading
ALLOWED = {
    "ledger_journal": "INSERT",
    "ledger_posting": "INSERT",
    "ledger_lotentry": "INSERT",
    "ledger_account": "INSERT, UPDATE (floor)",
    "ledger_hold": "INSERT, UPDATE (released, state, resolved_at, resolve_key, expires_at)",
    "ledger_lot": "INSERT",
    "ledger_lotpin": "INSERT, UPDATE (amount)",
    "ledger_uncounted": "DELETE",  # a trigger adds what is deleted to the balance row
    "ledger_kind": "",
    "ledger_route": "",
}


def restrict(connection: BaseDatabaseWrapper, role: str) -> bool:
    """Leave the role only what it needs; False where it does not exist or owns the tables itself
    (an owner cannot be kept from them; the triggers stand all the same)."""
    with transaction.atomic(using=connection.alias), connection.cursor() as c:
        c.execute("SELECT rolname = current_user FROM pg_roles WHERE rolname = %s", [role])
        row = c.fetchone()
        if row is None or row[0]:
            return False
        name = connection.ops.quote_name(role)
        for table, rights in ALLOWED.items():
            c.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {name}")
            if rights:
                c.execute(f"GRANT {rights} ON {table} TO {name}")
    return True


def after_migrate(*, using: str, **kwargs: Any) -> None:
    connection = connections[using]
    with connection.cursor() as c:
        c.execute("SELECT to_regproc('ledger_post') IS NOT NULL")
        complete = c.fetchone()[0]
    if complete:  # not so while migrating backwards
        sync_chart(connection)
        restrict(connection, settings.DATABASE_RUNTIME_ROLE)
