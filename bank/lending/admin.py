"""Staff: look at applications, offers and loans."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bank.ledger import words
from portal.core.words import banked

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

    @admin.display(description=_("Amount"))
    def amount(self, row: Application) -> str:
        return words.short(row.amount_uy, "CNY")


def rate_text(rate_ppm: int) -> str:
    """`6.00 %` a year."""
    return f"{rate_ppm / 10_000:.2f} %"


@admin.register(Offer)
class OfferAdmin(ReadOnly):
    list_display = ("lender", "borrower", "amount", "rate", "months", "state", "expires_at")
    list_filter = ("state",)
    search_fields = ("public_id", "lender__name", "application__organisation__name")
    list_select_related = ("lender", "application__organisation")

    @admin.display(description=_("Borrower"))
    def borrower(self, row: Offer) -> str:
        return row.application.organisation.name

    @admin.display(description=_("interest a year"), ordering="rate_ppm")
    def rate(self, row: Offer) -> str:
        return rate_text(row.rate_ppm)

    @admin.display(description=_("Amount"))
    def amount(self, row: Offer) -> str:
        return words.short(row.amount_uy, "CNY")


@admin.register(Loan)
class LoanAdmin(ReadOnly):
    list_display = (
        "borrower",
        "lender",
        "amount",
        "rate",
        "state",
        "call_due_date",
        "started_at",
    )
    list_filter = ("state",)
    search_fields = ("public_id", "borrower__name", "lender__name")
    list_select_related = ("borrower", "lender")

    @admin.display(description=_("interest a year"), ordering="rate_ppm")
    def rate(self, row: Loan) -> str:
        return rate_text(row.rate_ppm)

    @admin.display(description=_("Amount"))
    def amount(self, row: Loan) -> str:
        return words.short(row.principal_uy, "CNY")
