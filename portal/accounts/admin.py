"""The staff's desk for companies and people: rows are read here, and changed by an action with a reason."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from portal.core import clock
from portal.core.errors import Refused
from portal.core.templatetags.suanli import time_text
from portal.history.words import worded

from . import actions, impartial, people_admin, queries, regions
from .models import ApiKey, Invitation, Membership, Organisation

__all__ = ["people_admin"]

# the desk's sign-in goes through allauth, whose limits on wrong passwords so hold for staff as well
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

State = Organisation.State
# what staff may decide: the states in which it makes sense, the action, and the word after
DECISIONS: dict[str, Any] = {
    "approve": ({State.REGISTERED}, actions.approve, _("%(name)s is approved.")),
    "ask": ({State.REGISTERED}, actions.ask_more, _("%(name)s reads your question.")),
    "lift": ({State.SUSPENDED}, actions.lift, _("%(name)s may order again.")),
    "suspend": ({State.REGISTERED, State.APPROVED}, actions.suspend, _("%(name)s is suspended.")),
}


class ReadOnly(admin.ModelAdmin):
    """Seen, never typed into."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(admin.TabularInline):
    model = Membership
    fields = ("user", "role", "created_at")
    readonly_fields = fields
    extra = 0
    can_delete = False
    verbose_name_plural = _("people")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Organisation)
class OrganisationAdmin(ReadOnly):
    """The queue of companies: who waits stands on top, the longest first."""

    change_list_template = "accounts/admin_list.html"
    change_form_template = "accounts/admin_company.html"
    list_display = ("name", "waits", "state", "owner", "industry", "size_class", "registered")
    list_filter = ("state", "industry", "size_class", "role", "is_provider", "is_demo")
    search_fields = ("name", "slug", "uscc", "public_id", "memberships__user__email")
    search_help_text = _("name, code or e-mail address")
    list_per_page = 50
    show_full_result_count = False
    actions = ("approve", "lift", "suspend")
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("name", "state", "uscc", "region", "public_id", "role", "is_demo", "created_at")}),
        (
            _("What it says of itself"),
            {"fields": ("industry", "employees", "revenue_wan", "assets_wan", "size_class", "is_provider")},
        ),
        (_("History"), {"fields": ("history",)}),
    )
    readonly_fields = ("region", "history", "size_class", "public_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        return queries.queue()

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return queries.QUEUE_ORDER

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(self.decide_view)
        return [
            path("<int:pk>/<slug:what>/decide/", decide, name="accounts_organisation_decide"),
            *super().get_urls(),
        ]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_organisation")  # type: ignore[union-attr]

    @admin.display(description=_("waiting"))
    def waits(self, company: Organisation) -> str:
        return timesince(company.created_at, clock.now(), depth=1) if company.state == State.REGISTERED else "–"

    @admin.display(description=_("registered on"), ordering="created_at")
    def registered(self, company: Organisation) -> str:
        return time_text(company.created_at, "date")

    @admin.display(description=_("owner"))
    def owner(self, company: Organisation) -> str:
        return ", ".join(member.user.email for member in getattr(company, "owners", [])) or "–"

    @admin.display(description=_("region in the code"))
    def region(self, company: Organisation) -> str:
        return regions.told(company.uscc)

    @admin.display(description=_("what happened"))
    def history(self, company: Organisation) -> SafeString:
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (time_text(step.at, "long"), step.what, step.why, step.who)
                for step in worded(queries.steps_of(company)[:50])
            ),
        )
        return format_html("<table>{}</table>", rows)

    @admin.action(description=_("Approve …"), permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Organisation]) -> HttpResponse:
        return self._ask(request, list(queryset), "approve")

    @admin.action(description=_("Lift the suspension …"), permissions=["decide"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Organisation]) -> HttpResponse:
        return self._ask(request, list(queryset), "lift")

    @admin.action(description=_("Suspend …"), permissions=["decide"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Organisation]) -> HttpResponse:
        return self._ask(request, list(queryset), "suspend")

    def decide_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """The same question for one company, from its page."""
        company = Organisation.objects.filter(pk=pk).first()
        if company is None or what not in DECISIONS:
            raise Http404
        if not self.has_decide_permission(request):
            raise Refused("staff_right_needed")
        if what == "approve" and company.state == State.SUSPENDED:
            what = "lift"  # it was approved before
        return self._ask(request, [company], what)

    def _ask(self, request: HttpRequest, companies: list[Organisation], what: str) -> HttpResponse:
        """Show what will happen and to whom; with `sure` do it, each company for itself."""
        text = request.POST.get("text", "")
        needs_text, n = what in ("suspend", "ask"), len(companies)
        if request.POST.get("sure") and (text.strip() or not needs_text):
            for company in companies:
                self._decide(request, company, what, text)
            return redirect(self._list_url(request, what))
        context = {
            **self.admin_site.each_context(request),
            "title": TITLES[what][n != 1] % {"n": n, "name": companies[0].name if n else ""},
            "companies": companies,
            "what": what,
            "checks": queries.checks(companies[0]) if what in ("approve", "ask") and n == 1 else [],
            "needs_text": needs_text,
            "missing": bool(request.POST.get("sure")),
            "text": text,
            "opts": self.model._meta,
            "selected": ACTION_CHECKBOX_NAME,
            "list_url": self._list_url(request, what),
        }
        return TemplateResponse(request, "accounts/admin_decide.html", context)

    def _list_url(self, request: HttpRequest, what: str) -> str:
        """The list one came from; without any, who waits after an approval, else all."""
        kept = parse_qs(self.get_preserved_filters(request)).get("_changelist_filters")
        query = kept[0] if kept else "state__exact=registered" if what == "approve" else ""
        return reverse("admin:accounts_organisation_changelist") + (f"?{query}" if query else "")

    def _decide(self, request: HttpRequest, company: Organisation, what: str, text: str) -> None:
        states, decide, said = DECISIONS[what]
        try:
            impartial.refuse_own(company, request.user)
            if company.state not in states:
                raise Refused("decided_already", state=company.get_state_display())
            decide(organisation=company, text=text, now=clock.now(), actor=f"user:{request.user.pk}")
        except Refused as refused:
            self.message_user(request, f"{company}: {refused}", messages.ERROR)
            return
        self.message_user(request, said % {"name": company.name}, messages.SUCCESS)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"waiting": queries.waiting(), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        company = self.get_object(request, object_id)
        links: dict[str, Any] = {}
        if company is not None:
            links["is_own"] = impartial.is_own(company, request.user)
            may = self.has_decide_permission(request) and not links["is_own"]
            fits = [what for what, (states, *_rest) in DECISIONS.items() if company.state in states]
            links["decisions"] = fits if may else []
            links["money_url"] = _money_url(company)
        return super().change_view(request, object_id, form_url, {**links, **(extra_context or {})})


TITLES: dict[str, tuple[Any, Any]] = {  # for one company, which is named, and for several
    "approve": (_("Approve %(name)s?"), _("Approve %(n)s companies?")),
    "ask": (_("Ask %(name)s for more?"), _("Ask %(n)s companies for more?")),
    "lift": (_("Lift the suspension of %(name)s?"), _("Lift the suspension of %(n)s companies?")),
    "suspend": (_("Suspend %(name)s?"), _("Suspend %(n)s companies?")),
}


def _money_url(company: Organisation) -> str | None:
    """The page that answers "what happened to my money", where a higher room has made it."""
    try:
        return reverse("admin:accounts_organisation_money", args=[company.pk])
    except NoReverseMatch:
        return None


@admin.register(Membership)
class MembershipAdmin(ReadOnly):
    list_display = ("user", "organisation", "role", "created_at")
    list_select_related = ("user", "organisation")
    list_filter = ("role",)
    search_fields = ("user__email", "organisation__name")


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ("email", "organisation", "role", "state", "created_at", "expires_at")
    list_select_related = ("organisation",)
    list_filter = ("state",)
    search_fields = ("email", "organisation__name")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    list_display = ("name", "public_id", "organisation", "may_do", "last_used_at", "revoked_at")
    list_select_related = ("organisation",)
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("public_id", "name", "organisation__name")
    fields = (
        "public_id",
        "organisation",
        "name",
        "may_do",
        "created_by",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )

    @admin.display(description=_("may do"))
    def may_do(self, key: ApiKey) -> str:
        return key.scope_names
