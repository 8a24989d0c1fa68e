"""Staff: the queue of offerings to approve, and the shelves for reading."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy

from portal.accounts import impartial
from portal.core import clock
from portal.core.errors import Refused
from portal.history.actions import subject_of
from portal.history.models import Step
from portal.history.words import worded

from . import actions, queries
from .models import IndexPrice, Interest, Offering, Package, Region, ResourceClass

State = Offering.State


class ReadOnly(admin.ModelAdmin):
    """Rows are written by actions only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# what staff do to an offering: its state before, the action, whether a sentence goes with it, and the word after
STEPS: dict[str, Any] = {
    "approve": (State.SUBMITTED, actions.publish, False, gettext_lazy("“%(name)s” is on the shelf now.")),
    "return": (
        State.SUBMITTED,
        actions.return_to_draft,
        True,
        gettext_lazy("Returned; the provider reads your sentence."),
    ),
    "take-off": (
        State.PUBLISHED,
        actions.take_off,
        True,
        gettext_lazy("“%(name)s” is off the shelf; the provider reads your sentence."),
    ),
    "price-ok": (State.PUBLISHED, actions.accept_price, False, gettext_lazy("The price of “%(name)s” is looked at.")),
    "put-back": (State.PAUSED, actions.put_back, False, gettext_lazy("“%(name)s” is on the shelf again.")),
}


@admin.register(Offering)
class OfferingAdmin(ReadOnly):
    """Oldest waiting first. What staff may do are buttons on the offering's page, asked once more."""

    list_display = ("title_shown", "provider", "state", "cap", "price", "where", "waits")
    list_filter = ("state", ("price_raised_at", admin.EmptyFieldListFilter), "region", "package__industry")
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
        *("returned_reason", "created_at", "submitted_at", "published_at", "price_seen_at", "price_raised_at"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Offering]:
        return queries.desk(super().get_queryset(request), now=clock.now())

    @admin.display(description=gettext_lazy("offering"), ordering="package__code")
    def title_shown(self, offering: Offering) -> str:
        return offering.title

    @admin.display(description=gettext_lazy("never more than"))
    def cap(self, offering: Offering) -> str:
        return _lines("cap", offers=_offers(offering))

    @admin.display(description=gettext_lazy("prices, CNY"))
    def price(self, offering: Offering) -> str:
        return _lines("price", offers=_offers(offering))

    @admin.display(description=gettext_lazy("sites and hours"))
    def where(self, offering: Offering) -> str:
        return _lines("where", listed=offering.listings.all(), offering=offering)  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("waits for"), ordering="submitted_at")
    def waits(self, offering: Offering) -> str:
        if offering.state != State.SUBMITTED or offering.submitted_at is None:
            return "–"
        return timesince(offering.submitted_at, clock.now(), depth=1)

    def get_urls(self) -> list:
        step = self.admin_site.admin_view(self.step)
        return [path("<int:pk>/do/<slug:what>/", step, name="catalogue_offering_step"), *super().get_urls()]

    def get_view_on_site_url(self, obj: Offering | None = None) -> str | None:
        """Exactly this offering, while buyers can see it."""
        return obj.get_absolute_url() if obj and obj.state == State.PUBLISHED else None

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        offering = self.get_object(request, object_id)
        if offering is not None:
            extra = kwargs.get("extra_context") or {}
            kwargs["extra_context"] = {
                **extra,
                **_seen(offering),
                "subtitle": offering.title,
                "is_own": impartial.is_own(offering.provider, request.user),
                "steps_open": self._steps(request, offering),
            }
        return super().change_view(request, object_id, *args, **kwargs)

    def _may(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalogue.change_offering")

    def _steps(self, request: HttpRequest, offering: Offering) -> list[str]:
        """What may be done now."""
        if not self._may(request) or impartial.is_own(offering.provider, request.user):
            return []
        fits = [what for what, (before, *_rest) in STEPS.items() if before == offering.state]
        hidden = {"put-back": not offering.returned_reason, "price-ok": offering.price_raised_at is None}
        return [what for what in fits if not hidden.get(what)]

    def step(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """Asked once more, with everything that is decided on; then back to the list one came from."""
        if not self._may(request):
            raise PermissionDenied
        if what not in STEPS:
            raise Http404
        offering = get_object_or_404(Offering.objects.select_related("package", "provider"), pk=pk)
        _before, act, needs_reason, said = STEPS[what]
        if request.method == "POST":
            by: dict[str, Any] = {"actor": f"user:{request.user.pk}", "now": clock.now()}
            if needs_reason:
                by["reason"] = request.POST.get("reason", "")
            if what in ("approve", "return", "price-ok"):
                by["seen"] = parse_datetime(request.POST.get("seen", ""))
            try:
                impartial.refuse_own(offering.provider, request.user)
                act(offering=offering, **by)
                messages.success(request, said % {"name": offering.title})
                return redirect(self._list_url(request, what))
            except Refused as refused:
                messages.error(request, str(refused))
                offering.refresh_from_db()
        context = {
            **self.admin_site.each_context(request),
            **_seen(offering),
            "offering": offering,
            "what": what,
            "is_open": what in self._steps(request, offering),
            "is_own": impartial.is_own(offering.provider, request.user),
            "needs_reason": needs_reason,
            "reason": request.POST.get("reason", ""),
            "list_url": self._list_url(request, what),
            "preserved_filters": self.get_preserved_filters(request),
            "title": offering.title,
            "opts": self.model._meta,
        }
        return render(request, "catalogue/admin/decide.html", context)

    def _list_url(self, request: HttpRequest, what: str) -> str:
        """The list one came from; without any, the queue of that state."""
        kept = parse_qs(self.get_preserved_filters(request)).get("_changelist_filters")
        query = kept[0] if kept else f"state__exact={STEPS[what][0]}"
        return f"{reverse('admin:catalogue_offering_changelist')}?{query}"


def _offers(offering: Offering) -> list[queries.Offer]:
    plans = offering.current_plans  # type: ignore[attr-defined]
    return sorted((queries.offer(plan) for plan in plans), key=lambda offer: offer.cap_uy)


def _lines(what: str, **context: Any) -> str:
    return render_to_string(f"catalogue/admin/_{what}.html", context)


def _seen(offering: Offering) -> dict[str, Any]:
    """What staff look at before they decide: what buyers would see, every price, what changed, every step."""
    page = queries.preview(offering, now=clock.now())
    steps = Step.objects.filter(subject=subject_of(offering)).order_by("-id")[:50]
    return {
        "page": page,
        "plans": offering.plans.order_by("-effective_from", "billing_mode"),
        "changes": queries.changes(offering),
        "steps": worded(steps),
    }


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
