"""Sites, the pool of their hours, and what is reserved in it.

A slot is one hour of one site: the bucket (class, site, hour). `reserved <= sellable` is a constraint
of the database, so nothing is sold twice whatever the code does; a site-hour exists once, so an hour
is in one deposit or one listing, never in two.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.catalogue.models import Offering, Region, ResourceClass
from portal.accounts.models import Organisation
from portal.core.ids import public_id

LISTED = "listed:"  # source of slots that serve only the offerings listed at their site


class Site(models.Model):
    """Machines of one class at one place, driven by one engine."""

    class State(models.TextChoices):
        REGISTERED = "registered", _("registered, not yet verified")
        VERIFYING = "verifying", _("benchmark running")
        VERIFIED = "verified", _("verified")
        FAILED = "failed", _("benchmark not reached")
        PAUSED = "paused", _("paused")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.REGISTERED: {State.VERIFYING},
        State.VERIFYING: {State.VERIFIED, State.FAILED},
        State.FAILED: {State.VERIFYING},
        State.VERIFIED: {State.PAUSED, State.VERIFYING},
        State.PAUSED: {State.VERIFIED, State.VERIFYING},
    }

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="sites"
    )
    name = models.CharField(_("name"), max_length=80)
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    resource_class = models.ForeignKey(
        ResourceClass, verbose_name=_("resource class"), on_delete=models.PROTECT, related_name="+"
    )
    cards = models.PositiveIntegerField(_("cores or cards"))
    memory_mb = models.PositiveIntegerField(_("memory for each core, MB"), default=1024)
    engine = models.CharField(_("driven by"), max_length=20, default="local")
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.REGISTERED)
    score = models.BigIntegerField(
        _("benchmark score"), null=True, blank=True, help_text="benchmark operations a core-second"
    )
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last answer"), null=True, blank=True)
    availability_ppm = models.PositiveIntegerField(_("availability, millionths"), default=850_000)
    always_open = models.BooleanField(
        _("every hour is in the pool"), default=False, help_text="every hour is in the pool without a deposit"
    )
    verify_due_at = models.DateTimeField(_("next look"), null=True, blank=True)
    verify_attempts = models.PositiveSmallIntegerField(_("tries of the benchmark"), default=0)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(cards__gte=1), name="site_has_cards"),
            models.UniqueConstraint(fields=["organisation", "name"], name="site_name_once_a_company"),
        ]
        indexes = [models.Index(fields=["state"]), models.Index(fields=["verify_due_at"])]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("sit")
        super().save(*args, **kwargs)


class Listing(models.Model):
    """An offering that runs at this site. One of the platform's own without a listing runs anywhere in the pool."""

    offering = models.ForeignKey(Offering, on_delete=models.CASCADE, related_name="listings")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="listings")
    hours = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        help_text="hours of the week 0–167 in the platform's zone; empty: always",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offering", "site"], name="listed_once")]

    def __str__(self) -> str:
        return f"{self.offering} @ {self.site}"

    @property
    def is_always(self) -> bool:
        return not self.hours


class Slot(models.Model):
    """One hour of one site in the pool. All quantities in card-milliseconds."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="slots")
    hour = models.DateTimeField(help_text="start of the hour, UTC")
    source = models.CharField(max_length=60, help_text="cause: deposit:… or site:…")
    quantity_cms = models.BigIntegerField()
    sellable_cms = models.BigIntegerField()
    recalled_cms = models.BigIntegerField(default=0)
    reserved_cms = models.BigIntegerField(default=0)
    weight_ppm = models.PositiveIntegerField(
        help_text="of this hour of the week, frozen when the slot was made"
    )
    live_minutes = models.PositiveSmallIntegerField(default=0, help_text="minutes in which the site answered")
    is_simulated = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["hour", "site"]
        constraints = [
            models.UniqueConstraint(fields=["site", "hour"], name="a_site_hour_has_one_slot"),
            models.CheckConstraint(condition=Q(reserved_cms__gte=0), name="slot_reserved_positive"),
            models.CheckConstraint(
                condition=Q(reserved_cms__lte=F("sellable_cms") - F("recalled_cms")), name="slot_not_oversold"
            ),
            models.CheckConstraint(
                condition=Q(sellable_cms__lte=F("quantity_cms"), recalled_cms__gte=0, quantity_cms__gt=0),
                name="slot_sellable_within_quantity",
            ),
            models.CheckConstraint(condition=Q(live_minutes__lte=60), name="slot_an_hour_has_60_minutes"),
        ]
        indexes = [
            models.Index(fields=["hour", "site"]),
            models.Index(fields=["source", "hour"]),
            models.Index(fields=["hour"], condition=Q(closed_at=None), name="slot_open_by_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.site_id} {self.hour:%F %H}h"

    @property
    def free_cms(self) -> int:
        return self.sellable_cms - self.recalled_cms - self.reserved_cms


class Reservation(models.Model):
    """Room kept for one quote or order, until it is used or given back."""

    class State(models.TextChoices):
        OPEN = "open", _("kept for a quote")
        KEPT = "kept", _("kept for an order")
        USED = "used", _("used")
        RELEASED = "released", _("given back")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.KEPT, State.RELEASED},
        State.KEPT: {State.USED, State.RELEASED},
        State.USED: set(),
        State.RELEASED: set(),
    }

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="reservations")
    cause = models.CharField(max_length=60)
    cores = models.PositiveIntegerField()
    weight_ppm = models.PositiveIntegerField(help_text="of the first hour, frozen at the quote")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("room kept")
        verbose_name_plural = _("room kept")
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="open"), name="reservation_open_by_expiry"),
            models.Index(fields=["organisation", "state"]),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("res")
        super().save(*args, **kwargs)


class ReservationLine(models.Model):
    """The part of a reservation that lies in one slot, and how much of it was used in the end."""

    reservation = models.ForeignKey(Reservation, on_delete=models.CASCADE, related_name="lines")
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="lines")
    reserved_cms = models.BigIntegerField()
    used_cms = models.BigIntegerField(null=True, blank=True)
    is_failed = models.BooleanField(default=False, help_text="the site did not deliver: nobody pays for it")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reservation", "slot"], name="one_line_a_slot"),
            models.CheckConstraint(condition=Q(reserved_cms__gt=0), name="line_reserves_something"),
            models.CheckConstraint(
                condition=Q(used_cms=None) | Q(used_cms__gte=0, used_cms__lte=F("reserved_cms")),
                name="line_used_within_reserved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reservation_id}/{self.slot_id}"
