"""What the machines counted, for staff to look at. A record is written once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.core.words import hours

from .models import UsageRecord


@admin.register(UsageRecord)
class UsageRecordAdmin(admin.ModelAdmin):
    list_display = ("seq", "site", "company", "cause", "used", "core_ms", "cpu_ms", "recorded_at")
    list_filter = ("site",)
    list_select_related = ("site", "allocation__organisation")
    search_fields = (
        "=allocation__public_id",
        "=allocation__cause",
        "=native_id",
        "allocation__organisation__name",
    )
    search_help_text = _("run, cause (order:…), native name or company")
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)

    @admin.display(description=_("company"))
    def company(self, record: UsageRecord) -> str:
        return record.allocation.organisation.name

    @admin.display(description=_("brought about by"))
    def cause(self, record: UsageRecord) -> str:
        return record.allocation.cause

    @admin.display(description=_("core-hours"), ordering="core_ms")
    def used(self, record: UsageRecord) -> str:
        return hours(record.core_ms)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
