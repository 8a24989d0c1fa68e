"""Staff: payments that a second person confirms, and transfers that nobody announced."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bank.ledger import desk, words
from portal.accounts import impartial
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.money import CNY_UY
from portal.core.templatetags.suanli import time_text
from portal.core.words import floor_fen, yuan
from portal.history.actions import subject_of

from .. import actions, bookings, queries
from ..models import Booking, Correction, TopUp

STEPS = {
    "waiting": gettext_lazy("amount entered from the bank statement"),
    "done": gettext_lazy("confirmed and booked"),
    "declined": gettext_lazy("declined"),
    "withdrawn": gettext_lazy("withdrawn"),
}


class UnannouncedForm(forms.Form):
    """What the bank statement says of a transfer without a code."""

    amount = forms.DecimalField(
        label=gettext_lazy("Amount that arrived, CNY"),
        min_value=0.01,
        max_value=actions.TOPUP_MOST_UY // CNY_UY,
        decimal_places=2,
    )
    bank_reference = forms.CharField(label=gettext_lazy("Number of the payment at the bank"), max_length=60)
    reason = forms.CharField(
        label=gettext_lazy("How you know that it is theirs; it stays in the history with your name"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )


def announced(topup: TopUp) -> str:
    return _("nobody announced it") if topup.is_unannounced else words.short(topup.amount_uy, "CNY")


def announced_by(topup: TopUp) -> str:
    """The customer's person; of what nobody announced, who of our staff entered it."""
    if topup.requested_by is None:
        return desk.NONE
    email = topup.requested_by.email
    return _("nobody; entered by {person}, our staff").format(person=email) if topup.is_unannounced else email


def difference(booking: Booking) -> str:
    """The sentence that stood before who entered another amount than announced; "" where there is none."""
    topup, beside = booking.topup, booking.amount_uy - booking.topup.amount_uy
    if not beside or topup.is_unannounced:
        return ""
    said = {"announced": yuan(topup.amount_uy), "entered": yuan(booking.amount_uy), "difference": yuan(abs(beside))}
    if beside > 0:
        return _("%(announced)s announced, %(entered)s entered: %(difference)s more") % said
    return _("%(announced)s announced, %(entered)s entered: %(difference)s less") % said


def corrected(topup: TopUp) -> str | SafeString:
    """What was corrected of it: when, from what to what, and why. One query."""
    done = topup.corrections.filter(state=Correction.State.DONE).order_by("decided_at", "id")
    rows = [
        (
            reverse("admin:billing_correction_change", args=[c.pk]),
            time_text(c.decided_at, "long"),
            _("from {before} to {after}").format(
                before=words.short(c.from_uy, "CNY"), after=words.short(c.to_uy, "CNY")
            ),
            c.reason,
        )
        for c in done
    ]
    if not rows:
        return desk.NONE
    items = format_html_join("", '<li><a href="{}">{}</a>: {}. {}</li>', rows)
    return format_html('<ul class="desk-list">{}</ul>', items)


def wallet_after(topup: TopUp, more_uy: int) -> list[tuple[str, str]]:
    """What is available in the company's wallet now, and afterwards."""
    now_uy = queries.wallet_uy(topup.organisation) or 0
    return [
        (_("Company"), topup.organisation.name),
        (_("In or out of the wallet"), words.short(more_uy, "CNY", signed=True)),
        (_("Available in the wallet now"), words.short(floor_fen(now_uy), "CNY")),
        (_("Available afterwards"), words.short(floor_fen(now_uy + more_uy), "CNY")),
    ]


def correct_url(booking: Booking) -> str:
    """Where what was booked is corrected; "" where nothing is in the wallet, or a correction waits already."""
    topup = booking.topup
    if booking.state != Booking.State.DONE or topup.state != TopUp.State.BOOKED:
        return ""
    waits = topup.corrections.filter(state__in=Correction.OPEN).exists()
    return "" if waits else reverse("admin:billing_topup_correct", args=[topup.pk])


def may_book(request: HttpRequest) -> bool:
    return request.user.has_perm("billing.change_topup")  # type: ignore[union-attr]


@admin.register(Booking)
class BookingAdmin(desk.Desk):
    """What waits for a second person, and what was decided."""

    change_form_template = "admin/decide.html"
    list_display = (
        "code", "company", "announced", "announced_by", "arrived", "state", "asked_by", "asked_at", "decided_by",
    )  # fmt: skip
    list_filter = ("state",)
    list_select_related = ("topup__organisation", "topup__requested_by", "asked_by", "decided_by")
    search_fields = ("topup__reference", "topup__organisation__name", "bank_reference", "=public_id")
    ordering = ("-state", "asked_at")
    fieldsets = (
        (None, {"fields": ("code_link", "company", "announced", "announced_by", "arrived", "bank_reference",
                           "reason_given", "state", "asked_by", "asked_at", "decided_by", "decided_at",
                           "corrected")}),
        (gettext_lazy("History"), {"fields": ("steps",)}),
        desk.technical("public_id"),
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of a transfer without a code the reason answers another question."""
        first, *others = super().get_fieldsets(request, obj)
        if obj is None or obj.topup_id is None or not obj.topup.is_unannounced:
            return [first, *others]
        fields = ["how_known" if x == "reason_given" else x for x in first[1]["fields"] if x != "announced_by"]
        return [(first[0], {**first[1], "fields": fields}), *others]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "how_known")

    @admin.display(description=gettext_lazy("Top-up"), ordering="topup__reference")
    def code(self, booking: Booking) -> str:
        return booking.topup.reference

    @admin.display(description=gettext_lazy("Top-up"))
    def code_link(self, booking: Booking) -> SafeString:
        url = reverse("admin:billing_topup_change", args=[booking.topup_id])
        return format_html('<a href="{}">{}</a>', url, booking.topup.reference)

    @admin.display(description=gettext_lazy("Company"))
    def company(self, booking: Booking) -> str | SafeString:
        return desk.company_link(booking.topup.organisation)

    @admin.display(description=gettext_lazy("Announced"))
    def announced(self, booking: Booking) -> str:
        return announced(booking.topup)

    @admin.display(description=gettext_lazy("Announced by"))
    def announced_by(self, booking: Booking) -> str:
        return announced_by(booking.topup)

    @admin.display(description=gettext_lazy("Arrived, as entered"), ordering="amount_uy")
    def arrived(self, booking: Booking) -> str:
        return words.short(booking.amount_uy, "CNY")

    @admin.display(description=gettext_lazy("Why the amounts differ"))
    def reason_given(self, booking: Booking) -> str:
        return booking.reason or desk.NONE

    @admin.display(description=gettext_lazy("How it is known to be theirs"))
    def how_known(self, booking: Booking) -> str:
        return booking.reason or desk.NONE

    @admin.display(description=gettext_lazy("Corrected since"))
    def corrected(self, booking: Booking) -> str | SafeString:
        return corrected(booking.topup) if booking.state == Booking.State.DONE else desk.NONE

    @admin.display(description=gettext_lazy("Every step"))
    def steps(self, booking: Booking) -> str | SafeString:
        return desk.steps_of(subject_of(booking), STEPS)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("topup__organisation", "topup__requested_by")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/decide/", view(self.decide), name="billing_booking_decide"),
            path("unannounced/<int:pk>/", view(self.unannounced), name="billing_booking_unannounced"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = Booking.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        is_own = found is not None and impartial.is_own(found.topup.organisation, request.user)
        waiting = found is not None and found.state == Booking.State.WAITING
        waits = waiting and may_book(request) and not is_own
        seen = {
            "name": found.topup.reference if found else "",
            "title": _("Payment to confirm") if waiting else _("Payment that needed two persons"),
            "subtitle": found.topup.reference if found else "",
            "decide_url": reverse("admin:billing_booking_decide", args=[found.pk]) if found else "",
            "correct_url": correct_url(found) if found and may_book(request) and not is_own else "",
            "what_happens": _("After your confirmation the amount is in the wallet."),
            "difference": difference(found) if waits and found else "",
            "figures": wallet_after(found.topup, found.amount_uy) if waits and found else [],
            "is_own": is_own,
            "may_decline": waits,
            "may_confirm": waits and found is not None and found.asked_by_id != request.user.pk,
        }
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:billing_booking_change", object_id)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not may_book(request):
            raise PermissionDenied
        booking = get_object_or_404(Booking.objects.select_related("topup__organisation"), pk=pk)
        if request.method == "POST":
            who: dict[str, Any] = {"booking": booking, "user": request.user, "now": clock.now()}
            try:
                if "confirm" in request.POST:
                    done = bookings.confirm(**who)
                else:
                    done = bookings.decline(**who, reason=request.POST.get("text", "")[:300])
            except Refused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                self.message_user(request, said(done), messages.SUCCESS)
        return redirect("admin:billing_booking_change", pk)

    def unannounced(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A transfer that came without a code, for a company one has found."""
        if not may_book(request):
            raise PermissionDenied
        company = get_object_or_404(Organisation, pk=pk)
        impartial.refuse_own(company, request.user)  # before anything is typed
        form = UnannouncedForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                made = bookings.unannounced(
                    organisation=company,
                    amount_uy=int(form.cleaned_data["amount"] * CNY_UY),
                    bank_reference=form.cleaned_data["bank_reference"],
                    reason=form.cleaned_data["reason"],
                    user=request.user,  # type: ignore[arg-type]
                    now=clock.now(),
                )
            except Refused as refused:
                messages.error(request, str(refused))
            else:
                self.message_user(request, said(made), messages.SUCCESS)
                return redirect("admin:billing_booking_change", made.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Book a transfer that nobody announced"),
            "company": company,
            "form": form,
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/billing/unannounced.html", context)


def said(booking: Booking) -> str:
    """What became of it, in a sentence."""
    amount, company = words.short(booking.amount_uy, "CNY"), booking.topup.organisation
    if booking.state == Booking.State.WAITING:
        return _("Kept: {amount} for {company}. It is in the wallet when a second person has confirmed it.").format(
            amount=amount, company=company
        )
    if booking.state == Booking.State.DONE:
        return _("{amount} is in the wallet of {company}.").format(amount=amount, company=company)
    if booking.state == Booking.State.WITHDRAWN:
        return _("Withdrawn. Nothing has moved.")
    return _("Declined. Nothing has moved.")
