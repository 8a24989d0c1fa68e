"""Staff: payments to book, charges and bills to look at."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.core import clock
from portal.core.errors import Refused
from portal.core.money import CNY_UY
from portal.core.words import yuan

from . import actions
from .models import Bill, Charge, TopUp


class BookForm(forms.Form):
    """What the bank statement says."""

    amount = forms.DecimalField(label=gettext_lazy("Amount that arrived, CNY"), min_value=0.01, decimal_places=2)
    bank_reference = forms.CharField(label=gettext_lazy("Number of the payment at the bank"), max_length=60)


class ReadOnly(admin.ModelAdmin):
    """To look at, search and follow; never to change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


@admin.register(TopUp)
class TopUpAdmin(ReadOnly):
    """Payments to book: waiting first, oldest first."""

    fields = (
        "reference",
        "organisation",
        "state",
        "amount_uy",
        "booked_uy",
        "bank_reference",
        "created_at",
        "booked_at",
    )
    list_display = ("reference", "organisation", "amount", "state", "created_at", "booking")
    list_filter = ("state",)
    search_fields = ("reference", "organisation__name", "bank_reference", "organisation__uscc")
    list_select_related = ("organisation",)
    ordering = ("-state", "created_at")

    @admin.display(description=gettext_lazy("CNY"))
    def amount(self, topup: TopUp) -> str:
        return yuan(topup.booked_uy or topup.amount_uy)

    @admin.display(description="")
    def booking(self, topup: TopUp) -> str:
        if topup.state != TopUp.State.WAITING:
            return topup.bank_reference
        return format_html(
            '<a class="button" href="{}">{}</a>',
            reverse("admin:billing_topup_book", args=[topup.pk]),
            _("Book the payment"),
        )

    def get_urls(self) -> list:
        return [
            path("<int:pk>/book/", self.admin_site.admin_view(self.book), name="billing_topup_book"),
            *super().get_urls(),
        ]

    def book(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Book what arrived, after a look at both figures."""
        topup = get_object_or_404(TopUp.objects.select_related("organisation"), pk=pk)
        form = BookForm(request.POST or None, initial={"amount": topup.amount_uy / CNY_UY})
        if request.method == "POST" and form.is_valid():
            try:
                actions.book_payment(
                    topup=topup,
                    amount_uy=int(form.cleaned_data["amount"] * CNY_UY),
                    bank_reference=form.cleaned_data["bank_reference"],
                    now=clock.now(),
                    actor=f"user:{request.user.pk}",
                )
            except Refused as refused:
                messages.error(request, str(refused))
            else:
                messages.success(
                    request,
                    _("CNY {amount} is in the wallet of {company}.").format(
                        amount=yuan(topup.booked_uy or 0), company=topup.organisation
                    ),
                )
                return redirect("admin:billing_topup_changelist")
        return TemplateResponse(
            request,
            "admin/billing/book.html",
            {
                **self.admin_site.each_context(request),
                "form": form,
                "topup": topup,
                "title": _("Book the payment"),
                "opts": self.model._meta,
            },
        )


@admin.register(Charge)
class ChargeAdmin(ReadOnly):
    fields = (
        "public_id",
        "organisation",
        "cause",
        "what_en",
        "outcome",
        "asset",
        "lines",
        "total",
        "cap",
        "settled_at",
    )
    list_display = ("public_id", "organisation", "what_en", "outcome", "asset", "total", "cap", "settled_at")
    list_filter = ("outcome", "asset")
    search_fields = ("public_id", "cause", "organisation__name")
    list_select_related = ("organisation",)


@admin.register(Bill)
class BillAdmin(ReadOnly):
    fields = ("public_id", "organisation", "month", "opening_uy", "came_in_uy", "charged_uy", "closing_uy", "closed_at")
    list_display = ("organisation", "month", "charged_uy", "closed_at")
    search_fields = ("organisation__name", "public_id")
    list_select_related = ("organisation",)
