"""What every `migrate` ends with: the guards as in sql/, the chart in its tables, and the runtime role
without the rights to change what is written once or to write balances (the guards do that).

The guards are code, not schema: they are replaced whole when they differ, in one transaction.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .chart import sync_chart

FILES = [Path(__file__).with_name("sql") / name for name in ("guards.sql", "writes.sql")]
# table -> what the runtime role may do besides reading
ALLOWED = {
    "ledger_journal": "INSERT",
    "ledger_posting": "INSERT",
    "ledger_lotentry": "INSERT",
    "ledger_dayclose": "INSERT",
    "ledger_checkpoint": "INSERT",
    "ledger_account": "INSERT, UPDATE (floor)",
    "ledger_hold": "INSERT, UPDATE (released, state, resolved_at, resolve_key, expires_at)",
    "ledger_lot": "INSERT",
    "ledger_lotpin": "INSERT, UPDATE (amount)",
    "ledger_uncounted": "DELETE",  # a trigger adds what is deleted to the balance row
    "ledger_kind": "",
    "ledger_route": "",
}


def source() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in FILES)


def functions() -> dict[str, str]:
    """Name -> body of every function in sql/, as PostgreSQL keeps it."""
    pattern = r"^CREATE FUNCTION (ledger_\w+)\(.*?\$\$(.*?)\$\$;"
    return dict(re.findall(pattern, source(), re.DOTALL | re.MULTILINE))


def triggers() -> set[tuple[str, str]]:
    """(table, trigger) of every trigger in sql/."""
    pattern = r"^CREATE (?:CONSTRAINT )?TRIGGER (\w+)\s.*?\sON public\.(\w+)"
    return {(table, trigger) for trigger, table in re.findall(pattern, source(), re.DOTALL | re.MULTILINE)}


def install(connection: BaseDatabaseWrapper) -> bool:
    """Replace the guards unless they are those of this version; says whether it did."""
    text = source()
    mark = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic(using=connection.alias), connection.cursor() as c:
        c.execute("SELECT obj_description(to_regproc('public.ledger_posted'), 'pg_proc')")
        if c.fetchone()[0] == mark:
            return False
        c.execute("SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'ledger\\_%'"
                  " AND pronamespace = 'public'::regnamespace")
        for (signature,) in c.fetchall():
            c.execute(f"DROP FUNCTION {signature} CASCADE")  # and its triggers
        c.execute(text)
        c.execute(f"COMMENT ON FUNCTION public.ledger_posted() IS '{mark}'")
    return True


def restrict(connection: BaseDatabaseWrapper, role: str) -> bool:
    """Leave the role only what it needs; False where it does not exist or owns the tables itself
    (an owner cannot be kept from them; the guards stand all the same)."""
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
        c.execute("SELECT to_regclass('ledger_checkpoint')")
        complete = c.fetchone()[0]
    if complete:  # not so when migrated backwards
        install(connection)
        sync_chart(connection)
        restrict(connection, settings.DATABASE_RUNTIME_ROLE)
