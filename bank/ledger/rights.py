"""What every `migrate` ends with: the chart in its tables, and the runtime role without the right to
change what is written once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .chart import sync_chart

WRITTEN_ONCE = ("ledger_journal", "ledger_posting", "ledger_lotentry")
NEVER_DELETED = ("ledger_account", "ledger_hold", "ledger_lot", "ledger_lotpin")
CHART_TABLES = ("ledger_kind", "ledger_route")


def restrict(connection: BaseDatabaseWrapper, role: str) -> bool:
    """Take from the role what it must not do to the books; False where the role does not exist or is ours."""
    with connection.cursor() as c:
        c.execute("SELECT rolname = current_user FROM pg_roles WHERE rolname = %s", [role])
        row = c.fetchone()
        if row is None or row[0]:  # the owner of a table cannot be kept from it; the triggers still stand
            return False
        name = connection.ops.quote_name(role)
        c.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(WRITTEN_ONCE)} FROM {name}")
        c.execute(f"REVOKE DELETE, TRUNCATE ON {', '.join(NEVER_DELETED)} FROM {name}")
        c.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {', '.join(CHART_TABLES)} FROM {name}")
        c.execute(f"REVOKE TRUNCATE ON ledger_uncounted FROM {name}")
    return True


def after_migrate(*, using: str, plan: Any = None, **kwargs: Any) -> None:
    connection = connections[using]
    if "ledger_route" in connection.introspection.table_names():
        sync_chart(connection)
        restrict(connection, settings.DATABASE_RUNTIME_ROLE)
