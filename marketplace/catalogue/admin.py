"""Staff: the queue of offerings to approve, and the shelves for reading."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.core import clock
from portal.core.errors import Refused
from portal.history.actions import subject_of
from portal.history.models import Step

from . import actions, queries
from .models import IndexPrice, Interest, Offering, Package, Region, ResourceClass


class ReadOnly(admin.ModelAdmin):
    """Rows are written by actions only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Offering)
class OfferingAdmin(ReadOnly):
    """Oldest waiting first. Approving and returning are buttons on the offering's page, asked once more."""

    list_display = ("title_shown", "provider", "state", "waits")
    list_filter = ("state", "region", "package__industry")
    search_fields = (
        "public_id",
        "name",
        "provider__name",
        "package__code",
        "package__name_en",
        "package__name_zh",
    )
    list_select_related = ("package", "provider")
    ordering = ("submitted_at",)
    change_form_template = "catalogue/admin/offering.html"
    fields: ClassVar = [  # named, so that no form with every company in it is made for reading
        *("package", "provider", "state", "resource_class", "region", "name", "notes", "starts_in_s"),
        *("returned_reason", "created_at", "submitted_at", "published_at"),
    ]

    @admin.display(description=gettext_lazy("offering"), ordering="package__code")
    def title_shown(self, offering: Offering) -> str:
        return offering.title

    @admin.display(description=gettext_lazy("waits for"), ordering="submitted_at")
    def waits(self, offering: Offering) -> str:
        if offering.state != Offering.State.SUBMITTED or offering.submitted_at is None:
            return "–"
        return timesince(offering.submitted_at, clock.now())

    def get_urls(self) -> list:
        view = self.admin_site.admin_view
        own = [
            path(
                "<int:pk>/approve/",
                view(self.approve),
                name="catalogue_offering_approve",
            ),
            path(
                "<int:pk>/return/",
                view(self.give_back),
                name="catalogue_offering_return",
            ),
        ]
        return own + super().get_urls()

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        offering = self.get_object(request, object_id)
        extra = kwargs.setdefault("extra_context", {}) or {}
        if offering is not None:
            now = clock.now()
            page = queries.preview(offering, now=now)
            card = queries.Card(package=offering.package, best=page.best, picture=page.picture)
            steps = Step.objects.filter(subject=subject_of(offering)).order_by("-id")[:50]
            kwargs["extra_context"] = {
                **extra,
                "page": page,
                "card": card,
                "steps": steps,
                "may": self._may(request),
            }
        return super().change_view(request, object_id, *args, **kwargs)

    def approve(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, approve=True)

    def give_back(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, approve=False)

    def _may(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalogue.change_offering")

    def _decide(self, request: HttpRequest, pk: int, *, approve: bool) -> HttpResponse:
        if not self._may(request):
            raise PermissionDenied
        offering = get_object_or_404(Offering.objects.select_related("package", "provider"), pk=pk)
        if request.method == "POST":
            by: dict[str, Any] = {"actor": f"user:{request.user.pk}", "now": clock.now()}
            try:
                if approve:
                    actions.publish(offering=offering, **by)
                    messages.success(request, _("“%(name)s” is on the shelf now.") % {"name": offering.title})
                else:
                    actions.return_to_draft(offering=offering, reason=request.POST.get("reason", ""), **by)
                    messages.success(request, _("Returned; the provider reads your sentence."))
                return redirect(f"{reverse('admin:catalogue_offering_changelist')}?state__exact=submitted")
            except Refused as refused:
                messages.error(request, str(refused))
        context = {
            **self.admin_site.each_context(request),
            "offering": offering,
            "approve": approve,
            "title": offering.title,
            "opts": self.model._meta,
        }
        return render(request, "catalogue/admin/decide.html", context)


@admin.register(Package)
class PackageAdmin(ReadOnly):
    list_display = ("code", "name_zh", "name_en", "industry", "recipe", "is_runnable", "waiting")
    list_filter = ("is_runnable", "industry", "recipe", "data_class")
    search_fields = ("code", "name_zh", "name_en")
    exclude = ("search", "example_result")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Package]:
        return super().get_queryset(request).annotate(want=Count("interests", filter=Q(interests__told_at=None)))

    @admin.display(description=gettext_lazy("want to be told"), ordering="want")
    def waiting(self, package: Package) -> int:
        return package.want  # type: ignore[attr-defined]


@admin.register(IndexPrice)
class IndexPriceAdmin(ReadOnly):
    list_display = ("resource_class", "date", "yuan", "source")
    list_filter = ("resource_class",)
    date_hierarchy = "date"

    @admin.display(description=gettext_lazy("CNY an hour"), ordering="price_uy")
    def yuan(self, row: IndexPrice) -> str:
        return format_html("{}", f"{row.price_uy / 1_000_000:.4f}")


@admin.register(Interest)
class InterestAdmin(ReadOnly):
    list_display = ("package", "email", "created_at", "told_at")
    list_filter = ("package__industry",)
    search_fields = ("email", "package__code")
    list_select_related = ("package",)


@admin.register(ResourceClass)
class ResourceClassAdmin(ReadOnly):
    list_display = ("key", "name_zh", "name_en", "kind", "asset", "is_sellable")


@admin.register(Region)
class RegionAdmin(ReadOnly):
    list_display = ("key", "name_zh", "name_en")
