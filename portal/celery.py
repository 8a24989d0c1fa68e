"""Celery: what hastens work. Every task is `advance(id)`, and a sweep finds what a lost message forgot."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from portal import embedded

embedded.ensure()

from celery import Celery  # noqa: E402

app = Celery("suanli")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# what is found, not sent: a lost message costs at most one round of the sweep
app.conf.beat_schedule = {
    "home.beat": {"task": "home.beat", "schedule": 10.0},
    "orders.sweep": {"task": "orders.sweep", "schedule": 5.0},
    "orders.forget": {"task": "orders.forget", "schedule": 3600.0},
    "orders.measure": {"task": "orders.measure", "schedule": 3600.0},
    "orders.open_pool": {"task": "orders.open_pool", "schedule": 300.0},
    "provisioning.sweep": {"task": "provisioning.sweep", "schedule": 30.0},
    "deposits.sweep": {"task": "deposits.sweep", "schedule": 60.0},
    "ledger.sweep": {"task": "ledger.sweep", "schedule": 60.0},
    "ledger.close_day": {"task": "ledger.close_day", "schedule": 300.0},
    "ledger.prove": {"task": "ledger.prove", "schedule": 1800.0},
    "lending.check_margins": {"task": "lending.check_margins", "schedule": 3600.0},
    "catalogue.tell_interested": {"task": "catalogue.tell_interested", "schedule": 300.0},
    "api.sweep": {"task": "api.sweep", "schedule": 3600.0},
    "billing.close_month": {"task": "billing.close_month", "schedule": 3600.0},
}
