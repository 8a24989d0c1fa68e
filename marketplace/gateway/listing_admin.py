"""Staff: model endpoints to approve, their prices for reading, and the models that may be served."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy

from portal.accounts import impartial
from portal.core import clock
from portal.core.errors import Refused
from portal.core.words import yuan
from portal.history.actions import subject_of
from portal.history.models import Step
from portal.history.words import worded

from . import listing
from .models import AiModel, Endpoint, Price
from .prices import calls_of, past_of, prices_of

State = Endpoint.State
HISTORY = 50


class ReadOnly(admin.ModelAdmin):
    """Rows are written by actions only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# what staff do to an endpoint: its state before, the action, whether a sentence goes with it, and the word after
STEPS: dict[str, Any] = {
    "approve": (State.SUBMITTED, listing.approve, False, gettext_lazy("“%(name)s” is on the shelf now.")),
    "return": (
        State.SUBMITTED, listing.return_to_draft, True, gettext_lazy("Returned; the provider reads your sentence."),
    ),
    "take-off": (
        State.PUBLISHED, listing.take_off, True,
        gettext_lazy("“%(name)s” is off the shelf; the provider reads your sentence."),
    ),
    "put-back": (State.PAUSED, listing.put_back, False, gettext_lazy("“%(name)s” is on the shelf again.")),
}  # fmt: skip


@admin.register(Endpoint)
class EndpointAdmin(ReadOnly):
    """Oldest waiting first. What staff may do are buttons on the endpoint's page, asked once more."""

    list_display = ("model", "provider", "state", "region", "server", "waits")
    list_filter = ("state", "region", "model__maker")
    search_fields = ("public_id", "provider__name", "model__slug", "model__name", "upstream_model", "base_url")
    list_select_related = ("model", "provider", "region")
    ordering = ("submitted_at",)
    change_form_template = "gateway/admin/endpoint.html"
    fields: ClassVar = [
        *("model", "provider", "state", "server", "upstream_model", "region", "output_tokens", "parallel"),
        *("returned_reason", "created_at", "submitted_at", "published_at"),
    ]

    @admin.display(description=gettext_lazy("address"), ordering="base_url")
    def server(self, endpoint: Endpoint) -> str:
        """As text: it is somebody else's, and no link to follow from a desk."""
        return endpoint.base_url

    @admin.display(description=gettext_lazy("waits for"), ordering="submitted_at")
    def waits(self, endpoint: Endpoint) -> str:
        if endpoint.state != State.SUBMITTED or endpoint.submitted_at is None:
            return "–"
        return timesince(endpoint.submitted_at, clock.now(), depth=1)

    def get_urls(self) -> list:
        step = self.admin_site.admin_view(self.step)
        return [path("<int:pk>/do/<slug:what>/", step, name="gateway_endpoint_step"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        endpoint = self.get_object(request, object_id)
        if endpoint is not None:
            extra = kwargs.get("extra_context") or {}
            kwargs["extra_context"] = {
                **extra,
                **_seen(endpoint),
                "subtitle": str(endpoint),
                "is_own": impartial.is_own(endpoint.provider, request.user),
                "steps_open": self._steps(request, endpoint),
            }
        return super().change_view(request, object_id, *args, **kwargs)

    def _may(self, request: HttpRequest) -> bool:
        return request.user.has_perm("gateway.change_endpoint")

    def _steps(self, request: HttpRequest, endpoint: Endpoint) -> list[str]:
        """What may be done now."""
        if not self._may(request) or impartial.is_own(endpoint.provider, request.user):
            return []
        fits = [what for what, (before, *_rest) in STEPS.items() if before == endpoint.state]
        return [what for what in fits if what != "put-back" or endpoint.returned_reason]

    def step(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """Asked once more, with everything that is decided on; then back to the list one came from."""
        if not self._may(request):
            raise PermissionDenied
        if what not in STEPS:
            raise Http404
        endpoint = get_object_or_404(Endpoint.objects.select_related("model", "provider", "region"), pk=pk)
        _before, act, needs_reason, said = STEPS[what]
        if request.method == "POST":
            by: dict[str, Any] = {"actor": f"user:{request.user.pk}", "now": clock.now()}
            if needs_reason:
                by["reason"] = request.POST.get("reason", "")
            if what in ("approve", "return"):
                by["seen"] = parse_datetime(request.POST.get("seen", ""))
            try:
                impartial.refuse_own(endpoint.provider, request.user)
                act(endpoint=endpoint, **by)
                messages.success(request, said % {"name": endpoint.model.name})
                return redirect(self._list_url(request, what))
            except Refused as refused:
                messages.error(request, str(refused))
                endpoint.refresh_from_db()
        context = {
            **self.admin_site.each_context(request),
            **_seen(endpoint),
            "endpoint": endpoint,
            "what": what,
            "is_open": what in self._steps(request, endpoint),
            "is_own": impartial.is_own(endpoint.provider, request.user),
            "needs_reason": needs_reason,
            "reason": request.POST.get("reason", ""),
            "list_url": self._list_url(request, what),
            "preserved_filters": self.get_preserved_filters(request),
            "title": endpoint.model.name,
            "opts": self.model._meta,
        }
        return render(request, "gateway/admin/decide.html", context)

    def _list_url(self, request: HttpRequest, what: str) -> str:
        """The list one came from; without any, the queue of that state."""
        kept = parse_qs(self.get_preserved_filters(request)).get("_changelist_filters")
        query = kept[0] if kept else f"state__exact={STEPS[what][0]}"
        return f"{reverse('admin:gateway_endpoint_changelist')}?{query}"


def _seen(endpoint: Endpoint) -> dict[str, Any]:
    """What staff look at before they decide: the prices as buyers see them, earlier ones, every step."""
    now = clock.now()
    steps = Step.objects.filter(subject=subject_of(endpoint)).order_by("-id")[:HISTORY]
    return {
        "prices": prices_of([endpoint], now=now)[endpoint.pk],
        "past": past_of(endpoint, now=now),
        "steps": worded(steps),
    }


@admin.register(Price)
class PriceAdmin(ReadOnly):
    list_display = ("endpoint", "direction", "calls", "price", "effective_from", "effective_to")
    list_filter = ("direction",)
    search_fields = ("endpoint__public_id", "endpoint__model__slug", "endpoint__provider__name")
    list_select_related = ("endpoint__model", "endpoint__provider")
    ordering = ("-id",)

    @admin.display(description=gettext_lazy("for which calls"))
    def calls(self, row: Price) -> str:
        return calls_of(row)

    @admin.display(description=gettext_lazy("CNY for a million tokens"), ordering="uy_per_m")
    def price(self, row: Price) -> str:
        return yuan(row.uy_per_m, exact=True)


@admin.register(AiModel)
class AiModelAdmin(admin.ModelAdmin):
    """Which models may be served. One that is served keeps its name in programs."""

    list_display = ("slug", "name", "maker", "country", "kind", "context_tokens")
    list_filter = ("kind", "maker", "country")
    search_fields = ("slug", "name", "maker")
    ordering = ("slug",)

    def get_readonly_fields(self, request: HttpRequest, obj: AiModel | None = None) -> tuple[str, ...]:
        """Programs name its slug, prices depend on its kind: both stand once it is listed."""
        return ("slug", "kind") if obj is not None and obj.pk and obj.endpoints.exists() else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
