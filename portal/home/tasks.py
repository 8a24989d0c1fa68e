"""Celery's door to home."""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_ready

from . import beats


@shared_task(name="home.beat", ignore_result=True)
def beat(**kwargs) -> None:
    """Says to every page that a worker is there."""
    beats.beat()


@worker_ready.connect
def first_beat(**kwargs) -> None:
    """The first beat at once, so that the first page does not warn of a worker that is there."""
    beats.beat()
