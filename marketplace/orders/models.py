"""Files dropped in, binding quotes, orders, and free runs on sample data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.catalogue.models import Offering, Package, Plan
from marketplace.dispatch.models import Reservation
from marketplace.provisioning.models import Allocation
from portal import policy
from portal.accounts.models import Organisation, User
from portal.core.ids import public_id

STOPPED_BY_STAFF = "staff_stop"  # an order's reason: the customer asked for it, or broke the rules
STOPPED_FOR_US = "platform_stop"  # stopped for something on our side: nothing is charged
STAFF_STOPS = (STOPPED_BY_STAFF, STOPPED_FOR_US)


class Upload(models.Model):
    """A customer's file, checked before anything is charged. Belongs to a session until a company takes it."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.CASCADE, related_name="uploads"
    )
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="+")
    filename = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    size = models.JSONField(
        help_text="plain sizes read from the file: {series: 20, lines: 8400, periods: 420}"
    )
    notes = models.JSONField(default=list, help_text="what was repaired: [[code, params]]")
    preview = models.JSONField(default=list)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.filename

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("upl")
        super().save(*args, **kwargs)

    @property
    def storage_key(self) -> str:
        return f"uploads/{self.public_id}"


class Quote(models.Model):
    """Price and room for it. The terms are copied, so a later price change cannot touch it.

    The room is kept until expires_at; the price a while longer (price_until), so that money may arrive by bank.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        USED = "used", _("ordered")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("given back")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.USED, State.EXPIRED, State.CANCELLED},
        State.USED: set(),
        State.EXPIRED: {State.OPEN, State.CANCELLED},  # OPEN: taken up again at its price, with new room
        State.CANCELLED: set(),
    }

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="quotes"
    )
    offering = models.ForeignKey(
        Offering, verbose_name=_("offering"), on_delete=models.PROTECT, related_name="+"
    )
    plan = models.ForeignKey(Plan, verbose_name=_("price"), on_delete=models.PROTECT, related_name="+")
    upload = models.ForeignKey(
        Upload, verbose_name=_("file"), on_delete=models.PROTECT, related_name="quotes"
    )
    reservation = models.OneToOneField(
        Reservation, verbose_name=_("room kept"), on_delete=models.PROTECT, related_name="+"
    )
    asset = models.CharField(_("counted in"), max_length=20, default="CNY")
    units = models.PositiveIntegerField(_("units"))
    params = models.JSONField(_("settings"), default=dict)
    terms = models.JSONField(_("terms"))
    lines = models.JSONField(_("lines"))
    cap = models.BigIntegerField(_("most it can cost"))
    expected = models.BigIntegerField(_("likely cost"))
    cores = models.PositiveIntegerField(_("cores"))
    wall_s = models.PositiveIntegerField(_("seconds at most"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(cap__gte=0), name="quote_cap_positive")]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="open"), name="quote_open_by_expiry"),
            models.Index(fields=["organisation", "state"]),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("quo")
        super().save(*args, **kwargs)

    @property
    def price_until(self) -> datetime:
        """How long the price stays. In banked hours the price is that of the hour, so it ends with the room."""
        kept = timedelta(seconds=policy.PRICE_KEPT_S)
        return max(self.expires_at, self.created_at + kept) if self.asset == "CNY" else self.expires_at


class Order(models.Model):
    """A quote that was taken: the cap is reserved, the run is on its way, or it is over and settled."""

    class State(models.TextChoices):
        PLACED = "placed", _("money reserved")
        RUNNING = "running", _("running")
        DELIVERED = "delivered", _("delivered")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed, nothing charged")
        CANCELLED = "cancelled", _("cancelled, nothing charged")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.PLACED: {State.RUNNING, State.CANCELLED, State.FAILED},
        State.RUNNING: {State.DELIVERED, State.STOPPED, State.FAILED},
        State.DELIVERED: set(),
        State.STOPPED: set(),
        State.FAILED: set(),
        State.CANCELLED: set(),
    }
    OPEN = (State.PLACED, State.RUNNING)

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    number = models.CharField(_("order number"),
        max_length=20, unique=True, help_text="what people say on the phone: 2611-00412"
    )
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="orders"
    )
    quote = models.OneToOneField(
        Quote, verbose_name=_("quote"), on_delete=models.PROTECT, related_name="order"
    )
    placed_by = models.ForeignKey(
        User, verbose_name=_("ordered by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    allocation = models.OneToOneField(
        Allocation, verbose_name=_("run"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PLACED)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    placed_at = models.DateTimeField(_("ordered at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=30, blank=True)
    is_demo = models.BooleanField(_("demonstration"), default=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="order_due"),
            models.Index(fields=["organisation", "-id"]),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("ord")
        super().save(*args, **kwargs)

    @property
    def cause(self) -> str:
        return f"order:{self.public_id}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class SampleRun(models.Model):
    """A free run on a package's own sample, for anybody; it takes room of the platform's own site."""

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    package = models.ForeignKey(
        Package, verbose_name=_("package"), on_delete=models.PROTECT, related_name="+"
    )
    allocation = models.OneToOneField(
        Allocation, verbose_name=_("run"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("free try")
        verbose_name_plural = _("free tries")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("smp")
        super().save(*args, **kwargs)
