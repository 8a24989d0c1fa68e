"""Credit limits, applications with their pledge, offers, loans. The books hold the hours and the money."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.catalogue.models import ResourceClass
from portal.accounts.models import Organisation
from portal.core.ids import public_id


class Named(models.Model):
    """A row with a public id; `prefix` of the class."""

    prefix: ClassVar[str]
    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id(self.prefix)
        super().save(*args, **kwargs)


class CreditLimit(Named):
    """A limit granted or changed by staff. The newest row of a company holds; the books enforce it."""

    prefix = "crl"
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="credit_limits", verbose_name=_("company")
    )
    limit_uy = models.BigIntegerField(_("limit, micro-yuan"))
    before_uy = models.BigIntegerField(_("before, micro-yuan"), default=0)
    reason = models.CharField(_("reason"), max_length=300)
    actor = models.CharField(_("who"), max_length=80)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("credit limit"), _("credit limits")
        constraints = [
            models.CheckConstraint(condition=Q(limit_uy__gte=0, before_uy__gte=0), name="limit_not_negative"),
        ]


class LenderPayment(Named):
    """A lender's money that arrived at the platform's bank."""

    prefix = "lpm"
    lender = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="lender_payments", verbose_name=_("lender")
    )
    amount_uy = models.BigIntegerField(_("amount, micro-yuan"))
    bank_reference = models.CharField(_("number of the payment at the bank"), max_length=60, unique=True)
    actor = models.CharField(_("who"), max_length=80)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("lender's payment"), _("lenders' payments")
        constraints = [models.CheckConstraint(condition=Q(amount_uy__gt=0), name="lender_payment_positive")]


class Proposal(Named):
    """A credit limit or a lender's payment that is in force when a second member of staff has confirmed it."""

    class Kind(models.TextChoices):
        LIMIT = "limit", _("credit limit")
        PAYMENT = "payment", _("lender's payment")

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
    prefix = "lpr"
    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", verbose_name=_("company")
    )
    amount_uy = models.BigIntegerField(_("amount, micro-yuan"))
    before_uy = models.BigIntegerField(_("before, micro-yuan"), default=0)
    text = models.CharField(_("reason, or number at the bank"), max_length=300)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked by"), on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(_("asked"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True, on_delete=models.PROTECT,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("limit or payment to confirm"), _("limits and payments to confirm")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(state="waiting", kind="limit"), name="one_limit_waits"
            ),
            models.UniqueConstraint(
                fields=["text"], condition=Q(state="waiting", kind="payment"), name="a_lender_payment_waits_once"
            ),
        ]


class Application(Named):
    """Hours pledged, and the loan asked for them. They stay pledged until it ends or the loan is repaid."""

    class State(models.TextChoices):
        OPEN = "open", _("waiting for offers")
        LENT = "lent", _("became a loan")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.LENT, State.WITHDRAWN, State.EXPIRED},
        State.LENT: set(),
        State.WITHDRAWN: set(),
        State.EXPIRED: set(),
    }
    prefix = "lap"
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, related_name="loan_applications"
    )
    resource_class = models.ForeignKey(
        ResourceClass, verbose_name=_("resource class"), on_delete=models.PROTECT, related_name="+"
    )
    pledged_cms = models.BigIntegerField(
        _("pledged, card-milliseconds"), help_text="at the application; the books know what is pledged now"
    )
    amount_uy = models.BigIntegerField(_("amount, micro-yuan"))
    months = models.PositiveSmallIntegerField(_("months"))
    purpose = models.CharField(_("purpose"), max_length=300)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("loan application"), _("loan applications")
        constraints = [
            models.CheckConstraint(
                condition=Q(pledged_cms__gt=0, amount_uy__gt=0, months__gt=0), name="application_positive"
            ),
        ]
        indexes = [models.Index(fields=["state", "expires_at"])]


class Rejection(models.Model):
    """One lender's no. The application stays open for the others."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="rejections")
    lender = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["application", "lender"], name="one_no_per_lender")]

    def __str__(self) -> str:
        return f"{self.lender_id}: {self.application_id}"


class Offer(Named):
    """A lender's binding offer: the money is reserved until it is taken, declined, withdrawn or expired."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn by the lender")
        EXPIRED = "expired", _("expired")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.ACCEPTED, State.DECLINED, State.WITHDRAWN, State.EXPIRED},
        State.ACCEPTED: set(),
        State.DECLINED: set(),
        State.WITHDRAWN: set(),
        State.EXPIRED: set(),
    }
    prefix = "lof"
    application = models.ForeignKey(
        Application, verbose_name=_("loan application"), on_delete=models.PROTECT, related_name="offers"
    )
    lender = models.ForeignKey(
        Organisation, verbose_name=_("lender"), on_delete=models.PROTECT, related_name="loan_offers"
    )
    amount_uy = models.BigIntegerField(_("amount, micro-yuan"))
    rate_ppm = models.PositiveIntegerField(
        _("interest a year, millionths"), help_text="a year, simple interest"
    )
    months = models.PositiveSmallIntegerField(_("months"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("loan offer"), _("loan offers")
        constraints = [
            models.CheckConstraint(condition=Q(amount_uy__gt=0, months__gt=0), name="offer_positive"),
            models.UniqueConstraint(
                fields=["application", "lender"], condition=Q(state="open"), name="one_open_offer_each"
            ),
        ]
        indexes = [models.Index(fields=["state", "expires_at"])]


class Loan(Named):
    """An accepted offer. What is owed stands in the books; here is only how interest is counted."""

    class State(models.TextChoices):
        ACTIVE = "active", _("running")
        MARGIN_CALLED = "margin_called", _("margin call")
        REPAID = "repaid", _("repaid")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.ACTIVE: {State.MARGIN_CALLED, State.REPAID},
        State.MARGIN_CALLED: {State.ACTIVE, State.REPAID},
        State.REPAID: set(),
    }
    OPEN = (State.ACTIVE, State.MARGIN_CALLED)
    prefix = "loa"
    application = models.OneToOneField(
        Application, verbose_name=_("loan application"), on_delete=models.PROTECT, related_name="loan"
    )
    offer = models.OneToOneField(
        Offer, verbose_name=_("loan offer"), on_delete=models.PROTECT, related_name="loan"
    )
    borrower = models.ForeignKey(
        Organisation, verbose_name=_("borrower"), on_delete=models.PROTECT, related_name="loans"
    )
    lender = models.ForeignKey(
        Organisation, verbose_name=_("lender"), on_delete=models.PROTECT, related_name="loans_given"
    )
    principal_uy = models.BigIntegerField(_("principal, micro-yuan"), help_text="at the start")
    rate_ppm = models.PositiveIntegerField(_("interest a year, millionths"))
    months = models.PositiveSmallIntegerField(_("months"))
    state = models.CharField(_("state"), max_length=14, choices=State, default=State.ACTIVE)
    started_at = models.DateTimeField(_("began"))
    start_date = models.DateField(_("first day"), help_text="business day, platform zone")
    accrued_to_date = models.DateField(
        _("interest counted to"), help_text="interest is booked up to the night before this day"
    )
    interest_rest = models.BigIntegerField(
        _("rest of interest"), default=0, help_text="part of a fen not yet booked, in 1/(365·10^6) micro-yuan"
    )
    called_at = models.DateTimeField(_("asked for more"), null=True, blank=True)
    call_due_date = models.DateField(_("answer due"), null=True, blank=True)
    repaid_at = models.DateTimeField(_("repaid at"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("loan"), _("loans")
        constraints = [
            models.CheckConstraint(condition=Q(principal_uy__gt=0, interest_rest__gte=0), name="loan_positive"),
            models.CheckConstraint(
                condition=Q(state="margin_called", called_at__isnull=False, call_due_date__isnull=False)
                | (~Q(state="margin_called") & Q(called_at=None, call_due_date=None)),
                name="loan_called",
            ),
        ]
        indexes = [models.Index(fields=["state", "id"])]

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class Repayment(Named):
    """One payment of a borrower, and how it was divided. Its key makes a repetition harmless."""

    prefix = "lrp"
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="repayments")
    key = models.CharField(max_length=120, unique=True)
    asked_uy = models.BigIntegerField(null=True, help_text="null: everything")
    interest_uy = models.BigIntegerField()
    principal_uy = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(interest_uy__gte=0, principal_uy__gte=0) & ~Q(interest_uy=0, principal_uy=0),
                name="repayment_positive",
            ),
        ]

    @property
    def total_uy(self) -> int:
        return self.interest_uy + self.principal_uy
