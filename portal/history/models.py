"""Every step of everything: what, from, to, when, who, why. Written in the transaction of the step."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Step(models.Model):
    """One step of one thing. `subject` is text `type:public_id`, as in the ledger's causes."""

    subject = models.CharField(_("thing"), max_length=80)
    before = models.CharField(_("from state"), max_length=24)
    after = models.CharField(_("to state"), max_length=24)
    at = models.DateTimeField(_("when"))
    actor = models.CharField(_("who"), max_length=80, help_text="user:<id>, key:<public id> or system:<task>")
    reason = models.CharField(_("reason"),
        max_length=60, blank=True, help_text="a code; its words are made when it is shown"
    )
    params = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        indexes = [models.Index(fields=["subject", "id"]), models.Index(fields=["at"])]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.subject} {self.before}→{self.after}"


class ClockOffset(models.Model):
    """How far a demonstration's clock has been set forward. One row; it only grows (see the constraint)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    offset_s = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="clock_one_row"),
            models.CheckConstraint(condition=models.Q(offset_s__gte=0), name="clock_never_back"),
        ]

    def __str__(self) -> str:
        return f"+{self.offset_s} s"


class ClockJump(models.Model):
    """A stretch of time that a demonstration skipped; what happened in it is marked "simulated time"."""

    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("to"))

    class Meta:
        verbose_name = _("clock set forward")
        verbose_name_plural = _("clock set forward")
        ordering = ["from_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(to_at__gt=models.F("from_at")), name="jump_forward")
        ]

    def __str__(self) -> str:
        return f"{self.from_at:%F %T} → {self.to_at:%F %T}"
