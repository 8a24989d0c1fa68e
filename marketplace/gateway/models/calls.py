"""Money set aside for calls, every call once, and their sums by day."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bank.ledger.models import Hold
from portal.accounts.models import Organisation
from portal.core.ids import public_id

from .keys import AccessKey
from .shelf import AiModel, Endpoint


class Counted(models.Model):
    """What was used: five disjoint counts of tokens, how many of them came out of packs, and the money."""

    input_tokens = models.PositiveBigIntegerField(_("input"), default=0)
    cached_tokens = models.PositiveBigIntegerField(_("input read from the cache"), default=0)
    cache_write_tokens = models.PositiveBigIntegerField(_("input written to the cache"), default=0)
    output_tokens = models.PositiveBigIntegerField(_("output"), default=0)
    reasoning_tokens = models.PositiveBigIntegerField(_("reasoning"), default=0)
    pack_tokens = models.PositiveBigIntegerField(_("out of packs"), default=0)
    charge_uy = models.PositiveBigIntegerField(_("charged, micro-yuan"), default=0)

    class Meta:
        abstract = True

    @property
    def tokens(self) -> int:
        return (self.input_tokens + self.cached_tokens + self.cache_write_tokens + self.output_tokens
                + self.reasoning_tokens)


class Lease(models.Model):
    """A slice of a company's money (or tokens) that the gateway's Redis may spend: a hold in the books, taken first.

    `epoch` names the Redis that got it: what was lent to one that has restarted is only charged, never spent again.
    """

    class State(models.TextChoices):
        OPEN = "open", _("lent")
        CLOSING = "closing", _("coming back")
        CLOSED = "closed", _("come back")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.CLOSING}, State.CLOSING: {State.CLOSED}, State.CLOSED: set()}

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="leases")
    hold = models.OneToOneField(Hold, verbose_name=_("set aside"), on_delete=models.PROTECT, related_name="lease")
    asset = models.CharField(_("counted in"), max_length=90)
    epoch = models.CharField(_("run of Redis"), max_length=60)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(_("created"))
    closing_at = models.DateTimeField(_("closing since"), null=True, blank=True)
    closing_after = models.CharField(
        _("comes back after the event"), max_length=40, blank=True, help_text="the last event that may still charge it")

    class Meta:
        verbose_name = _("money lent to the gateway")
        verbose_name_plural = _("money lent to the gateway")
        indexes = [
            models.Index(fields=["organisation", "id"], condition=~Q(state="closed"), name="lease_of_company"),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.public_id = self.public_id or public_id("lea")
        super().save(*args, **kwargs)


class Call(Counted):
    """One call of a model, written once by the meter. What was asked and answered is never kept.

    `charge_uy` left the company's money; `pack_tokens` came out of its packs;
    `uncovered_uy` is what the platform bore because nothing was left to charge.
    """

    class End(models.TextChoices):
        STOP = "stop", _("finished")
        LENGTH = "length", _("cut at its longest")
        UPSTREAM = "upstream", _("the provider failed")
        CLIENT = "client", _("the caller went away")
        EMPTY = "empty", _("nothing came back")
        REFUSED = "refused", _("the provider refused it")
        LOST = "lost", _("the gateway stopped in the middle")

    request_id = models.CharField(_("reference"), max_length=40, editable=False)
    # that these are there is asked by the statement that writes a batch (booking.py); indexes stand below
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="model_calls", db_index=False,
        db_constraint=False)
    key = models.ForeignKey(
        AccessKey, verbose_name=_("model key"), on_delete=models.PROTECT, related_name="calls", db_index=False,
        db_constraint=False)
    model = models.ForeignKey(
        AiModel, verbose_name=_("model"), on_delete=models.PROTECT, related_name="calls", db_index=False,
        db_constraint=False)
    endpoint = models.ForeignKey(
        Endpoint, verbose_name=_("model endpoint"), on_delete=models.PROTECT, related_name="calls", null=True,
        db_index=False, db_constraint=False)
    door = models.CharField(_("asked for"), max_length=20, help_text="chat, completions, embeddings, responses")
    stream = models.BooleanField(_("streamed"), default=False)
    received_at = models.DateTimeField(_("received"))
    first_ms = models.PositiveIntegerField(_("milliseconds to the first token"), null=True)
    total_ms = models.PositiveIntegerField(_("milliseconds in all"))
    end = models.CharField(_("why it ended"), max_length=10, choices=End)
    status = models.PositiveSmallIntegerField(_("answer's status"))
    estimated = models.BooleanField(_("tokens are estimated"), default=False)
    reserved_uy = models.PositiveBigIntegerField(_("reserved, micro-yuan"), default=0)
    uncovered_uy = models.PositiveBigIntegerField(_("borne by the platform, micro-yuan"), default=0)
    prices = models.JSONField(_("prices"), default=dict, help_text="direction -> micro-yuan a million tokens")
    attempts = models.JSONField(_("tried"), default=list, help_text="[{endpoint, status, ms, why}]")
    batch = models.CharField(
        _("booked with"), max_length=40, blank=True, help_text="the entries in the books that it is a part of")

    class Meta:
        verbose_name = _("model call")
        verbose_name_plural = _("model calls")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="call_of_company"),
            models.Index(fields=["endpoint", "-id"], name="call_of_endpoint"),
            models.Index(fields=["key", "-id"], name="call_of_key"),
            models.Index(fields=["batch"], name="call_of_batch"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["request_id"], name="call_once"),
            models.CheckConstraint(condition=Q(charge_uy__lte=F("reserved_uy")), name="call_never_above_reserved"),
        ]

    def __str__(self) -> str:
        return self.request_id


class DailyUse(Counted):
    """Sums of calls by UTC day, company, key, model and endpoint: what pages and rankings read."""

    day = models.DateField(_("day"), help_text="UTC")
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="+")
    key = models.ForeignKey(AccessKey, verbose_name=_("model key"), on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(AiModel, verbose_name=_("model"), on_delete=models.PROTECT, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, verbose_name=_("model endpoint"), on_delete=models.PROTECT, related_name="+", null=True)
    calls = models.PositiveBigIntegerField(_("calls"), default=0)
    failed = models.PositiveBigIntegerField(_("not charged"), default=0)
    class Meta:
        verbose_name = _("use of models by day")
        verbose_name_plural = _("use of models by day")
        constraints = [
            models.UniqueConstraint(
                fields=["day", "organisation", "key", "model", "endpoint"], nulls_distinct=False,
                name="one_use_a_day"),
        ]
        indexes = [
            models.Index(fields=["organisation", "day"], name="use_of_company"),
            models.Index(fields=["day"], name="use_of_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.organisation_id} {self.model_id}"
