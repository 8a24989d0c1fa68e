"""The staff's desk for orders: found by number, seen whole, moved on or stopped with a reason."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from bank.ledger import desk, words
from marketplace.billing import gifts
from marketplace.billing.models import Charge
from portal.accounts import impartial
from portal.core import clock
from portal.core.errors import Refused, sentence
from portal.history.words import worded

from . import explain, queries, support
from .models import Order, Quote, SampleRun

LOG_LINES = 60
KINDS = ("theirs", "us")  # whose cause a stop has: the computing so far is paid, or nothing
DO: dict[str, Any] = {"advance": support.advance_now, "stop": support.stop_and_release}


class ReadOnly(admin.ModelAdmin):
    """Seen, never typed into."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StuckFilter(admin.SimpleListFilter):
    title = _("progress")
    parameter_name = "stuck"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("stuck: open longer than its time"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return support.stuck(queryset, now=clock.now()) if self.value() else queryset


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ("number", "company", "package", "state", "age", "reserved", "why", "is_demo")
    list_filter = (StuckFilter, "state", "is_demo")
    list_select_related = ("organisation", "quote__offering__package")
    search_fields = (
        "number",
        "=public_id",
        "organisation__name",
        "=organisation__uscc",
        "=quote__public_id",
        "=allocation__public_id",
    )
    search_help_text = _("order number, company or a public id")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-id",)
    actions = ("advance", "stop")
    fields = ("number",)  # the page shows the order in its own words

    @admin.display(description=_("company"), ordering="organisation__name")
    def company(self, order: Order) -> str | SafeString:
        url = money_url(order)
        return format_html('<a href="{}">{}</a>', url, order.organisation.name) if url else order.organisation.name

    @admin.display(description=_("package"))
    def package(self, order: Order) -> str:
        return order.quote.offering.package.name

    @admin.display(description=_("age"), ordering="placed_at")
    def age(self, order: Order) -> str:
        return timesince(order.placed_at, clock.now(), depth=1)

    @admin.display(description=_("reserved at most"))
    def reserved(self, order: Order) -> str:
        return words.short(order.quote.cap, order.quote.asset)

    @admin.display(description=_("why it ended"))
    def why(self, order: Order) -> str:
        return ended_because(order) or "–"

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")  # type: ignore[union-attr]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.ask_view)
        return [path("<int:pk>/<slug:what>/ask/", view, name="orders_order_ask"), *super().get_urls()]

    @admin.action(description=_("Advance now …"), permissions=["act"])
    def advance(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse:
        return self._ask(request, list(queryset), "advance")

    @admin.action(description=_("Stop and release the money …"), permissions=["act"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse:
        return self._ask(request, list(queryset), "stop")

    def ask_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """The same question for one order, from its page."""
        order = self.get_queryset(request).select_related(*self.list_select_related).filter(pk=pk).first()
        if order is None or what not in DO:
            raise Http404
        if not self.has_act_permission(request):
            raise PermissionDenied
        return self._ask(request, [order], what)

    def _ask(self, request: HttpRequest, orders: list[Order], what: str) -> HttpResponse:
        """Show what will happen and to whom; with `sure` and a reason do it, each order for itself."""
        text, kind = request.POST.get("text", "").strip(), request.POST.get("kind", "")
        if request.POST.get("sure") and text and (what != "stop" or kind in KINDS):
            more = {"for_us": kind == "us"} if what == "stop" else {}
            for order in orders:
                self._do(request, order, what, text, **more)
            if len(orders) == 1:
                return redirect("admin:orders_order_change", orders[0].pk)
            return redirect("admin:orders_order_changelist")
        return TemplateResponse(
            request,
            "admin/orders/order/ask.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.model._meta,
                "orders": [{"order": order, "so_far_uy": queries.stop_costs(order)} for order in orders],
                "text": text,
                "kind": kind,
                "what": what,
                "title": _t("Advance now?") if what == "advance" else _t("Stop and release the money?"),
                "objects": orders,
                "action": what,
                "missing": bool(request.POST.get("sure")),
                "button": _t("Advance now") if what == "advance" else _t("Stop and release the money"),
                "selected": ACTION_CHECKBOX_NAME,
            },
        )

    def _do(self, request: HttpRequest, order: Order, what: str, text: str, **more: bool) -> None:
        if not order.is_open:
            self.message_user(
                request,
                _t("%(order)s is over already (%(state)s). Nothing was changed.")
                % {"order": order.number, "state": order.get_state_display()},
                messages.WARNING,
            )
            return
        try:
            impartial.refuse_own(order.organisation, request.user)
            after = DO[what](order=order, why=text[:500], now=clock.now(), actor=f"user:{request.user.pk}", **more)
        except Refused as refused:
            self.message_user(request, f"{order.number}: {refused}", messages.ERROR)
            return
        self.message_user(
            request,
            _t("%(order)s is now: %(state)s.") % {"order": order.number, "state": after.get_state_display()},
            messages.SUCCESS,
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        order = _whole(object_id)
        seen = self._panels(request, order) if order is not None else {}
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    def _panels(self, request: HttpRequest, order: Order) -> dict[str, Any]:
        found, is_own = explain.why(order), impartial.is_own(order.organisation, request.user)
        package, log = order.quote.offering.package, order.allocation.log if order.allocation else ""
        return {
            **found,
            "order": order,
            "title": order.number,
            "subtitle": None,
            "money_url": money_url(order),
            "steps": worded(explain.history_of(order)),
            "agreed": queries.worded_lines(order.quote.lines, order.quote.asset, package.unit, is_quote=True),
            "ended_because": ended_because(order),
            "funding": queries.holds_of(order),
            "paid_from": _paid_from(order, found["charge"]),
            "result": queries.worded_result(
                order.allocation.result if order.allocation else None, package, clock.now()
            ),
            "log": "\n".join(log.splitlines()[-LOG_LINES:]),
            "is_own": is_own,
            "may_act": order.is_open and self.has_act_permission(request) and not is_own,
            "is_stuck": support.stuck(Order.objects.filter(pk=order.pk), now=clock.now()).exists(),
            "sums": _sums(order, found["charge"].total if found["charge"] else 0),
            "age": timesince(order.placed_at, clock.now(), depth=1),
        }


def _paid_from(order: Order, charge: Charge | None) -> str:
    """Whose money paid it: the gift, the company's own, the credit limit; "" of hours, or of nothing."""
    if charge is None or charge.asset != "CNY":
        return ""
    return gifts.told(gifts.paid_by(order.organisation, order.cause), charge.credit_used)


def _sums(order: Order, total: int) -> list[tuple[str, str, str]]:
    """Reserved, charged and returned: to the fen, and exactly beneath where that is not all of it."""
    cap, asset = order.quote.cap, order.quote.asset
    rows = [(_t("Reserved at most"), cap)]
    if not order.is_open:
        rows += [(_t("Charged"), total), (_t("Went back"), cap - total)]
    told = [(label, words.short(value, asset), words.exact(value, asset)) for label, value in rows]
    return [(label, short, exact if exact != short else "") for label, short, exact in told]


def ended_because(order: Order) -> str:
    """Why it ended, in the words that the customer reads."""
    return sentence(order.reason) if order.reason else ""


def _whole(object_id: str) -> Order | None:
    if not object_id.isdigit():
        return None
    return (
        Order.objects.select_related(
            "organisation",
            "placed_by",
            "allocation__site",
            "quote__offering__package",
            "quote__offering__provider",
            "quote__reservation__site",
            "quote__upload__package",
        )
        .filter(pk=int(object_id))
        .first()
    )


def money_url(order: Order) -> str:
    """The page that answers "what happened to my money", where a higher room has made it."""
    try:
        return reverse("admin:accounts_organisation_money", args=[order.organisation_id]) + f"#order-{order.number}"
    except NoReverseMatch:
        return ""


@admin.register(Quote)
class QuoteAdmin(ReadOnly):
    list_display = ("what", "company", "most", "state", "created_at", "expires_at")
    list_filter = ("state",)
    fields = (
        "what", "company", "provider", "state", "units", "most", "likely", "cores", "wall_s", "created_at",
        "expires_at", "public_id", "terms", "lines",
    )  # fmt: skip
    list_select_related = ("organisation", "offering__package", "offering__provider")
    search_fields = ("=public_id", "organisation__name")
    show_full_result_count = False
    ordering = ("-id",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        seen = {"subtitle": found.offering.title} if found is not None else {}
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    @admin.display(description=_("offering"))
    def what(self, quote: Quote) -> str:
        return quote.offering.title

    @admin.display(description=_("provider"))
    def provider(self, quote: Quote) -> str:
        return quote.offering.provider.name

    @admin.display(description=_("company"), ordering="organisation__name")
    def company(self, quote: Quote) -> str | SafeString:
        return desk.company_link(quote.organisation)

    @admin.display(description=_("most it can cost"), ordering="cap")
    def most(self, quote: Quote) -> str:
        return words.short(quote.cap, quote.asset)

    @admin.display(description=_("likely cost"), ordering="expected")
    def likely(self, quote: Quote) -> str:
        return words.short(quote.expected, quote.asset)


@admin.register(SampleRun)
class SampleRunAdmin(ReadOnly):
    list_display = ("what", "state", "created_at")
    list_select_related: ClassVar = ["package", "allocation"]
    search_fields = ("=public_id", "package__code")

    @admin.display(description=_("package"))
    def what(self, run: SampleRun) -> str:
        return run.package.name

    @admin.display(description=_("state"))
    def state(self, run: SampleRun) -> str:
        return run.allocation.get_state_display() if run.allocation else desk.NONE

    show_full_result_count = False
    ordering = ("-id",)
