"""Every step of everything, for staff to search. Written with the step, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .models import ClockJump, Step


class ReadOnly(admin.ModelAdmin):
    """Seen, never typed into."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("at", "subject", "before", "after", "actor", "reason", "text")
    search_fields = ("=subject", "=actor", "=reason")
    search_help_text = _("the thing (order:ord_…), who (user:12) or the reason's code, written in full")
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)

    @admin.display(description=_("what was written"))
    def text(self, step: Step) -> str:
        return str(step.params.get("text", ""))


@admin.register(ClockJump)
class ClockJumpAdmin(ReadOnly):
    list_display = ("from_at", "to_at")
    ordering = ("-from_at",)
