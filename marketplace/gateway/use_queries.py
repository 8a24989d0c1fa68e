"""Reads of this room: keys that call models, what was used in a time by key, model or day, and single calls.

Sums are read from DailyUse, whose days are UTC; single calls are cut at the same midnights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from bank.ledger.models import Journal
from marketplace.catalogue.models import Region
from portal.accounts.models import Membership, Organisation

from .models import AccessKey, AiModel, Call, DailyUse, Endpoint

DAYS_MOST = 366  # of one question
PAST_MOST = 50  # keys that no longer work, on the list
CHUNK = 1_000


@dataclass(frozen=True)
class Sums:
    """Tokens in five disjoint counts, those of packs among them, calls, those without a charge, micro-yuan."""

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    pack_tokens: int = 0
    calls: int = 0
    failed: int = 0
    charge_uy: int = 0

    @property
    def in_tokens(self) -> int:
        return self.input_tokens + self.cached_tokens + self.cache_write_tokens

    @property
    def out_tokens(self) -> int:
        return self.output_tokens + self.reasoning_tokens

    @property
    def tokens(self) -> int:
        return self.in_tokens + self.out_tokens

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in COUNTED))


COUNTED = tuple(field.name for field in fields(Sums))


@dataclass(frozen=True)
class Asked:
    """Of which company, in which UTC days (both inclusive), by which key and of which model; None: of all."""

    organisation: Organisation
    first: date
    last: date
    key: AccessKey | None = None
    model: AiModel | None = None

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def utc_day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def month_of(day: date) -> tuple[date, date]:
    """First and last day of its month."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def keys_of(organisation: Organisation) -> QuerySet[AccessKey]:
    """Newest first."""
    return AccessKey.objects.select_related("user", "created_by").filter(organisation=organisation)


def working_keys(organisation: Organisation, now: datetime) -> list[AccessKey]:
    return list(keys_of(organisation).filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None))


def past_keys(organisation: Organisation, now: datetime) -> list[AccessKey]:
    """The newest of those that were revoked or have ended."""
    return list(keys_of(organisation).exclude(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)[:PAST_MOST])


def key_for(organisation: Organisation, public_id: str) -> AccessKey | None:
    return keys_of(organisation).filter(public_id=public_id).first()


def model_for(slug: str) -> AiModel | None:
    return AiModel.objects.filter(slug=slug).first()


def members_of(organisation: Organisation) -> QuerySet[Membership]:
    return Membership.objects.select_related("user").filter(organisation=organisation).order_by("user__email")


def models_on_offer() -> list[AiModel]:
    offered = Endpoint.objects.published().filter(model=OuterRef("pk"), provider__state=Organisation.State.APPROVED)
    return list(AiModel.objects.filter(Exists(offered)))


def example_for(key: AccessKey) -> str:
    """A model that the key may call and that writes text, if there is one, for the lines that a program begins with."""
    models = [m for m in models_on_offer() if not key.allowed or m.slug in key.allowed]
    models.sort(key=lambda m: m.kind != AiModel.Kind.CHAT)
    return models[0].slug if models else "MODEL"


def providers_on_offer() -> QuerySet[Organisation]:
    """Companies that serve a published endpoint."""
    serving = Endpoint.objects.filter(state=Endpoint.State.PUBLISHED).values("provider")
    return Organisation.objects.filter(pk__in=serving).order_by("name")


def regions_on_offer() -> QuerySet[Region]:
    serving = Endpoint.objects.filter(state=Endpoint.State.PUBLISHED).values("region")
    return Region.objects.filter(pk__in=serving)


def names_of_preferences(keys: Iterable[AccessKey]) -> dict[str, str]:
    """Slugs of providers and keys of regions that stand on keys → their names. At most two queries."""
    prefers = [key.prefer for key in keys if key.prefer]
    slugs = {slug for prefer in prefers for slug in [*prefer.get("only", []), *prefer.get("ignore", [])]}
    regions = {prefer["region"] for prefer in prefers if prefer.get("region")}
    names = dict(Organisation.objects.filter(slug__in=slugs).values_list("slug", "name")) if slugs else {}
    if regions:
        names |= {f"region:{region.key}": region.name for region in Region.objects.filter(key__in=regions)}
    return names


def sums_of(asked: Asked) -> QuerySet[DailyUse]:
    found = DailyUse.objects.filter(organisation=asked.organisation, day__range=(asked.first, asked.last))
    if asked.key is not None:
        found = found.filter(key=asked.key)
    return found if asked.model is None else found.filter(model=asked.model)


def by(asked: Asked, *names: str) -> list[tuple[tuple[Any, ...], Sums]]:
    """The sums for each combination of columns: `by(asked, "key_id")`. The dearest first. One query."""
    rows = sums_of(asked).order_by().values(*names).annotate(**{f"sum_{name}": Sum(name) for name in COUNTED})
    found = [
        (tuple(row[name] for name in names), Sums(**{name: row[f"sum_{name}"] for name in COUNTED})) for row in rows
    ]
    return sorted(found, key=lambda pair: (-pair[1].charge_uy, -pair[1].tokens, *map(str, pair[0])))


def spent_by_key(organisation: Organisation, now: datetime) -> dict[int, int]:
    """Micro-yuan by key in this UTC month."""
    first, last = month_of(utc_day(now))
    return {key: sums.charge_uy for (key,), sums in by(Asked(organisation, first, last), "key_id")}


def has_used(organisation: Organisation) -> bool:
    return DailyUse.objects.filter(organisation=organisation).exists()


def keys_named(organisation: Organisation, ids: Iterable[int]) -> dict[int, AccessKey]:
    return AccessKey.objects.filter(organisation=organisation).in_bulk(list(ids))


def calls_of(asked: Asked) -> QuerySet[Call]:
    """Newest first, with their key, model and provider."""
    begins = datetime.combine(asked.first, time.min, UTC)
    ends = datetime.combine(asked.last + timedelta(days=1), time.min, UTC)
    found = Call.objects.select_related("key", "model", "endpoint__provider").filter(
        organisation=asked.organisation, received_at__gte=begins, received_at__lt=ends
    )
    if asked.key is not None:
        found = found.filter(key=asked.key)
    return found if asked.model is None else found.filter(model=asked.model)


def page_of(calls: QuerySet[Call], *, before: int | None, limit: int) -> list[Call]:
    """The calls after a place in the list, by internal id and not by number: new ones shift no page."""
    rows = calls.order_by("-pk")
    return list((rows if before is None else rows.filter(pk__lt=before))[:limit])


def each_call(calls: QuerySet[Call], most: int) -> Iterator[Call]:
    """One by one, some at a time from the database; at most `most`."""
    before: int | None = None
    while most > 0 and (rows := page_of(calls, before=before, limit=min(CHUNK, most))):
        yield from rows
        before, most = rows[-1].pk, most - len(rows)


def call_for(organisation: Organisation, request_id: str) -> Call | None:
    return (
        Call.objects.select_related("key__user", "model", "endpoint__provider")
        .filter(organisation=organisation, request_id=request_id)
        .first()
    )


def entry_of(call: Call) -> Journal | None:
    """The entry in the books that the call is a part of; None where no money moved."""
    if not call.batch:
        return None
    of_company = Journal.objects.filter(cause=f"calls:{call.batch}", postings__account__owner=call.organisation_id)
    return of_company.order_by("id").first()


def endpoints_tried(call: Call) -> dict[str, Endpoint]:
    """By public id."""
    tried = {str(attempt.get("endpoint")) for attempt in call.attempts}
    return {e.public_id: e for e in Endpoint.objects.select_related("provider").filter(public_id__in=tried)}
