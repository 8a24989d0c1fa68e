"""What the guards need of the tables. The guards themselves are installed after every migrate (install.py)."""

from django.db import migrations

TABLES = """
-- a journal's postings belong to its transaction: this tells later ones apart
ALTER TABLE ledger_journal ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
-- balances change in place: room for the next version of a row on its page
ALTER TABLE ledger_account SET (fillfactor = 60);
ALTER TABLE ledger_hold SET (fillfactor = 80);
ALTER TABLE ledger_lot SET (fillfactor = 80);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(TABLES, "ALTER TABLE ledger_journal DROP COLUMN txid")]
