"""Celery's door to home."""

from __future__ import annotations

from celery import shared_task

from . import beats


@shared_task(name="home.beat", ignore_result=True)
def beat(**kwargs) -> None:
    """Says to every page that a worker is there."""
    beats.beat()
