"""Staff: look at applications, offers and loans."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.core.words import banked, yuan

from . import money_admin
from .models import Application, Loan, Offer

__all__ = ["money_admin"]


class Written(admin.ModelAdmin):
    """Added by an action, then only looked at."""

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


class ReadOnly(Written):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


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
        return banked(row.pledged_cms)

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
