"""Staff: payments to book and to correct, charges and bills to look at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bank.ledger import desk, words
from bank.ledger.models import Journal
from portal import policy
from portal.accounts import impartial
from portal.core import clock
from portal.core.errors import Refused
from portal.core.money import CNY_UY, FEN_UY, ceil_to
from portal.core.words import yuan
from portal.history.actions import subject_of

from .. import actions, bookings, corrections, queries
from ..models import Bill, Booking, Charge, Correction, TopUp
from . import bookings as confirming
from .corrections import STEPS, author_of, may_book, said


class BookForm(forms.Form):
    """What the bank statement says."""

    amount = forms.DecimalField(
        label=gettext_lazy("Amount that arrived, CNY"), min_value=0.01, max_value=100_000_000, decimal_places=2
    )
    bank_reference = forms.CharField(label=gettext_lazy("Number of the payment at the bank"), max_length=60)


class DifferenceForm(BookForm):
    """The same once more, with the reason for a difference; `sure` is the amount that was looked at."""

    amount = forms.DecimalField(max_value=100_000_000, decimal_places=2, widget=forms.HiddenInput)
    bank_reference = forms.CharField(max_length=60, widget=forms.HiddenInput)
    sure = forms.DecimalField(decimal_places=2, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Why the amounts differ; it stays in the history with your name"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )


class CorrectForm(forms.Form):
    booking = forms.CharField(max_length=40, widget=forms.HiddenInput)
    amount = forms.DecimalField(
        label=gettext_lazy("The right amount, CNY; 0: nothing of it belongs into this wallet"),
        min_value=0,
        max_value=actions.TOPUP_MOST_UY // CNY_UY,
        decimal_places=2,
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason; the customer reads it on the statement"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )


def plain(amount_uy: int) -> str:
    """`500.00`, as a field takes it."""
    return f"{amount_uy // CNY_UY}.{amount_uy % CNY_UY // FEN_UY:02d}"


class Signed(ChangeList):
    """A page of top-ups with who booked each; two queries for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        signed = queries.last_by(self.result_list)
        for topup in self.result_list:
            topup.signed = signed.get(topup.pk)


@admin.register(TopUp)
class TopUpAdmin(desk.Desk):
    """Payments to book: waiting first, oldest first."""

    change_form_template = "admin/billing/topup.html"
    list_display = ("reference", "company", "amount", "state", "announced_by", "created_at", "booked_by", "booking")
    list_filter = ("state",)
    search_fields = ("reference", "organisation__name", "bank_reference", "organisation__uscc", "=public_id")
    search_help_text = gettext_lazy("code, with or without dashes, company, or the number at the bank")
    list_select_related = ("organisation", "requested_by")
    ordering = ("-state", "created_at")
    fieldsets = (
        (None, {"fields": ("company", "stands", "announced", "announced_by", "created_at", "arrived",
                           "bank_reference", "booked_by", "booked_at", "corrected")}),
        (gettext_lazy("History"), {"fields": ("steps",)}),
        (gettext_lazy("In the books"), {"fields": ("journals",)}),
        desk.technical("public_id", "amount_uy", "booked_uy"),
    )  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[TopUp], search_term: str
    ) -> tuple[QuerySet[TopUp], bool]:
        code = queries.code_in(search_term)
        by_code = queryset.filter(reference__icontains=code) if code else queryset.none()
        return (by_code, False) if by_code else super().get_search_results(request, queryset, search_term)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Signed

    def get_queryset(self, request: HttpRequest) -> QuerySet[TopUp]:
        return super().get_queryset(request).annotate(entered=queries.ENTERED)

    @admin.display(description=gettext_lazy("Company"), ordering="organisation__name")
    def company(self, topup: TopUp) -> str | SafeString:
        return desk.company_link(topup.organisation)

    @admin.display(description=gettext_lazy("CNY"), ordering="amount_uy")
    def amount(self, topup: TopUp) -> str:
        return yuan(topup.booked_uy or topup.amount_uy)

    @admin.display(description=gettext_lazy("state"))
    def stands(self, topup: TopUp) -> str | SafeString:
        """Its state, and that this is not what was booked at first."""
        last = queries.corrections_of([topup]).get(topup.pk)
        if last is None:
            return topup.get_state_display()
        url = reverse("admin:billing_correction_change", args=[last.pk])
        return format_html('{} · <a href="{}">{}</a>', topup.get_state_display(), url, _("corrected"))

    @admin.display(description=gettext_lazy("Announced"))
    def announced(self, topup: TopUp) -> str:
        return confirming.announced(topup)

    @admin.display(description=gettext_lazy("Announced by"), ordering="requested_by")
    def announced_by(self, topup: TopUp) -> str:
        return confirming.announced_by(topup)

    @admin.display(description=gettext_lazy("Corrected since"))
    def corrected(self, topup: TopUp) -> str | SafeString:
        return confirming.corrected(topup)

    @admin.display(description=gettext_lazy("Booked by"))
    def booked_by(self, topup: Any) -> str:
        """Who entered it and who confirmed it; of a booking that was corrected, who did that."""
        if topup.state not in (TopUp.State.BOOKED, TopUp.State.REVERSED):
            return desk.NONE
        booked = topup.signed if hasattr(topup, "signed") else queries.booked_by(topup)
        return booked.who if booked else desk.NONE

    @admin.display(description=gettext_lazy("Arrived"))
    def arrived(self, topup: TopUp) -> str:
        return words.short(topup.booked_uy, "CNY") if topup.booked_uy else desk.NONE

    @admin.display(description=gettext_lazy("Every step"))
    def steps(self, topup: TopUp) -> str | SafeString:
        names = STEPS | {"reversed": TopUp.State.REVERSED.label}
        if topup.is_unannounced:
            names |= {"waiting": gettext_lazy("entered by our staff; nobody had announced it")}
        return desk.steps_of(subject_of(topup), names, author_of)

    @admin.display(description=gettext_lazy("Every movement"))
    def journals(self, topup: TopUp) -> str | SafeString:
        return desk.journals_of(subject_of(topup))

    @admin.display(description=gettext_lazy("Number at the bank, or what is to do"))
    def booking(self, topup: Any) -> str | SafeString:
        if topup.entered:
            url = reverse("admin:billing_topup_book", args=[topup.pk])
            return format_html('<a href="{}">{}</a>', url, _("waits for a second person"))
        if topup.state != TopUp.State.WAITING:
            return topup.bank_reference
        return format_html(
            '<a class="button" href="{}">{}</a>',
            reverse("admin:billing_topup_book", args=[topup.pk]),
            _("Book the payment"),
        )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/book/", view(self.book), name="billing_topup_book"),
            path("<int:pk>/correct/", view(self.correct), name="billing_topup_correct"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        topup = TopUp.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        is_own = topup is not None and impartial.is_own(topup.organisation, request.user)
        nobody = topup is not None and topup.is_unannounced
        seen = {
            "topup": topup,
            "title": _("Payment that nobody announced") if nobody else _("Payment by bank transfer"),
            "subtitle": topup.reference if topup else "",
            "can_book": topup and TopUp.State.BOOKED in TopUp.MOVES[topup.state],
            "asked": topup and topup.corrections.filter(state__in=Correction.OPEN).first(),
            "entered": topup and topup.bookings.filter(state=Booking.State.WAITING).first(),
            "is_own": is_own,
            "may_book": request.user.has_perm("billing.change_topup") and not is_own,  # type: ignore[union-attr]
        }
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Its steps stand on its page; Django's own log knows nothing of them."""
        return redirect("admin:billing_topup_change", object_id)

    def book(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Book what arrived; another amount than the announced one is asked about first."""
        may_book(request)
        topup = get_object_or_404(TopUp.objects.select_related("organisation"), pk=pk)
        impartial.refuse_own(topup.organisation, request.user)  # before anything is typed
        if TopUp.State.BOOKED not in TopUp.MOVES[topup.state]:
            return self._page(request, topup, "admin/billing/book.html", booked=queries.booked_by(topup))
        waits = topup.bookings.filter(state=Booking.State.WAITING).first()
        if waits is not None:
            return redirect("admin:billing_booking_change", waits.pk)
        form = BookForm(request.POST or None, initial={"amount": plain(topup.amount_uy)})
        if request.method != "POST" or not form.is_valid():
            return self._page(
                request, topup, "admin/billing/book.html", form=form, two_above=policy.TWO_PERSONS_ABOVE_UY,
                two_beside=policy.TWO_PERSONS_DIFFERENCE_UY,
            )  # fmt: skip
        entered = int(form.cleaned_data["amount"] * CNY_UY)
        sure = DifferenceForm(request.POST)
        first = {**request.POST.dict(), "sure": request.POST["amount"]}
        looked = request.POST.get("sure") == request.POST["amount"]
        if entered != topup.amount_uy and not (looked and sure.is_valid()):
            return self._page(
                request,
                topup,
                "admin/billing/difference.html",
                form=sure if looked else DifferenceForm(initial=first),
                entered=entered,
                more=max(0, entered - topup.amount_uy),
                less=max(0, topup.amount_uy - entered),
                two=bookings.needs_two(topup, entered),
            )
        return self._book(request, topup, entered, form.cleaned_data["bank_reference"])

    def _book(self, request: HttpRequest, topup: TopUp, amount_uy: int, bank_reference: str) -> HttpResponse:
        try:
            waits = bookings.book(
                topup=topup,
                amount_uy=amount_uy,
                bank_reference=bank_reference,
                reason=request.POST.get("reason", "")[:300],
                user=request.user,  # type: ignore[arg-type]
                now=clock.now(),
            )
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect("admin:billing_topup_book", topup.pk)
        if waits is not None:
            messages.success(request, confirming.said(waits))
            return redirect("admin:billing_booking_change", waits.pk)
        messages.success(
            request,
            _("CNY {amount} is in the wallet of {company}.").format(
                amount=yuan(topup.booked_uy or 0), company=topup.organisation
            ),
        )
        return redirect("admin:billing_topup_changelist")

    def correct(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a wrong booking back and book the right amount; looked at once more before it is sent."""
        may_book(request)
        topup = get_object_or_404(TopUp.objects.select_related("organisation"), pk=pk)
        impartial.refuse_own(topup.organisation, request.user)  # before anything is typed
        booking = corrections.booking_of(topup)
        first = {"booking": booking.public_id if booking else ""}
        if topup.booked_uy != topup.amount_uy:
            first["amount"] = plain(topup.amount_uy)
        form = CorrectForm(request.POST or None, initial=first)
        if request.method == "POST" and form.is_valid():
            seen = get_object_or_404(Journal, public_id=form.cleaned_data["booking"])
            to_uy = int(form.cleaned_data["amount"] * CNY_UY)
            if request.POST.get("sure") != request.POST["amount"] and topup.state == TopUp.State.BOOKED:
                return self._preview(request, topup, form, to_uy)
            try:
                made = corrections.correct(
                    topup=topup,
                    booking=seen,
                    to_uy=to_uy,
                    reason=form.cleaned_data["reason"],
                    user=request.user,  # type: ignore[arg-type]
                    now=clock.now(),
                )
            except Refused as refused:
                messages.error(request, str(refused))
            else:
                self.message_user(request, said(made), messages.SUCCESS)
                return redirect("admin:billing_topup_change", topup.pk)
        if topup.state != TopUp.State.BOOKED:
            return redirect("admin:billing_topup_change", topup.pk)
        return self._page(
            request,
            topup,
            "admin/billing/correct.html",
            title=_("Correct this booking"),
            form=form,
            booked=queries.booked_by(topup),
            always=corrections.always_two(topup),
            two_above=policy.TWO_PERSONS_ABOVE_UY,
            two_beside=policy.TWO_PERSONS_DIFFERENCE_UY,
            available_uy=queries.wallet_uy(topup.organisation) or 0,
        )

    def _preview(self, request: HttpRequest, topup: TopUp, form: CorrectForm, to_uy: int) -> HttpResponse:
        """What would move, in figures."""
        from_uy, available = topup.booked_uy or 0, max(0, queries.wallet_uy(topup.organisation) or 0)
        return self._page(
            request,
            topup,
            "admin/billing/preview.html",
            title=_("Correct this booking?"),
            form=form,
            reason=form.cleaned_data["reason"],
            sure=request.POST["amount"],
            from_uy=from_uy,
            to_uy=to_uy,
            out_uy=max(0, from_uy - to_uy),
            in_uy=max(0, to_uy - from_uy),
            available_uy=available,
            after_uy=available - from_uy + to_uy,
            missing_uy=ceil_to(max(0, from_uy - to_uy - available), FEN_UY),
            two=corrections.why_two(topup, from_uy, to_uy),
            two_above=policy.TWO_PERSONS_ABOVE_UY,
            two_beside=policy.TWO_PERSONS_DIFFERENCE_UY,
        )

    def _page(self, request: HttpRequest, topup: TopUp, template: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "topup": topup,
                "title": _("Book the payment"),
                "opts": self.model._meta,
                **context,
            },
        )


@admin.register(Charge)
class ChargeAdmin(desk.Desk):
    list_display = ("number", "company", "what", "outcome", "charged", "most", "went_back", "settled_at")
    list_filter = ("outcome", "asset")
    search_fields = ("=public_id", "=cause", "organisation__name")
    list_select_related = ("organisation",)
    fieldsets = (
        (None, {"fields": ("company", "what", "came_from", "outcome", "charged_exact", "most", "went_back_exact",
                           "for_computing", "on_credit", "settled_at")}),
        (gettext_lazy("In the books"), {"fields": ("journals",)}),
        desk.technical("public_id", "cause", "asset", "lines"),
    )  # fmt: skip

    @admin.display(description=gettext_lazy("code of the charge"))
    def number(self, charge: Charge) -> str:
        return charge.public_id[-6:].upper()

    @admin.display(description=gettext_lazy("Company"), ordering="organisation__name")
    def company(self, charge: Charge) -> str | SafeString:
        return desk.company_link(charge.organisation)

    @admin.display(description=gettext_lazy("What"), ordering="what_en")
    def what(self, charge: Charge) -> str:
        return queries.what(charge)

    @admin.display(description=gettext_lazy("brought about by"))
    def came_from(self, charge: Charge) -> str | SafeString:
        return desk.cause_link(charge.cause, getattr(charge, "cause_name", None))

    @admin.display(description=gettext_lazy("Charged"), ordering="total")
    def charged(self, charge: Charge) -> str:
        return words.short(charge.total, charge.asset)

    @admin.display(description=gettext_lazy("Reserved at most"), ordering="cap")
    def most(self, charge: Charge) -> str:
        return words.short(charge.cap, charge.asset)

    @admin.display(description=gettext_lazy("Went back"))
    def went_back(self, charge: Charge) -> str:
        return words.short(charge.cap - charge.total, charge.asset)

    @admin.display(description=gettext_lazy("Charged"))
    def charged_exact(self, charge: Charge) -> str:
        return words.exact(charge.total, charge.asset)

    @admin.display(description=gettext_lazy("Went back"))
    def went_back_exact(self, charge: Charge) -> str:
        return words.exact(charge.cap - charge.total, charge.asset)

    @admin.display(description=gettext_lazy("of it for computing"))
    def for_computing(self, charge: Charge) -> str:
        return words.exact(charge.computing, charge.asset)

    @admin.display(description=gettext_lazy("of it from the credit limit"))
    def on_credit(self, charge: Charge) -> str:
        return words.exact(charge.credit_used, "CNY") if charge.credit_used else desk.NONE

    @admin.display(description=gettext_lazy("Every movement"))
    def journals(self, charge: Charge) -> str | SafeString:
        return desk.journals_of(charge.cause)


@admin.register(Bill)
class BillAdmin(desk.Desk):
    list_display = ("company", "month_name", "charged", "closed_at")
    search_fields = ("organisation__name", "=public_id")
    list_select_related = ("organisation",)
    fieldsets = (
        (None, {"fields": ("company", "month_name", "opening", "came_in", "charged", "paid_out", "closing",
                           "closed_at")}),
        desk.technical("public_id", "opening_uy", "came_in_uy", "charged_uy", "credit_used_uy", "paid_out_uy",
                       "closing_uy"),
    )

    @admin.display(description=gettext_lazy("Company"), ordering="organisation__name")
    def company(self, bill: Bill) -> str | SafeString:
        return desk.company_link(bill.organisation)

    @admin.display(description=gettext_lazy("Month"), ordering="month")
    def month_name(self, bill: Bill) -> str:
        return f"{bill.month:%Y-%m}"

    @admin.display(description=gettext_lazy("In the wallet before"))
    def opening(self, bill: Bill) -> str:
        return words.short(bill.opening_uy, "CNY")

    @admin.display(description=gettext_lazy("Came in"))
    def came_in(self, bill: Bill) -> str:
        return words.short(bill.came_in_uy, "CNY")

    @admin.display(description=gettext_lazy("Charged"), ordering="charged_uy")
    def charged(self, bill: Bill) -> str:
        return words.short(bill.charged_uy, "CNY")

    @admin.display(description=gettext_lazy("Paid out to the bank"))
    def paid_out(self, bill: Bill) -> str:
        return words.short(bill.paid_out_uy, "CNY")

    @admin.display(description=gettext_lazy("In the wallet after"))
    def closing(self, bill: Bill) -> str:
        return words.short(bill.closing_uy, "CNY")
