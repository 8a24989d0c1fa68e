"""Charges, top-ups, withdrawals and bills. The amounts of a charge never change; the books hold the money itself."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bank.ledger.models import Hold, Journal
from portal.accounts.models import Organisation
from portal.core.ids import public_id


class Funding(models.Model):
    """What stands behind a cause's cap: the reserved parts of the payer's accounts, in paying order."""

    cause = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField()
    hold = models.OneToOneField(Hold, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["cause", "position"]
        constraints = [models.UniqueConstraint(fields=["cause", "position"], name="funded_once")]

    def __str__(self) -> str:
        return f"{self.cause}#{self.position}"


class Charge(models.Model):
    """What one cause came to in the end: one row, settled once, never above its cap."""

    class Outcome(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="charges"
    )
    cause = models.CharField(_("brought about by"), max_length=60, unique=True)
    what_en = models.CharField(_("what, in English"), max_length=200)
    what_zh = models.CharField(_("what, in Chinese"), max_length=200)
    asset = models.CharField(_("counted in"), max_length=20, default="CNY")
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    lines = models.JSONField(_("lines"), help_text="[{code, quantity, unit_price, amount, params}], integers")
    total = models.BigIntegerField(_("total"), help_text="micro-yuan, or card-milliseconds for a withdrawal")
    computing = models.BigIntegerField(_("of it for computing"),
        default=0, help_text="the part of the total that pays for machine time"
    )
    cap = models.BigIntegerField(_("most it could cost"))
    credit_used = models.BigIntegerField(
        _("from the credit limit"), default=0, help_text="the part taken from the credit limit"
    )
    settled_at = models.DateTimeField(_("settled"))

    class Meta:
        verbose_name = _("charge")
        verbose_name_plural = _("charges")
        ordering = ["-settled_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=0, total__lte=F("cap")), name="charge_never_above_cap"
            ),
            models.CheckConstraint(
                condition=~Q(outcome="failed") | Q(total=0), name="nobody_pays_for_a_failure"
            ),
        ]
        indexes = [models.Index(fields=["organisation", "settled_at"])]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("chg")
        super().save(*args, **kwargs)


class TopUp(models.Model):
    """Money announced by bank transfer under a reference code, and booked by staff when it arrives."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for the bank transfer")
        BOOKED = "booked", _("in the wallet")
        CANCELLED = "cancelled", _("cancelled")
        REVERSED = "reversed", _("taken out of the wallet again")

    # money that was sent after all is still booked under its code
    MOVES: ClassVar[dict[str, set[str]]] = {
        State.WAITING: {State.BOOKED, State.CANCELLED},
        State.BOOKED: {State.REVERSED},
        State.CANCELLED: {State.BOOKED},
        State.REVERSED: {State.BOOKED},
    }

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="topups"
    )
    reference = models.CharField(_("payment code"), max_length=16, unique=True)
    amount_uy = models.BigIntegerField(_("announced, micro-yuan"))
    booked_uy = models.BigIntegerField(
        _("arrived, micro-yuan"), null=True, blank=True, help_text="what really arrived"
    )
    bank_reference = models.CharField(_("number of the payment at the bank"), max_length=60, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    return_to = models.CharField(
        _("then back to"), max_length=200, blank=True, help_text="the quote that waits for this money"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("announced by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("announced"))
    booked_at = models.DateTimeField(_("booked"), null=True, blank=True)

    class Meta:
        verbose_name = _("payment by bank transfer")
        verbose_name_plural = _("payments by bank transfer")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_uy__gt=0), name="topup_positive"),
            models.UniqueConstraint(
                fields=["bank_reference"],
                condition=~Q(bank_reference=""),
                name="a_bank_payment_is_booked_once",
            ),
        ]
        indexes = [models.Index(fields=["state", "created_at"])]

    def __str__(self) -> str:
        return self.reference

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("top")
        super().save(*args, **kwargs)

    @property
    def is_unannounced(self) -> bool:
        """Whether it came without a code, and one of our own staff entered it. Needs requested_by."""
        return self.requested_by is not None and self.requested_by.is_staff


class Booking(models.Model):
    """What the bank statement says of a payment, entered by one member of staff; booked when a second one confirms."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a second person")
        DONE = "done", _("done")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.WAITING: {State.DONE, State.DECLINED, State.WITHDRAWN},
        State.DONE: set(),
        State.DECLINED: set(),
        State.WITHDRAWN: set(),
    }

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    topup = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="bookings")
    amount_uy = models.BigIntegerField(help_text="what arrived")
    bank_reference = models.CharField(_("number of the payment at the bank"), max_length=60)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("entered by"), on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(_("entered"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("payment to confirm")
        verbose_name_plural = _("payments to confirm")
        constraints = [
            models.CheckConstraint(condition=Q(amount_uy__gt=0), name="booking_positive"),
            models.UniqueConstraint(
                fields=["topup"], condition=Q(state="waiting"), name="one_booking_waits_a_topup"
            ),
            models.UniqueConstraint(
                fields=["bank_reference"],
                condition=Q(state="waiting") & ~Q(bank_reference=""),
                name="a_bank_payment_waits_once",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("bkg")
        super().save(*args, **kwargs)


class Correction(models.Model):
    """A booked top-up taken out of the wallet again and, with an amount, booked anew. Once per booking.

    SHORT: decided, but the money was spent; it is carried out when the wallet has it, or withdrawn.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a second person")
        SHORT = "short", _("waits for money")
        DONE = "done", _("done")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.WAITING: {State.SHORT, State.DONE, State.DECLINED, State.WITHDRAWN},
        State.SHORT: {State.DONE, State.WITHDRAWN},
        State.DONE: set(),
        State.DECLINED: set(),
        State.WITHDRAWN: set(),
    }
    OPEN = (State.WAITING, State.SHORT)
    OVER = (State.DECLINED, State.WITHDRAWN)  # and nothing was moved

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    topup = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="corrections")
    journal = models.ForeignKey(
        Journal, on_delete=models.PROTECT, related_name="+", help_text="the booking that was wrong"
    )
    from_uy = models.BigIntegerField(help_text="what was booked")
    to_uy = models.BigIntegerField(help_text="what is right; 0 = nothing belongs into this wallet")
    reason = models.CharField(_("reason"), max_length=300)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked by"), on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(_("asked"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("correction of a top-up")
        verbose_name_plural = _("corrections of top-ups")
        constraints = [
            models.CheckConstraint(
                condition=Q(from_uy__gt=0, to_uy__gte=0) & ~Q(from_uy=F("to_uy")), name="correction_changes"
            ),
            models.UniqueConstraint(
                fields=["journal"],
                condition=~Q(state__in=["declined", "withdrawn"]),
                name="a_booking_is_corrected_once",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("cor")
        super().save(*args, **kwargs)


class Withdrawal(models.Model):
    """Money on its way from the wallet to the company's own bank account. Reserved from the first moment."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked for")
        PAYING = "paying", _("being paid")
        PAID = "paid", _("sent to the bank")
        REFUSED = "refused", _("refused")
        TAKEN_BACK = "taken_back", _("taken back")
        CAME_BACK = "came_back", _("came back from the bank")

    # nothing is sent before it is "being paid", and from then on nobody takes it back
    MOVES: ClassVar[dict[str, set[str]]] = {
        State.ASKED: {State.PAYING, State.REFUSED, State.TAKEN_BACK},
        State.PAYING: {State.PAID, State.REFUSED},
        State.PAID: {State.CAME_BACK},
        State.REFUSED: set(),
        State.TAKEN_BACK: set(),
        State.CAME_BACK: set(),
    }
    OPEN = (State.ASKED, State.PAYING)

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="withdrawals"
    )
    key = models.CharField(_("key against repetition"), max_length=120)
    reference = models.CharField(_("code"), max_length=16, unique=True)
    amount_uy = models.BigIntegerField(_("amount, micro-yuan"))
    holder = models.CharField(_("account holder"), max_length=120)
    bank_name = models.CharField(_("bank"), max_length=80)
    account_number = models.CharField(_("account number"), max_length=32)
    hold = models.OneToOneField(
        Hold, verbose_name=_("amount set aside"), on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("asked"))
    begun_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("approved by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    begun_at = models.DateTimeField(_("approved"), null=True, blank=True)
    bank_reference = models.CharField(_("number of the payment at the bank"), max_length=60, blank=True)
    paid_on = models.DateField(_("date of the transfer"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("withdrawal to the bank")
        verbose_name_plural = _("withdrawals to the bank")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_uy__gt=0), name="withdrawal_positive"),
            models.UniqueConstraint(fields=["organisation", "key"], name="a_withdrawal_is_asked_once"),
            models.UniqueConstraint(
                fields=["bank_reference"], condition=~Q(bank_reference=""), name="a_transfer_pays_one_withdrawal"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "created_at"]),
            models.Index(fields=["organisation", "state", "id"], name="withdrawals_of_a_company"),
        ]

    def __str__(self) -> str:
        return self.reference

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("wdr")
        super().save(*args, **kwargs)

    @property
    def account_end(self) -> str:
        """All that is shown of the account number after it was typed."""
        return self.account_number[-4:]

    @property
    def account_ending(self) -> str:
        return gettext("ending in {digits}").format(digits=self.account_end)

    @property
    def account(self) -> str:
        """`ICBC Hangzhou, ending in 3344`."""
        return gettext("{bank}, {ending}").format(bank=self.bank_name, ending=self.account_ending)


class Bill(models.Model):
    """One company's month, closed: the charges in it and where the money stood before and after."""

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="bills"
    )
    month = models.DateField(_("month"), help_text="the first day of the month in the platform's zone")
    opening_uy = models.BigIntegerField(_("balance before, micro-yuan"))
    came_in_uy = models.BigIntegerField(_("came in, micro-yuan"))
    charged_uy = models.BigIntegerField(_("charged, micro-yuan"))
    credit_used_uy = models.BigIntegerField(_("from the credit limit, micro-yuan"), default=0)
    paid_out_uy = models.BigIntegerField(_("paid out to the bank, micro-yuan"), default=0)
    closing_uy = models.BigIntegerField(_("balance after, micro-yuan"))
    charges = models.ManyToManyField(Charge, verbose_name=_("charges"), related_name="bills")
    closed_at = models.DateTimeField(_("closed"))

    class Meta:
        verbose_name = _("bill")
        verbose_name_plural = _("bills")
        ordering = ["-month"]
        constraints = [models.UniqueConstraint(fields=["organisation", "month"], name="one_bill_a_month")]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.month:%Y-%m}"

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("bil")
        super().save(*args, **kwargs)

    @property
    def from_wallet_uy(self) -> int:
        """What was charged, less what the credit limit paid: before + came in − this = after."""
        return self.charged_uy - self.credit_used_uy
