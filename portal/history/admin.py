"""Every step of everything, for staff to search. Written with the step, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .models import ClockJump, Step
from .words import WordedStep, worded


class ReadOnly(admin.ModelAdmin):
    """Seen, never typed into."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Words(ChangeList):
    """A page of steps in words; one query for the names of all people on it."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        for step, said in zip(self.result_list, worded(self.result_list), strict=True):
            step.said = said


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("at", "thing", "what", "who", "why")
    fields = ("at", "thing", "what", "who", "why", "subject")
    search_fields = ("=subject", "=actor", "=reason")
    search_help_text = _("the thing (order:ord_…), who (user:12) or the reason's code, written in full")
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Words

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields

    @admin.display(description=_("thing"))
    def thing(self, step: Step) -> str:
        return _said(step).thing

    @admin.display(description=_("what happened"))
    def what(self, step: Step) -> str:
        return _said(step).what

    @admin.display(description=_("who"))
    def who(self, step: Step) -> str:
        return _said(step).who

    @admin.display(description=_("what was written"))
    def why(self, step: Step) -> str:
        return _said(step).why or "–"


def _said(step: Step) -> WordedStep:
    said: WordedStep | None = getattr(step, "said", None)
    return said or worded([step])[0]


@admin.register(ClockJump)
class ClockJumpAdmin(ReadOnly):
    list_display = ("from_at", "to_at")
    ordering = ("-from_at",)
