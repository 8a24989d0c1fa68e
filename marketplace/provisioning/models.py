"""What a customer holds at a site, and its life from waiting to ended."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.dispatch.models import Reservation, Site
from portal.accounts.models import Organisation
from portal.core.ids import public_id


class Allocation(models.Model):
    """One run of one program at one site. Its public id is the engine's idempotency key and native name."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting for the machine")
        STARTED = "started", _("at the machine")
        SUCCEEDED = "succeeded", _("finished")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.PENDING: {State.STARTED, State.FAILED, State.STOPPED},
        State.STARTED: {State.SUCCEEDED, State.FAILED, State.STOPPED},
        State.SUCCEEDED: set(),
        State.FAILED: set(),
        State.STOPPED: set(),
    }
    ENDED = (State.SUCCEEDED, State.FAILED, State.STOPPED)

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="+"
    )
    cause = models.CharField(_("brought about by"),
        max_length=60, unique=True, help_text="what it is for: order:…, sample:…, site:…"
    )
    site = models.ForeignKey(
        Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="allocations"
    )
    reservation = models.ForeignKey(
        Reservation, verbose_name=_("room kept"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    recipe = models.CharField(_("recipe"), max_length=30)
    input_key = models.CharField(
        _("input file"), max_length=120, blank=True, help_text="in the private storage; never a path"
    )
    params = models.JSONField(_("settings"), default=dict, blank=True)
    cores = models.PositiveIntegerField(_("cores"))
    memory_mb = models.PositiveIntegerField(_("memory, MB"))
    wall_s = models.PositiveIntegerField(_("seconds at most"))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PENDING)
    due_at = models.DateTimeField(_("next look"),
        null=True, blank=True, help_text="when to look at it again; null when ended"
    )
    attempts = models.PositiveSmallIntegerField(_("tries without an answer"), default=0)
    give_up_at = models.DateTimeField(
        _("given up at"), help_text="a machine that does not answer until then has failed"
    )
    stop_asked_at = models.DateTimeField(_("stop asked for"), null=True, blank=True)
    native_id = models.CharField(_("name at the machine"), max_length=80, blank=True)
    phase = models.CharField(
        _("what the machine says"), max_length=12, blank=True, help_text="the engine's own word: waiting, running"
    )
    progress = models.JSONField(_("progress"), default=list, blank=True)
    core_ms = models.BigIntegerField(
        _("core-milliseconds"), default=0, help_text="the engine's counter so far; final when ended"
    )
    cpu_ms = models.BigIntegerField(_("processor milliseconds"), default=0)
    reason = models.CharField(_("why it ended"), max_length=30, blank=True)
    result = models.JSONField(_("result"), null=True, blank=True)
    log = models.TextField(_("log"), blank=True)
    created_at = models.DateTimeField(_("created"))
    started_at = models.DateTimeField(_("began"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="allocation_due"),
            models.Index(fields=["site", "state"]),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(core_ms__gte=0, cpu_ms__gte=0), name="allocation_counts_up"),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("alc")
        super().save(*args, **kwargs)

    @property
    def is_ended(self) -> bool:
        return self.state in self.ENDED


class ResultFile(models.Model):
    """A file that a run left behind, in the private storage under its own public id."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    allocation = models.ForeignKey(Allocation, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=120)
    label_en = models.CharField(max_length=120, blank=True)
    label_zh = models.CharField(max_length=120, blank=True)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["allocation", "name"], name="one_result_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("fil")
        super().save(*args, **kwargs)

    @property
    def storage_key(self) -> str:
        return f"results/{self.public_id}"
