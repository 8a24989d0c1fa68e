"""What was used, as the engines counted it. Written once; a correction is another row."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.dispatch.models import Site
from marketplace.provisioning.models import Allocation


class UsageRecord(models.Model):
    """One ended job, as its site reports it: unique by (site, native sequence), however often it is pulled."""

    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="usage")
    seq = models.BigIntegerField(_("number"), help_text="the site's own number of the record")
    allocation = models.ForeignKey(
        Allocation, verbose_name=_("run"), on_delete=models.PROTECT, related_name="usage"
    )
    native_id = models.CharField(_("name at the machine"), max_length=80, blank=True)
    core_ms = models.BigIntegerField(
        _("core-milliseconds"), help_text="cores × time allocated: what is billed"
    )
    cpu_ms = models.BigIntegerField(_("processor milliseconds"), help_text="processor time really burnt")
    mem_peak_bytes = models.BigIntegerField(_("most memory, bytes"), default=0)
    native_started_at = models.DateTimeField(_("began at the machine"), null=True)
    native_ended_at = models.DateTimeField(_("ended at the machine"), null=True)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("meter reading")
        verbose_name_plural = _("meter readings")
        ordering = ["site_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["site", "seq"], name="usage_counted_once"),
            models.UniqueConstraint(fields=["allocation"], name="usage_one_per_allocation"),
            models.CheckConstraint(
                condition=Q(core_ms__gte=0, cpu_ms__gte=0, mem_peak_bytes__gte=0), name="usage_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site_id}/{self.seq}"
