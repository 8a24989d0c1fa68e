"""Staff: grant credit limits, book lenders' payments, look at applications, offers and loans."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.money import CNY_UY
from portal.core.words import hours, yuan

from . import actions, terms
from .models import Application, CreditLimit, LenderPayment, Loan, Offer


class LimitForm(forms.ModelForm):
    """A limit and why."""

    limit = forms.DecimalField(
        label=_("Limit, CNY"), min_value=0, decimal_places=2, max_value=terms.CREDIT_LIMIT_MOST_UY // CNY_UY
    )

    class Meta:
        model = CreditLimit
        fields = ["organisation", "reason"]


class PaymentForm(forms.ModelForm):
    """What the bank statement says."""

    amount = forms.DecimalField(
        label=_("Amount that arrived, CNY"), min_value=Decimal("0.01"), decimal_places=2, max_value=10**9
    )

    class Meta:
        model = LenderPayment
        fields = ["lender", "bank_reference"]

    def clean_bank_reference(self) -> str:
        return self.cleaned_data["bank_reference"].strip()


class Written(admin.ModelAdmin):
    """Added by an action, then only looked at."""

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Who may be chosen; not in the order of the companies' own list, which sorts by a column it makes."""
        lenders = Q(role=Organisation.Role.LENDER)
        rows = Organisation.objects.order_by("name")
        return rows.filter(lenders) if db_field.name == "lender" else rows.exclude(lenders)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


class ReadOnly(Written):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(CreditLimit)
class CreditLimitAdmin(Written):
    """The history of every limit; adding a row changes the limit."""

    form = LimitForm
    fields = ("organisation", "limit", "reason")
    list_display = ("organisation", "limit_shown", "before_shown", "reason", "actor", "created_at")
    search_fields = ("organisation__name", "organisation__uscc", "reason")
    list_select_related = ("organisation",)

    def get_fields(self, request: HttpRequest, obj=None):
        if obj:
            return ("organisation", "limit_shown", "before_shown", "reason", "actor", "created_at")
        return self.fields

    @admin.display(description=_("Limit, CNY"))
    def limit_shown(self, row: CreditLimit) -> str:
        return yuan(row.limit_uy)

    @admin.display(description=_("Before, CNY"))
    def before_shown(self, row: CreditLimit) -> str:
        return yuan(row.before_uy)

    def save_model(self, request: HttpRequest, obj: CreditLimit, form: Any, change: bool) -> None:
        made = actions.set_limit(
            organisation=obj.organisation,
            limit_uy=int(form.cleaned_data["limit"] * CNY_UY),
            reason=obj.reason,
            now=clock.now(),
            actor=f"user:{request.user.pk}",
        )
        obj.pk, obj.public_id = made.pk, made.public_id


@admin.register(LenderPayment)
class LenderPaymentAdmin(Written):
    """Lenders' bank transfers; adding a row books one."""

    form = PaymentForm
    fields = ("lender", "amount", "bank_reference")
    list_display = ("lender", "amount_shown", "bank_reference", "actor", "created_at")
    search_fields = ("lender__name", "bank_reference")
    list_select_related = ("lender",)

    def get_fields(self, request: HttpRequest, obj=None):
        return ("lender", "amount_shown", "bank_reference", "actor", "created_at") if obj else self.fields

    @admin.display(description=_("CNY"))
    def amount_shown(self, row: LenderPayment) -> str:
        return yuan(row.amount_uy)

    def save_model(self, request: HttpRequest, obj: LenderPayment, form: Any, change: bool) -> None:
        made = actions.book_lender_payment(
            lender=obj.lender,
            amount_uy=int(form.cleaned_data["amount"] * CNY_UY),
            bank_reference=obj.bank_reference,
            now=clock.now(),
            actor=f"user:{request.user.pk}",
        )
        obj.pk, obj.public_id = made.pk, made.public_id


@admin.register(Application)
class ApplicationAdmin(ReadOnly):
    list_display = (
        "public_id",
        "organisation",
        "hours",
        "amount",
        "months",
        "state",
        "created_at",
        "expires_at",
    )
    list_filter = ("state",)
    search_fields = ("public_id", "organisation__name")
    list_select_related = ("organisation",)

    @admin.display(description=_("Hours pledged"))
    def hours(self, row: Application) -> str:
        return hours(row.pledged_cms)

    @admin.display(description=_("CNY"))
    def amount(self, row: Application) -> str:
        return yuan(row.amount_uy)


@admin.register(Offer)
class OfferAdmin(ReadOnly):
    list_display = ("public_id", "lender", "amount", "rate_ppm", "months", "state", "expires_at")
    list_filter = ("state",)
    search_fields = ("public_id", "lender__name", "application__organisation__name")
    list_select_related = ("lender",)

    @admin.display(description=_("CNY"))
    def amount(self, row: Offer) -> str:
        return yuan(row.amount_uy)


@admin.register(Loan)
class LoanAdmin(ReadOnly):
    list_display = (
        "public_id",
        "borrower",
        "lender",
        "amount",
        "rate_ppm",
        "state",
        "call_due_date",
        "started_at",
    )
    list_filter = ("state",)
    search_fields = ("public_id", "borrower__name", "lender__name")
    list_select_related = ("borrower", "lender")

    @admin.display(description=_("CNY"))
    def amount(self, row: Loan) -> str:
        return yuan(row.principal_uy)
