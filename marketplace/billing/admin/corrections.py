"""Staff: bookings that were wrong: what waits for a second person or for money, and what was corrected."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bank.ledger import desk, words
from portal.accounts import impartial
from portal.core import clock
from portal.core.errors import Refused
from portal.core.money import FEN_UY, ceil_to
from portal.core.templatetags.suanli import time_text
from portal.core.words import floor_fen, yuan
from portal.history.actions import subject_of
from portal.history.models import Step

from .. import corrections, queries
from ..models import Correction
from .bookings import announced, wallet_after

STEPS = {
    "waiting": gettext_lazy("payment announced"),
    "booked": gettext_lazy("put into the wallet"),
    "cancelled": gettext_lazy("cancelled"),
    "booking_corrected": gettext_lazy("booking corrected"),
    "correction_asked": gettext_lazy("correction asked for, a second person must confirm it"),
    "correction_declined": gettext_lazy("correction declined"),
    "correction_withdrawn": gettext_lazy("correction withdrawn"),
    "correction_short": gettext_lazy("correction waits for money"),
    "booking_asked": gettext_lazy("arrived; a second person must confirm the amount"),
    "booking_declined": gettext_lazy("the entered amount was declined"),
    "booking_withdrawn": gettext_lazy("the entered amount was withdrawn"),
    "done": gettext_lazy("carried out"),
    "declined": gettext_lazy("declined"),
    "withdrawn": gettext_lazy("withdrawn"),
    "short": gettext_lazy("waits for money"),
}


def author_of(step: Step) -> str:
    """Whose words a step carries: the reason of a request stays that of who asked, whoever carries it out."""
    own = step.reason in ("correction_declined", "correction_withdrawn")
    return step.actor if own else step.params.get("asked") or step.actor


def may_book(request: HttpRequest) -> None:
    if not request.user.has_perm("billing.change_topup"):  # type: ignore[union-attr]
        raise PermissionDenied


def said(correction: Correction) -> str:
    """What became of it, in a sentence."""
    if correction.state == Correction.State.WAITING:
        return _("Kept. Nothing has moved yet: a second person must confirm it.")
    if correction.state == Correction.State.SHORT:
        return _("Kept. The money was spent, so nothing has moved: it waits for money.")
    if correction.state == Correction.State.WITHDRAWN:
        return _("Withdrawn. Nothing has moved.")
    if correction.state == Correction.State.DECLINED:
        return _("Declined. Nothing has moved.")
    if correction.to_uy:
        return _("Corrected: CNY {before} was taken back and CNY {after} booked.").format(
            before=yuan(correction.from_uy), after=yuan(correction.to_uy)
        )
    return _("Corrected: CNY {before} was taken back.").format(before=yuan(correction.from_uy))


@admin.register(Correction)
class CorrectionAdmin(desk.Desk):
    """What waits for a second person, and what was corrected."""

    change_form_template = "admin/decide.html"
    list_display = ("code", "company", "was", "becomes", "state", "lacks", "asked_by", "asked_at", "confirmed_by")
    list_filter = ("state",)
    list_select_related = ("topup__organisation", "topup__requested_by", "asked_by", "decided_by")
    search_fields = ("topup__reference", "topup__organisation__name", "=public_id")
    ordering = ("-state", "asked_at")
    fieldsets = (
        (None, {"fields": ("code_link", "company", "announced", "was", "becomes", "difference", "bank_number",
                           "reason", "state", "available", "asked_by", "asked_at", "confirmed_by",
                           "carried_out", "wrong")}),
        (gettext_lazy("History"), {"fields": ("steps",)}),
        desk.technical("public_id"),
    )  # fmt: skip

    @admin.display(description=gettext_lazy("Top-up"), ordering="topup__reference")
    def code(self, correction: Correction) -> str:
        return correction.topup.reference

    @admin.display(description=gettext_lazy("Top-up"))
    def code_link(self, correction: Correction) -> SafeString:
        url = reverse("admin:billing_topup_change", args=[correction.topup_id])
        return format_html('<a href="{}">{}</a>', url, correction.topup.reference)

    @admin.display(description=gettext_lazy("Company"))
    def company(self, correction: Correction) -> str | SafeString:
        return desk.company_link(correction.topup.organisation)

    @admin.display(description=gettext_lazy("Was booked"), ordering="from_uy")
    def was(self, correction: Correction) -> str:
        return words.short(correction.from_uy, "CNY")

    @admin.display(description=gettext_lazy("Is right"), ordering="to_uy")
    def becomes(self, correction: Correction) -> str:
        return words.short(correction.to_uy, "CNY")

    @admin.display(description=gettext_lazy("Announced"))
    def announced(self, correction: Correction) -> str:
        return announced(correction.topup)

    @admin.display(description=gettext_lazy("Confirmed or declined by"), ordering="decided_by")
    def confirmed_by(self, correction: Correction) -> str:
        return correction.decided_by.email if correction.decided_by else desk.NONE

    @admin.display(description=gettext_lazy("Carried out by"))
    def carried_out(self, correction: Correction) -> str:
        step = Step.objects.filter(subject=subject_of(correction), after=Correction.State.DONE).first()
        return f"{desk.who(step.actor)}, {time_text(step.at, 'long')}" if step else desk.NONE

    @admin.display(description=gettext_lazy("In or out of the wallet"))
    def difference(self, correction: Correction) -> str:
        return words.short(correction.to_uy - correction.from_uy, "CNY", signed=True)

    @admin.display(description=gettext_lazy("Number of the payment at the bank"))
    def bank_number(self, correction: Correction) -> str:
        return correction.topup.bank_reference or desk.NONE

    @admin.display(description=gettext_lazy("Available in the wallet now"))
    def available(self, correction: Correction) -> str:
        return words.short(floor_fen(max(0, queries.wallet_uy(correction.topup.organisation) or 0)), "CNY")

    @admin.display(description=gettext_lazy("missing"))
    def lacks(self, correction: Correction) -> str:
        waits = correction.state == Correction.State.SHORT
        return words.short(ceil_to(corrections.missing_uy(correction), FEN_UY), "CNY") if waits else desk.NONE

    @admin.display(description=gettext_lazy("The wrong booking"))
    def wrong(self, correction: Correction) -> str | SafeString:
        return desk.journal_link(correction.journal)

    @admin.display(description=gettext_lazy("Every step"))
    def steps(self, correction: Correction) -> str | SafeString:
        return desk.steps_of(subject_of(correction), STEPS | {"waiting": _("correction asked for")})

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.decide)
        return [path("<int:pk>/decide/", view, name="billing_correction_decide"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = Correction.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        may = request.user.has_perm("billing.change_topup")  # type: ignore[union-attr]
        seen: dict[str, Any] = {}
        if found is not None:
            is_own = impartial.is_own(found.topup.organisation, request.user)
            may = may and not is_own
            short = found.state == Correction.State.SHORT
            missing = ceil_to(corrections.missing_uy(found), FEN_UY) if found.state in Correction.OPEN else 0
            seen = {
                "name": found.topup.reference,
                "title": _("Correction of a top-up"),
                "subtitle": found.topup.reference,
                "decide_url": reverse("admin:billing_correction_decide", args=[found.pk]),
                "what_happens": _("After your confirmation both bookings are made at once."),
                "missing": missing,
                "figures": [] if missing else wallet_after(found.topup, found.to_uy - found.from_uy),
                "is_own": is_own,
                "may_decline": may and found.state in Correction.OPEN,
                "may_execute": may and short and not missing,
                "may_confirm": may
                and found.state == Correction.State.WAITING
                and found.asked_by_id != request.user.pk,
            }
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:billing_correction_change", object_id)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        may_book(request)
        correction = get_object_or_404(Correction.objects.select_related("topup__organisation"), pk=pk)
        if request.method == "POST":
            now, user = clock.now(), request.user
            try:
                if "confirm" in request.POST:
                    done = corrections.confirm(correction=correction, user=user, now=now)  # type: ignore[arg-type]
                elif "execute" in request.POST:
                    done = corrections.execute(correction=correction, user=user, now=now)  # type: ignore[arg-type]
                else:
                    text = request.POST.get("text", "")[:300]
                    done = corrections.decline(correction=correction, reason=text, user=user, now=now)  # type: ignore[arg-type]
            except Refused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                self.message_user(request, said(done), messages.SUCCESS)
        return redirect("admin:billing_correction_change", pk)
