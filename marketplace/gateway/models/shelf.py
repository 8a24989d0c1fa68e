"""What can be called: a model, who serves it and where, and what a token of it costs there and then."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from marketplace.catalogue.models import Region
from portal.accounts.models import Organisation
from portal.core.ids import public_id

DAY_MIN = 24 * 60


class AiModel(models.Model):
    """A model as its makers call it, whoever serves it. `slug` is what a program names."""

    class Kind(models.TextChoices):
        CHAT = "chat", _("writes text")
        EMBEDDING = "embedding", _("turns text into vectors")

    slug = models.CharField(_("name in programs"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=80)
    maker = models.CharField(_("made by"), max_length=80)
    country = models.CharField(_("country of its maker"), max_length=2, help_text="ISO 3166, two letters")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.CHAT)
    context_tokens = models.PositiveIntegerField(_("longest input and output together, tokens"))
    note_zh = models.CharField(_("note in Chinese"), max_length=200, blank=True)
    note_en = models.CharField(_("note in English"), max_length=200, blank=True)
    source = models.TextField(_("source"), blank=True)

    class Meta:
        verbose_name = _("AI model")
        verbose_name_plural = _("AI models")
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def of(self, organisation: Organisation) -> EndpointQuerySet:
        return self.filter(provider=organisation)

    def published(self) -> EndpointQuerySet:
        return self.filter(state=Endpoint.State.PUBLISHED)


class Endpoint(models.Model):
    """One provider's server for one model. Its address and secret are the provider's; customers never see them."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("waiting for approval")
        PUBLISHED = "published", _("published")
        PAUSED = "paused", _("paused")
        ARCHIVED = "archived", _("archived")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.DRAFT: {State.SUBMITTED, State.ARCHIVED},
        State.SUBMITTED: {State.PUBLISHED, State.DRAFT},
        State.PUBLISHED: {State.PAUSED, State.ARCHIVED},
        State.PAUSED: {State.PUBLISHED, State.ARCHIVED},
        State.ARCHIVED: set(),
    }

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    model = models.ForeignKey(AiModel, verbose_name=_("model"), on_delete=models.PROTECT, related_name="endpoints")
    provider = models.ForeignKey(
        Organisation, verbose_name=_("provider"), on_delete=models.PROTECT, related_name="endpoints"
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    base_url = models.URLField(_("address"), max_length=300, help_text="up to and with /v1")
    upstream_model = models.CharField(_("model's name there"), max_length=120)
    secret = models.TextField(_("secret, encrypted"), blank=True, editable=False)
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    output_tokens = models.PositiveIntegerField(_("longest output, tokens"))
    parallel = models.PositiveIntegerField(_("calls at once"), default=8)
    returned_reason = models.TextField(_("what the staff wrote"), blank=True)
    created_at = models.DateTimeField(_("created"))
    submitted_at = models.DateTimeField(_("handed in"), null=True, blank=True)
    published_at = models.DateTimeField(_("on the shelf since"), null=True, blank=True)

    objects: ClassVar[models.Manager] = EndpointQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("model endpoint")
        verbose_name_plural = _("model endpoints")
        ordering = ["id"]
        indexes = [models.Index(fields=["state", "submitted_at"]), models.Index(fields=["provider", "state"])]

    def __str__(self) -> str:
        return f"{self.model} · {self.provider}"

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("ept")
        super().save(*args, **kwargs)


class Direction(models.TextChoices):
    """Which tokens: the five are disjoint, their sum is what a call used."""

    INPUT = "input", _("input")
    CACHED = "cached", _("input read from the cache")
    CACHE_WRITE = "cache_write", _("input written to the cache")
    OUTPUT = "output", _("output")
    REASONING = "reasoning", _("reasoning")


class PriceQuerySet(models.QuerySet["Price"]):
    def at(self, now: datetime) -> PriceQuerySet:
        """The rows that hold at an instant, whatever the time of day."""
        return self.filter(Q(effective_to=None) | Q(effective_to__gt=now), effective_from__lte=now)


def _no_overlap(direction: str) -> ExclusionConstraint:
    return ExclusionConstraint(
        name=f"one_{direction}_price_at_a_time",
        condition=Q(direction=direction),
        expressions=[
            # ranges of one number instead of `=` need no extension
            (Func(F("endpoint"), F("endpoint"), Value("[]"), function="int8range"), RangeOperators.OVERLAPS),
            (Func(F("from_tokens"), F("from_tokens"), Value("[]"), function="int8range"), RangeOperators.OVERLAPS),
            (Func(F("window_from"), F("window_to"), function="int4range"), RangeOperators.OVERLAPS),
            (Func(F("effective_from"), F("effective_to"), function="tstzrange"), RangeOperators.OVERLAPS),
        ],
    )


class Price(models.Model):
    """Micro-yuan for a million tokens of one direction, from an input length on, in a window of the day, for a time.

    The input length of a call (all its input tokens) chooses the row with the highest `from_tokens` not above it.
    The window is in minutes of the platform's day, by when the call was received. Rows end, they are not changed.
    """

    endpoint = models.ForeignKey(
        Endpoint, verbose_name=_("model endpoint"), on_delete=models.PROTECT, related_name="prices"
    )
    direction = models.CharField(_("tokens"), max_length=12, choices=Direction)
    from_tokens = models.PositiveIntegerField(_("from so many input tokens on"), default=0)
    window_from = models.PositiveSmallIntegerField(_("from this minute of the day"), default=0)
    window_to = models.PositiveSmallIntegerField(_("up to this minute of the day"), default=DAY_MIN)
    uy_per_m = models.BigIntegerField(_("micro-yuan for a million tokens"))
    effective_from = models.DateTimeField(_("from"))
    effective_to = models.DateTimeField(_("until"), null=True, blank=True)

    objects: ClassVar[models.Manager] = PriceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("token price")
        verbose_name_plural = _("token prices")
        ordering = ["endpoint_id", "direction", "from_tokens", "window_from", "effective_from"]
        constraints = [
            models.CheckConstraint(condition=Q(uy_per_m__gte=0), name="token_price_not_negative"),
            models.CheckConstraint(
                condition=Q(window_to__lte=DAY_MIN, window_from__lt=F("window_to")), name="token_price_window"),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gt=F("effective_from")), name="token_price_lasts"),
            *(_no_overlap(direction) for direction in Direction.values),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.direction} {self.uy_per_m}"

    @property
    def zone(self) -> str:
        return settings.PLATFORM_TZ
