"""Keys that call models: one a program or a person of a company, with what it may call and spend."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Organisation, User
from portal.core.ids import public_id

KEY_PREFIX = "sk-tok"  # of a key as a program holds it: sk-tok_<id>_<secret>


class AccessKey(models.Model):
    """A public id and a secret of which only a hash is kept; belongs to one company, answers to one person."""

    class Period(models.TextChoices):
        DAY = "day", _("a day")
        MONTH = "month", _("a month")
        EVER = "ever", _("in all")

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.CASCADE, related_name="access_keys"
    )
    user = models.ForeignKey(User, verbose_name=_("for whom"), on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    secret_hash = models.CharField(max_length=64, editable=False)
    allowed = ArrayField(
        models.CharField(max_length=80), verbose_name=_("may call"), default=list, blank=True,
        help_text="names of models; empty: all",
    )
    cap_uy = models.BigIntegerField(_("may spend, micro-yuan"), null=True, blank=True)
    cap_period = models.CharField(_("counted over"), max_length=6, choices=Period, default=Period.MONTH)
    calls_per_minute = models.PositiveIntegerField(_("calls a minute"), null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(_("tokens a minute"), null=True, blank=True)
    addresses = ArrayField(
        models.CharField(max_length=50), verbose_name=_("from these addresses"), default=list, blank=True,
        help_text="networks as 192.0.2.0/24; empty: from anywhere",
    )
    prefer = models.JSONField(
        _("which providers"), default=dict, blank=True,
        help_text="only, ignore: slugs of providers; region; max_price: {direction: micro-yuan a million tokens}",
    )
    created_by = models.ForeignKey(User, verbose_name=_("made by"), on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("model key")
        verbose_name_plural = _("model keys")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(cap_uy=None) | Q(cap_uy__gt=0), name="access_key_cap")]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("tky")
        super().save(*args, **kwargs)

    @property
    def actor(self) -> str:
        return f"key:{self.public_id}"

    def works_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
