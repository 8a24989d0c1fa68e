"""The staff's desk for runs and sites: seen, searched; a benchmark is run again with a reason."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.timesince import timesince
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from bank.ledger import desk
from marketplace.dispatch.models import Site
from portal.accounts import impartial
from portal.core import clock
from portal.core.errors import Refused, sentence
from portal.core.words import hours
from portal.history import actions as history
from portal.history import words as history_words

from . import verification
from .models import Allocation


class ReadOnly(admin.ModelAdmin):
    """Seen, never typed into."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Allocation)
class AllocationAdmin(ReadOnly):
    list_display = ("run_for", "organisation", "site", "state", "used", "age", "why")
    list_filter = ("state", "recipe", "site")
    list_select_related = ("organisation", "site")
    search_fields = ("=public_id", "=cause", "=native_id", "organisation__name", "site__name")
    search_help_text = _("public id, cause (order:…), company or site")
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("run_for", "organisation", "site", "state", "why", "used", "cores", "memory_mb", "wall_s",
                           "created_at", "started_at", "ended_at", "due_at", "attempts", "give_up_at",
                           "stop_asked_at", "progress", "log")}),
        (desk.TECHNICAL, {"classes": ["collapse"], "fields": (
            "public_id", "cause", "recipe", "params", "phase", "native_id", "core_ms", "cpu_ms", "reason")}),
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [str(name) for _title, part in self.fieldsets for name in part["fields"]]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return desk.Named

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        seen = {"subtitle": self.run_for(found)} if found is not None else {}
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    @admin.display(description=_("runs for"), ordering="cause")
    def run_for(self, allocation: Any) -> str:
        name = getattr(allocation, "cause_name", None)
        names = history_words.names_of([allocation.cause]) if name is None else {allocation.cause: name}
        return history_words.thing_of(allocation.cause, names)

    @admin.display(description=_("why it ended"))
    def why(self, allocation: Allocation) -> str:
        return sentence(allocation.reason) if allocation.reason else "–"

    @admin.display(description=_("core-hours"), ordering="core_ms")
    def used(self, allocation: Allocation) -> str:
        return hours(allocation.core_ms)

    @admin.display(description=_("age"), ordering="created_at")
    def age(self, allocation: Allocation) -> str:
        return timesince(allocation.created_at, clock.now(), depth=1)


@admin.register(Site)
class SiteAdmin(ReadOnly):
    """Sites: who waits for the benchmark or did not reach it, and how long ago the machine answered."""

    list_display = (
        "name",
        "organisation",
        "state",
        "cards",
        "score",
        "needed",
        "verified_at",
        "answered",
        "created_at",
    )
    list_filter = ("state", "engine", "always_open")
    list_select_related = ("organisation",)
    search_fields = ("name", "=public_id", "organisation__name")
    search_help_text = _("site, company or public id")
    ordering = ("-id",)
    actions = ("verify",)
    fields = (
        "public_id", "organisation", "name", "state", "region", "resource_class", "cards", "memory_mb",
        "engine", "score", "verified_at", "verify_attempts", "verify_due_at", "heartbeat_at", "availability_ppm",
        "always_open", "created_at",
    )  # fmt: skip

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("dispatch.change_site")  # type: ignore[union-attr]

    @admin.display(description=_("score needed"))
    def needed(self, site: Site) -> str:
        return f"{verification.needed_score():,}"

    @admin.display(description=_("last answered"), ordering="heartbeat_at")
    def answered(self, site: Site) -> str:
        return timesince(site.heartbeat_at, clock.now(), depth=1) if site.heartbeat_at else "–"

    @admin.action(description=_("Run the benchmark …"), permissions=["verify"])
    def verify(self, request: HttpRequest, queryset: QuerySet[Site]) -> HttpResponse:
        text = request.POST.get("text", "").strip()
        sites = list(queryset)
        if request.POST.get("sure") and text:
            for site in sites:
                self._verify(request, site, text)
            return redirect("admin:dispatch_site_changelist")
        return TemplateResponse(
            request,
            "admin/ask.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.model._meta,
                "title": _t("Run the benchmark?"),
                "things": [f"{s.name}, {s.organisation}, {s.get_state_display()}" for s in sites],
                "objects": sites,
                "explain": _t(
                    "A test job really runs at the site. Until it has ended, the site takes no new "
                    "work; with enough points it is verified."
                ),
                "button": _t("Run the benchmark"),
                "action": "verify",
                "missing": bool(request.POST.get("sure")),
                "selected": ACTION_CHECKBOX_NAME,
            },
        )

    def _verify(self, request: HttpRequest, site: Site, text: str) -> None:
        now, actor = clock.now(), f"user:{request.user.pk}"
        try:
            impartial.refuse_own(site.organisation, request.user)
            with transaction.atomic():
                history.record(
                    site,
                    before=site.state,
                    after=site.state,
                    now=now,
                    actor=actor,
                    reason="staff_verify",
                    text=text[:500],
                )
                verification.start(site=site, now=now, actor=actor)
        except Refused as refused:
            self.message_user(request, f"{site}: {refused}", messages.ERROR)
            return
        self.message_user(
            request, _t("The benchmark of %(site)s is running.") % {"site": site.name}, messages.SUCCESS
        )
