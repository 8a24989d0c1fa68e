"""Staff: deposits, closes and payouts to look at. Sites to verify are in marketplace.provisioning's desk."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from bank.ledger import words
from portal.core.words import banked, hours, yuan

from .models import Deposit, HoldBack, IdleDay, Payout, SlotClose


class ReadOnly(admin.ModelAdmin):
    """To look at, search and follow; never to change."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # without this Django builds a choice of every company for a form that nobody can send
        return [field.name for field in self.model._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


@admin.register(Deposit)
class DepositAdmin(ReadOnly):
    list_display = (
        "site",
        "organisation",
        "cards",
        "from_date",
        "to_date",
        "mode",
        "payout",
        "state",
    )
    list_filter = ("state", "mode", "payout")
    search_fields = ("public_id", "organisation__name", "site__name")
    list_select_related = ("organisation", "site")


@admin.register(SlotClose)
class SlotCloseAdmin(ReadOnly):
    list_display = (
        "hour",
        "organisation",
        "delivered",
        "failed",
        "idle",
        "cash",
        "earned",
        "is_simulated",
        "closed_at",
    )
    list_filter = ("is_simulated",)
    search_fields = ("public_id", "organisation__name", "deposit__public_id", "slot__site__name")
    list_select_related = ("organisation",)
    date_hierarchy = "hour"

    @admin.display(description=gettext_lazy("delivered, h"))
    def delivered(self, row: SlotClose) -> str:
        return hours(row.delivered_cms)

    @admin.display(description=gettext_lazy("failed, h"))
    def failed(self, row: SlotClose) -> str:
        return hours(row.failed_cms)

    @admin.display(description=gettext_lazy("idle, h"))
    def idle(self, row: SlotClose) -> str:
        return hours(row.idle_verified_cms + row.idle_unverified_cms)

    @admin.display(description=gettext_lazy("cash, CNY"))
    def cash(self, row: SlotClose) -> str:
        return yuan(row.cash_uy, exact=True)

    @admin.display(description=gettext_lazy("banked, h"))
    def earned(self, row: SlotClose) -> str:
        return banked(row.earned_cms + (row.idle_paid_cms or 0))


@admin.register(HoldBack)
class HoldBackAdmin(ReadOnly):
    list_display = ("organisation", "amount", "left", "due_at", "released_at")
    search_fields = ("organisation__name", "close__public_id")
    list_select_related = ("organisation",)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_uy")
    def amount(self, row: HoldBack) -> str:
        return words.short(row.amount_uy, "CNY")

    @admin.display(description=gettext_lazy("left"), ordering="left_uy")
    def left(self, row: HoldBack) -> str:
        return words.short(row.left_uy, "CNY")


@admin.register(Payout)
class PayoutAdmin(ReadOnly):
    list_display = ("monday", "organisation", "amount", "paid_at")
    search_fields = ("organisation__name", "public_id")
    list_select_related = ("organisation",)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_uy")
    def amount(self, row: Payout) -> str:
        return words.short(row.amount_uy, "CNY")


@admin.register(IdleDay)
class IdleDayAdmin(ReadOnly):
    list_display = ("date", "budget", "paid")

    @admin.display(description=gettext_lazy("Paid at most"), ordering="budget_uy")
    def budget(self, row: IdleDay) -> str:
        return words.short(row.budget_uy, "CNY")

    @admin.display(description=gettext_lazy("Paid for readiness"), ordering="paid_uy")
    def paid(self, row: IdleDay) -> str:
        return words.short(row.paid_uy, "CNY")
