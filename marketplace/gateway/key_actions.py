"""Writes of the keys that call models: made, given other limits, revoked. What a key is never changes."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.db.models import Q

from marketplace.catalogue.models import Region
from portal.accounts import secrets
from portal.accounts.actions import lock
from portal.accounts.models import Membership, Organisation, User
from portal.core.errors import Refused
from portal.history import actions as history

from .models import AccessKey, AiModel, Direction
from .models.keys import KEY_PREFIX
from .news import tell_key

KEYS_MOST = 50
ENTRIES_MOST = 50  # names of models, networks, providers on one key


class Limits(TypedDict, total=False):
    """What a key may do; left out or empty: no limit.

    allowed: slugs of models. cap_uy: micro-yuan over `cap_period` (day, month, ever). addresses: networks as CIDR or
    single addresses. prefer: only, ignore: slugs of providers; region: its key; max_price: {direction: micro-yuan a
    million tokens}.
    """

    allowed: Iterable[str]
    cap_uy: int | None
    cap_period: str
    calls_per_minute: int | None
    tokens_per_minute: int | None
    addresses: Iterable[str]
    prefer: dict[str, Any] | None
    expires_at: datetime | None


@transaction.atomic
def make_key(
    *, organisation: Organisation, user: User, name: str, created_by: User, now: datetime, **limits: Unpack[Limits]
) -> tuple[AccessKey, str]:
    """A key for a member of the company, and `sk-tok_<id>_<secret>`, which is shown once and kept nowhere.

    Raises Refused: no_such_member, keys_enough, bad_key_life, key_limit, key_model, key_address, key_provider,
    key_region, key_long.
    """
    checked = _checked(limits)
    _lasts(checked["expires_at"], now)
    lock(organisation)
    if not Membership.objects.filter(organisation=organisation, user=user).exists():
        raise Refused("no_such_member", email=user.email)
    if working(organisation, now) >= KEYS_MOST:
        raise Refused("keys_enough", most=KEYS_MOST)
    secret = secrets.fresh()
    key = AccessKey.objects.create(
        organisation=organisation, user=user, name=name.strip(), secret_hash=secrets.hash_of(secret),
        created_by=created_by, created_at=now, **checked,
    )  # fmt: skip
    history.record(key, before="", after="", now=now, actor=f"user:{created_by.pk}", reason="model_key_made",
                   name=key.name, email=user.email)  # fmt: skip
    return key, f"{KEY_PREFIX}_{key.public_id.removeprefix('tky_')}_{secret}"


@transaction.atomic
def change_limits(*, key: AccessKey, name: str, now: datetime, actor: str, **limits: Unpack[Limits]) -> AccessKey:
    """Other limits and another name for a key; its secret, its company and its person stay.

    What is left out of `limits` has no limit afterwards. Raises Refused as `make_key`, and key_revoked.
    """
    checked = {"name": name.strip(), **_checked(limits)}
    key = AccessKey.objects.select_for_update().get(pk=key.pk)
    if key.revoked_at is not None:
        raise Refused("key_revoked", name=key.name)
    old = {field: getattr(key, field) for field in checked}
    changed = {field: value for field, value in checked.items() if value != old[field]}
    if "expires_at" in changed:
        _lasts(changed["expires_at"], now)
    if changed:
        AccessKey.objects.filter(pk=key.pk).update(**changed)
        for field, value in changed.items():
            setattr(key, field, value)
        was = {field: _stored(old[field]) for field in changed}
        new = {field: _stored(value) for field, value in changed.items()}
        history.record(key, before="", after="", now=now, actor=actor, reason="model_key_limits", old=was, new=new)
        tell_key(key.public_id)
    return key


@transaction.atomic
def revoke_key(*, key: AccessKey, now: datetime, actor: str) -> None:
    """The key stops working at once, also for calls under way. Safe to repeat: the first time counts."""
    if AccessKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        key.revoked_at = now
        history.record(key, before="", after="", now=now, actor=actor, reason="model_key_revoked", name=key.name)
        tell_key(key.public_id)


def working(organisation: Organisation, now: datetime) -> int:
    """How many keys of a company work."""
    lasting = Q(expires_at=None) | Q(expires_at__gt=now)
    return AccessKey.objects.filter(lasting, organisation=organisation, revoked_at=None).count()


def network(text: str) -> str:
    """`192.0.2.7/24` → `192.0.2.0/24`, `2001:db8::1` → `2001:db8::1/128`. Refused("key_address")."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise Refused("key_address", address=text.strip()[:60]) from None


def _lasts(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise Refused("bad_key_life")


def _checked(limits: Limits) -> dict[str, Any]:
    """All columns of limits, in the one form in which they are compared and stored."""
    for field in ("cap_uy", "calls_per_minute", "tokens_per_minute"):
        _positive(limits.get(field))
    return {
        "allowed": _known(limits.get("allowed"), AiModel.objects.values_list("slug", flat=True).filter, "key_model"),
        "cap_uy": limits.get("cap_uy"),
        "cap_period": AccessKey.Period(limits.get("cap_period") or AccessKey.Period.MONTH).value,
        "calls_per_minute": limits.get("calls_per_minute"),
        "tokens_per_minute": limits.get("tokens_per_minute"),
        "addresses": _few({network(text) for text in limits.get("addresses") or ()}),
        "prefer": _preference(limits.get("prefer") or {}),
        "expires_at": limits.get("expires_at"),
    }


def _preference(prefer: dict[str, Any]) -> dict[str, Any]:
    """Only what was chosen, in one order. ValueError for a name that no router knows."""
    unknown = prefer.keys() - {"only", "ignore", "region", "max_price"}
    prices = {str(Direction(d).value): uy for d, uy in (prefer.get("max_price") or {}).items() if uy is not None}
    if unknown:
        raise ValueError(f"not a preference: {unknown}")
    for uy in prices.values():
        _positive(uy)
    providers = Organisation.objects.values_list("slug", flat=True).filter
    region = prefer.get("region") or ""
    if region and not Region.objects.filter(key=region).exists():
        raise Refused("key_region", region=region)
    found = {
        "only": _known(prefer.get("only"), providers, "key_provider"),
        "ignore": _known(prefer.get("ignore"), providers, "key_provider"),
        "region": region,
        "max_price": prices,
    }
    return {name: value for name, value in found.items() if value}


def _positive(value: Any) -> None:
    if value is not None and value <= 0:
        raise Refused("key_limit")


def _known(slugs: Iterable[str] | None, among: Callable[..., Iterable[str]], code: str) -> list[str]:
    wanted = _few(set(slugs or ()))
    missing = set(wanted) - set(among(slug__in=wanted)) if wanted else set()
    if missing:
        raise Refused(code, name=min(missing)[:80])
    return wanted


def _few(values: set[str]) -> list[str]:
    if len(values) > ENTRIES_MOST:
        raise Refused("key_long", most=ENTRIES_MOST)
    return sorted(values)


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
