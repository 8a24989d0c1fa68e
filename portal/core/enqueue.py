"""Hasten work after the commit. Losing the message loses nothing: a sweep finds the row by its due time."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)


def after_commit(task: str, *args: int | str) -> None:
    """Send the task of that name, with ids only, when the transaction in which we are has committed."""
    transaction.on_commit(lambda: send(task, *args), robust=True)


def send(task: str, *args: int | str) -> None:
    from portal.celery import app

    if getattr(settings, "SUANLI_NO_BROKER", False):  # tests that advance by hand
        return
    try:
        app.send_task(task, args=args)
    except Exception:  # the broker may be away; the sweep will do it
        log.warning("could not hasten %s%r; the sweep will find it", task, args)
