"""Deposits of idle hours, how each of their hours was closed, what is held back, and what was paid out.

A deposit is a commitment of future hours; nothing perishable is stored. Its hours stand in the pool as
slots (marketplace.dispatch), and each slot is closed exactly once into a SlotClose: five outcomes that sum
to the quantity, and every amount that the hour brought.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.dispatch.models import Site, Slot
from portal.accounts.models import Organisation
from portal.core.ids import public_id


class Deposit(models.Model):
    """Hours of the week of a site, given to the pool from one day to another."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ENDED = "ended", _("ended")

    class Mode(models.TextChoices):
        CONSIGNMENT = "consignment", _("earns when used")
        FIRM = "firm", _("earns when used, and a part while it stands ready")

    class Payout(models.TextChoices):
        HOURS = "hours", _("banked hours, for your own runs")
        CASH = "cash", _("cash, every Monday")

    MOVES: ClassVar[dict[str, set[str]]] = {State.OPEN: {State.ENDED}, State.ENDED: set()}

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="deposits"
    )
    site = models.ForeignKey(Site, verbose_name=_("site"), on_delete=models.PROTECT, related_name="deposits")
    cards = models.PositiveIntegerField(_("cores or cards"), help_text="cores or cards of the site")
    hours = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("hours of the week"),
        help_text="hours of the week 0–167 in the platform's zone",
    )
    from_date = models.DateField(_("first day"))
    to_date = models.DateField(_("last day"), help_text="the last day, inclusive")
    notice_h = models.PositiveSmallIntegerField(_("notice, hours"), default=12)
    mode = models.CharField(_("kind"), max_length=12, choices=Mode, default=Mode.CONSIGNMENT)
    payout = models.CharField(_("paid in"), max_length=8, choices=Payout, default=Payout.HOURS)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(_("created"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("deposit")
        verbose_name_plural = _("deposits")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(cards__gte=1), name="deposit_has_cards"),
            models.CheckConstraint(condition=Q(to_date__gte=F("from_date")), name="deposit_ends_after_start"),
        ]
        indexes = [models.Index(fields=["organisation", "state"]), models.Index(fields=["site", "state"])]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("dep")
        super().save(*args, **kwargs)

    @property
    def source(self) -> str:
        """How its slots name it."""
        return f"deposit:{self.public_id}"


class Recall(models.Model):
    """Hours of one slot taken back by their owner. Within the notice it is free; later it costs a fee."""

    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="recalls")
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="recalls")
    quantity_cms = models.BigIntegerField()
    fee_uy = models.BigIntegerField(default=0, help_text="taken at the close of the hour")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity_cms__gt=0, fee_uy__gte=0), name="recall_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.slot_id} {self.quantity_cms}"


AMOUNTS = [
    "cash_uy",
    "due_uy",
    "held_uy",
    "fee_uy",
    "to_reserve_uy",
    "income_uy",
    "from_reserve_uy",
    "spent_cms",
    "earned_cms",
    "retired_cms",
    "compensation_uy",
    "compensation_held_uy",
    "late_fee_uy",
    "idle_due_cms",
    "idle_due_uy",
]


class SlotClose(models.Model):
    """What became of one slot: quantities in card-milliseconds that sum, and what they brought. Written once.

    Only the pay for firm idle hours (`idle_…`) comes a moment later, when all slots of the hour are closed.
    """

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    slot = models.OneToOneField(
        Slot, verbose_name=_("hour of the site"), on_delete=models.PROTECT, related_name="close"
    )
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="slot_closes"
    )
    deposit = models.ForeignKey(
        Deposit, verbose_name=_("deposit"), null=True, blank=True, on_delete=models.PROTECT, related_name="closes"
    )
    hour = models.DateTimeField(_("hour"))
    is_simulated = models.BooleanField(_("simulated time"), default=False)

    quantity_cms = models.BigIntegerField(_("deposited, card-milliseconds"))
    delivered_cms = models.BigIntegerField(_("delivered, card-milliseconds"))
    failed_cms = models.BigIntegerField(_("failed, card-milliseconds"))
    idle_verified_cms = models.BigIntegerField(_("idle and answering, card-milliseconds"))
    idle_unverified_cms = models.BigIntegerField(_("idle without an answer, card-milliseconds"))
    recalled_cms = models.BigIntegerField(_("taken back, card-milliseconds"))

    asset = models.CharField(_("counted in"), max_length=40, help_text="of the hours: CH:CPU")
    index_uy = models.BigIntegerField(_("index price, micro-yuan"),
        help_text="CNY an hour on that day, in micro-yuan; 0 when none is known"
    )
    cash_uy = models.BigIntegerField(
        _("in cash, micro-yuan"), default=0, help_text="came from customers for these hours"
    )
    due_uy = models.BigIntegerField(
        _("due, micro-yuan"), default=0, help_text="earned in cash, to be paid out"
    )
    held_uy = models.BigIntegerField(
        _("kept back, micro-yuan"), default=0, help_text="of it, held back for disputes"
    )
    fee_uy = models.BigIntegerField(_("fee, micro-yuan"), default=0)
    to_reserve_uy = models.BigIntegerField(
        _("into the reserve, micro-yuan"), default=0, help_text="cash that stands behind the hours banked"
    )
    income_uy = models.BigIntegerField(
        _("platform's income, micro-yuan"), default=0, help_text="the platform's own machine earned it"
    )
    from_reserve_uy = models.BigIntegerField(_("from the reserve, micro-yuan"),
        default=0, help_text="cash for hours that were paid in banked hours"
    )
    spent_cms = models.BigIntegerField(
        _("banked hours spent, card-milliseconds"), default=0, help_text="banked hours that customers spent here"
    )
    earned_cms = models.BigIntegerField(
        _("banked hours earned, card-milliseconds"), default=0, help_text="banked hours that the depositor earned"
    )
    retired_cms = models.BigIntegerField(
        _("banked hours ended, card-milliseconds"), default=0, help_text="banked hours taken out of the books"
    )
    compensation_uy = models.BigIntegerField(
        _("compensation, micro-yuan"), default=0, help_text="to customers, for failed hours"
    )
    compensation_held_uy = models.BigIntegerField(
        _("compensation kept back, micro-yuan"), default=0, help_text="of it, from what was held back"
    )
    late_fee_uy = models.BigIntegerField(_("late fee, micro-yuan"), default=0)
    idle_due_cms = models.BigIntegerField(
        _("idle pay due, card-milliseconds"), default=0, help_text="firm: φ × weight × idle verified"
    )
    idle_due_uy = models.BigIntegerField(
        _("idle pay due, micro-yuan"), default=0, help_text="the same at the index"
    )
    idle_paid_uy = models.BigIntegerField(_("idle pay paid, micro-yuan"),
        null=True, blank=True, help_text="cash; null until the hour is settled"
    )
    idle_paid_cms = models.BigIntegerField(
        _("idle pay paid, card-milliseconds"), null=True, blank=True, help_text="banked hours"
    )
    closed_at = models.DateTimeField(_("closed"))

    class Meta:
        verbose_name = _("settled hour")
        verbose_name_plural = _("settled hours")
        ordering = ["-hour", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    quantity_cms=F("delivered_cms")
                    + F("failed_cms")
                    + F("idle_verified_cms")
                    + F("idle_unverified_cms")
                    + F("recalled_cms")
                ),
                name="five_outcomes_sum_to_the_quantity",
            ),
            models.CheckConstraint(
                condition=Q(
                    delivered_cms__gte=0,
                    failed_cms__gte=0,
                    idle_verified_cms__gte=0,
                    idle_unverified_cms__gte=0,
                    recalled_cms__gte=0,
                ),
                name="no_outcome_is_negative",
            ),
            models.CheckConstraint(
                condition=Q(**{f"{name}__gte": 0 for name in AMOUNTS}), name="close_amounts"
            ),
            models.CheckConstraint(
                condition=Q(
                    cash_uy=F("due_uy")
                    + F("held_uy")
                    + F("fee_uy")
                    + F("to_reserve_uy")
                    + F("income_uy")
                    - F("from_reserve_uy")
                ),
                name="cash_in_is_cash_out",
            ),
            models.CheckConstraint(
                condition=Q(idle_paid_cms=None) | Q(idle_paid_cms__lte=F("idle_due_cms")),
                name="idle_within_due",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "hour"]),
            models.Index(fields=["deposit", "hour"]),
            models.Index(
                fields=["hour"], condition=Q(idle_paid_uy=None, idle_due_uy__gt=0), name="slotclose_idle_due"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("cls")
        super().save(*args, **kwargs)


class HoldBack(models.Model):
    """A tenth of what an hour earned in cash, kept until disputes are over. Failures are paid from it first."""

    close = models.OneToOneField(
        SlotClose, verbose_name=_("settled hour"), on_delete=models.PROTECT, related_name="holdback"
    )
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="+"
    )
    amount_uy = models.BigIntegerField(_("amount, micro-yuan"))
    left_uy = models.BigIntegerField(_("left, micro-yuan"))
    due_at = models.DateTimeField(_("due"))
    released_at = models.DateTimeField(_("given back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("amount kept back")
        verbose_name_plural = _("amounts kept back")
        ordering = ["due_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(left_uy__gte=0, left_uy__lte=F("amount_uy")), name="holdback_within"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(released_at=None), name="holdback_due")]

    def __str__(self) -> str:
        return f"{self.close_id} {self.left_uy}"


class IdleDay(models.Model):
    """What the reserve may pay for firm idle hours on one day, fixed when the day's first hour is settled."""

    date = models.DateField(_("date"), unique=True)
    budget_uy = models.BigIntegerField(_("budget, micro-yuan"))
    paid_uy = models.BigIntegerField(_("paid, micro-yuan"), default=0)

    class Meta:
        verbose_name = _("pay for idle hours of a day")
        verbose_name_plural = _("pay for idle hours by day")
        ordering = ["-date"]
        constraints = [
            models.CheckConstraint(
                condition=Q(paid_uy__gte=0, paid_uy__lte=F("budget_uy")), name="idle_in_budget"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date}"


class Payout(models.Model):
    """What a company had earned by a Monday, paid into its wallet."""

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="payouts"
    )
    monday = models.DateField(_("Monday"), help_text="earned before this day in the platform's zone")
    amount_uy = models.BigIntegerField(_("amount, micro-yuan"))
    paid_at = models.DateTimeField(_("paid at"))

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        ordering = ["-monday"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "monday"], name="one_payout_a_week"),
            models.CheckConstraint(condition=Q(amount_uy__gt=0), name="payout_positive"),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("pay")
        super().save(*args, **kwargs)
