"""What the door knows of keys and of what can be called. Read from PostgreSQL in threads, away from the hot path.

Plain frozen values; the door keeps them for some seconds and forgets a key at once when it hears that it changed.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models import Sum

from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused

from .. import addresses
from ..models import AccessKey, Call, Endpoint, Price
from ..rates import Tariff
from ..tariff import Rate

log = logging.getLogger(__name__)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Result = TypeVar("Result")


@dataclass(frozen=True)
class Key:
    """A key as the door needs it. `slug`: its company's; `period`: over which its cap is counted."""

    pk: int
    public_id: str
    secret_hash: str
    company: int
    slug: str
    suspended: bool
    allowed: frozenset[str]
    cap_uy: int | None
    cap_period: str
    calls_per_minute: int
    tokens_per_minute: int
    networks: tuple[Network, ...]
    prefer: Mapping[str, Any]
    expires_at: datetime | None
    revoked: bool


@dataclass(frozen=True)
class Target:
    """A published endpoint that may serve a model."""

    pk: int
    public_id: str
    provider: str
    region: str
    url: str
    secret: str = field(repr=False)
    upstream_model: str
    output_tokens: int
    parallel: int
    tariff: Tariff


@dataclass(frozen=True)
class Shelf:
    """Model's slug -> what serves it; the model's key, kind and context beside."""

    targets: Mapping[str, tuple[Target, ...]]
    models: Mapping[str, tuple[int, str, int, str]]  # pk, kind, context tokens, maker


def in_thread(work: Callable[..., Result]) -> Callable[..., Result]:
    """A function that asks the database from a thread of the door: its connection is given back afterwards."""

    def done(*args: Any) -> Result:
        close_old_connections()
        try:
            return work(*args)
        finally:
            connection.close()

    return done


@in_thread
def load_key(tail: str) -> Key | None:
    """The key with that public id, whether it works or not; None where there is none."""
    row = AccessKey.objects.select_related("organisation").filter(public_id=f"tky_{tail}").first()
    if row is None:
        return None
    return Key(
        pk=row.pk, public_id=row.public_id, secret_hash=row.secret_hash, company=row.organisation_id,
        slug=row.organisation.slug, suspended=row.organisation.state == Organisation.State.SUSPENDED,
        allowed=frozenset(row.allowed), cap_uy=row.cap_uy, cap_period=row.cap_period,
        calls_per_minute=row.calls_per_minute or 0, tokens_per_minute=row.tokens_per_minute or 0,
        networks=tuple(ipaddress.ip_network(text) for text in row.addresses), prefer=row.prefer,
        expires_at=row.expires_at, revoked=row.revoked_at is not None)


@in_thread
def load_shelf(open_secret: Callable[[str], str], allowed: Collection[str]) -> Shelf:
    """Every published endpoint with the price rows that hold now."""
    now = clock.now()
    rows: dict[int, list[Rate]] = {}
    for price in Price.objects.at(now).filter(endpoint__state=Endpoint.State.PUBLISHED):
        rows.setdefault(price.endpoint_id, []).append(
            Rate(price.direction, price.from_tokens, price.window_from, price.window_to, price.uy_per_m))
    targets: dict[str, tuple[Target, ...]] = {}
    models: dict[str, tuple[int, str, int, str]] = {}
    for e in Endpoint.objects.published().filter(
            provider__state=Organisation.State.APPROVED).select_related("model", "provider", "region"):
        try:  # an address written as a number is asked of no resolver: it is looked at here
            addresses.check(e.base_url, allowed=allowed)
            secret = open_secret(e.secret) if e.secret else ""
        except Refused as refused:
            log.warning("%s is left out: %s", e.public_id, refused.code)
            continue
        model = e.model
        models[model.slug] = (model.pk, model.kind, model.context_tokens, model.maker)
        target = Target(
            pk=e.pk, public_id=e.public_id, provider=e.provider.slug, region=e.region.key, url=e.base_url.rstrip("/"),
            secret=secret, upstream_model=e.upstream_model,
            output_tokens=e.output_tokens, parallel=e.parallel,
            tariff=Tariff(rows.get(e.pk, []), writes=model.kind == model.Kind.CHAT))
        targets[model.slug] = (*targets.get(model.slug, ()), target)
    return Shelf(targets, models)


@in_thread
def spent_of(key: int, since: datetime | None) -> int:
    """Micro-yuan that calls of a key came to since then, as far as the meter has written them."""
    calls = Call.objects.filter(key_id=key)
    if since:
        calls = calls.filter(received_at__gte=since)
    return calls.aggregate(sum=Sum("charge_uy"))["sum"] or 0


def period_of(key: Key, now: datetime) -> tuple[str, datetime | None]:
    """The name of the period over which the key's cap is counted then, and when it began in the platform's zone."""
    there = now.astimezone(ZoneInfo(settings.PLATFORM_TZ))
    if key.cap_period == AccessKey.Period.DAY:
        return f"{there:%Y-%m-%d}", there.replace(hour=0, minute=0, second=0, microsecond=0)
    if key.cap_period == AccessKey.Period.MONTH:
        return f"{there:%Y-%m}", there.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return "ever", None
