"""A journal says whether it moves lots: only such a one is looked at again at the commit."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0008_seals_of_the_books")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE ledger_journal ADD COLUMN with_lots boolean NOT NULL DEFAULT false",
            "ALTER TABLE ledger_journal DROP COLUMN with_lots",
        )
    ]
