"""The books for staff: to look at, never to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from .models import Account, Hold, Journal, Lot, Posting


class ReadOnly:
    model: type[Model]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [field.name for field in self.model._meta.fields]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PostingInline(ReadOnly, admin.TabularInline):
    model = Posting
    fields = ["account", "amount"]
    extra = 0


@admin.register(Account)
class AccountAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["public_id", "kind", "owner", "asset", "ref", "posted", "held", "floor"]
    list_filter = ["kind", "asset"]
    list_select_related = ["owner"]
    search_fields = ["=public_id", "ref", "owner__name", "=owner__public_id"]
    ordering = ["-id"]


@admin.register(Journal)
class JournalAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["public_id", "at", "reason", "cause", "key", "actor"]
    list_filter = ["reason"]
    search_fields = ["=public_id", "=cause", "=key"]
    show_full_result_count = False
    ordering = ["-id"]
    inlines = [PostingInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("hold", "reverses")


@admin.register(Hold)
class HoldAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["public_id", "account", "amount", "settled", "released", "state", "cause", "created_at",
                    "expires_at"]
    list_filter = ["state"]
    list_select_related = ["account"]
    search_fields = ["=public_id", "=cause", "=key", "=account__public_id"]
    ordering = ["-id"]


@admin.register(Lot)
class LotAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["public_id", "account", "origin", "quantity", "remaining", "pinned", "expires_at"]
    list_select_related = ["account"]
    search_fields = ["=public_id", "=origin", "=account__public_id"]
    ordering = ["-id"]
