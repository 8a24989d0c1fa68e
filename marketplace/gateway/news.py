"""Telling the running doors that something changed. A lost message costs some seconds, never money."""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from django.db import transaction

from .door.store import CHANNEL

log = logging.getLogger(__name__)


def tell_key(public_id: str) -> None:
    """A key was made, changed or revoked: forget what is known of it, stop its calls if it works no more."""
    _after_commit(f"key {public_id}")


def tell_shelf() -> None:
    """An endpoint or a price changed."""
    _after_commit("shelf")


def _after_commit(word: str) -> None:
    transaction.on_commit(lambda: _publish(word), robust=True)


def _publish(word: str) -> None:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.publish(CHANNEL, word)
    except redis.exceptions.RedisError as error:
        log.warning("could not tell the doors of %s; they will see it in some seconds: %s", word, error)
