from django.db import migrations


class Migration(migrations.Migration):
    """The count in an order's number: handed out by PostgreSQL, never twice."""

    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE orders_number START 101", "DROP SEQUENCE orders_number"),
    ]
