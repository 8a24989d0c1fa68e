"""People with a sign-in: the desk reads them; only a superuser makes them, gives rights and sets passwords.

Whoever may do that alone could be two persons at once, so it is not among the desk's rights, and every such
step is written to the history.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from portal.core import clock
from portal.core.templatetags.suanli import time_text
from portal.history import actions as history
from portal.history.models import Step
from portal.history.words import worded

from .models import User

RIGHTS = ("email", "is_active", "is_staff", "is_superuser")


class AddPerson(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


class ChangePerson(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, Any] = {}


def _is_super(request: HttpRequest) -> bool:
    return bool(request.user.is_superuser and request.user.is_active)  # type: ignore[union-attr]


@admin.register(User)
class PersonAdmin(UserAdmin):
    form = ChangePerson
    add_form = AddPerson
    ordering = ("email",)
    list_display = ("email", "companies", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "memberships__organisation__name")
    search_help_text = _("e-mail address or company")
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),
    )
    readonly_fields = ("last_login", "date_joined", "companies", "history")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_super(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_super(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_super(request)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        rights = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
        who, may = (("email", "password", "language"), rights) if _is_super(request) else (
            ("email", "companies"), ("is_active", "is_staff"))  # fmt: skip
        return (
            (None, {"fields": who}),
            (_("May do"), {"fields": may}),
            (_("When"), {"fields": ("last_login", "date_joined")}),
            (_("History"), {"fields": ("history",)}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__organisation")

    @admin.display(description=_("companies"))
    def companies(self, person: User) -> str:
        return ", ".join(member.organisation.name for member in person.memberships.all()) or "–"

    @admin.display(description=_("what happened"))
    def history(self, person: User) -> str | SafeString:
        steps = Step.objects.filter(subject=history.subject_of(person)).order_by("-id")[:50]
        rows = [(time_text(s.at, "long"), s.what, s.why, s.who) for s in worded(steps)]
        cells = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        return format_html("<table>{}</table>", cells) if rows else "–"

    # written to the history

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        was = User.objects.filter(pk=obj.pk).values(*RIGHTS).first() if change else None
        request.rights_before = (was, _names(obj) if change else [])  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """After the groups are saved as well: one step with everything that changed."""
        super().save_related(request, form, formsets, change)
        person, (was, names) = form.instance, request.rights_before  # type: ignore[attr-defined]
        if was is None:
            _note(request, person, "person_created")
            return
        old = {**was, "groups": ", ".join(names)}
        new = {**{name: getattr(person, name) for name in RIGHTS}, "groups": ", ".join(_names(person))}
        changed = [name for name in new if new[name] != old[name]]
        if changed:
            _note(
                request, person, "person_changed",
                old={name: old[name] for name in changed}, new={name: new[name] for name in changed},
            )  # fmt: skip

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        _note(request, obj, "person_deleted", text=obj.email)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for person in queryset:
            _note(request, person, "person_deleted", text=person.email)
        super().delete_queryset(request, queryset)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        answer = super().user_change_password(request, id, form_url)
        if request.method == "POST" and answer.status_code == 302:
            _note(request, User.objects.get(pk=int(id)), "password_set")
        return answer


def _names(person: User) -> list[str]:
    """Groups and single rights, by name."""
    rights = person.user_permissions.values_list("content_type__app_label", "codename")
    return sorted(person.groups.values_list("name", flat=True)) + sorted(".".join(right) for right in rights)


def _note(request: HttpRequest, person: User, reason: str, **params: Any) -> None:
    history.record(
        person, before="", after="", now=clock.now(), actor=f"user:{request.user.pk}", reason=reason, **params
    )
