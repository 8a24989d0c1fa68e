"""Staff: withdrawals to pay through the bank. Whoever asked first stands on top."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bank.ledger import desk, words
from portal.accounts import impartial
from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import Refused
from portal.core.words import local, yuan
from portal.history.actions import subject_of

from .. import withdrawals
from ..models import Withdrawal

State = Withdrawal.State
STEPS = {state.value: state.label for state in State}
DONE = {
    "begin": gettext_lazy("It is yours: send the transfer now, then enter its number here."),
    "approve": gettext_lazy("Approved. Somebody else must send the transfer and book it."),
    "pay": gettext_lazy("Booked: the money has left the wallet."),
    "refuse": gettext_lazy("Refused. The money is available to the company again; it reads your reason."),
    "came_back": gettext_lazy("Booked: the money is in the wallet again; the company reads your reason."),
}


def may_pay(request: HttpRequest) -> bool:
    return request.user.has_perm("billing.change_withdrawal")  # type: ignore[union-attr]


@admin.register(Withdrawal)
class WithdrawalAdmin(desk.Desk):
    """Withdrawals to pay: asked for or being paid."""

    change_form_template = "admin/billing/withdrawal.html"
    list_display = ("reference", "company", "amount", "account_short", "state", "created_at", "begun_by", "opening")
    list_filter = ("state",)
    list_select_related = ("organisation", "begun_by")
    search_fields = ("reference", "organisation__name", "bank_reference", "organisation__uscc", "=public_id")
    search_help_text = gettext_lazy("code, company, or the number at the bank")
    ordering = ("created_at", "id")
    fieldsets = (
        (None, {"fields": ("company", "amount_exact", "holder", "bank_name", "account_number", "reference", "state",
                           "created_at", "begun_by", "begun_at", "bank_reference", "paid_on", "reason")}),
        (gettext_lazy("History"), {"fields": ("steps",)}),
        (gettext_lazy("In the books"), {"fields": ("journals",)}),
        desk.technical("public_id", "key"),
    )  # fmt: skip

    @admin.display(description=gettext_lazy("Company"), ordering="organisation__name")
    def company(self, withdrawal: Withdrawal) -> str | SafeString:
        return desk.company_link(withdrawal.organisation)

    @admin.display(description=gettext_lazy("CNY"), ordering="amount_uy")
    def amount(self, withdrawal: Withdrawal) -> str:
        return yuan(withdrawal.amount_uy)

    @admin.display(description=gettext_lazy("Amount"))
    def amount_exact(self, withdrawal: Withdrawal) -> str:
        return words.exact(withdrawal.amount_uy, "CNY")

    @admin.display(description=gettext_lazy("To the account"))
    def account_short(self, withdrawal: Withdrawal) -> str:
        return withdrawal.account

    @admin.display(description=gettext_lazy("Every step"))
    def steps(self, withdrawal: Withdrawal) -> str | SafeString:
        return desk.steps_of(subject_of(withdrawal), STEPS)

    @admin.display(description=gettext_lazy("Every movement"))
    def journals(self, withdrawal: Withdrawal) -> str | SafeString:
        return desk.journals_of(subject_of(withdrawal))

    @admin.display(description="")
    def opening(self, withdrawal: Withdrawal) -> str | SafeString:
        if withdrawal.state not in Withdrawal.OPEN:
            return withdrawal.bank_reference
        url = reverse("admin:billing_withdrawal_change", args=[withdrawal.pk])
        return format_html('<a class="button" href="{}">{}</a>', url, _("Pay it …"))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.decide)
        return [path("<int:pk>/decide/", view, name="billing_withdrawal_decide"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = Withdrawal.objects.filter(pk=object_id).select_related("organisation", "begun_by").first() if (
            object_id.isdigit()) else None  # fmt: skip
        two = found is not None and withdrawals.needs_two(found.amount_uy)
        is_own = found is not None and impartial.is_own(found.organisation, request.user)
        seen = {
            "withdrawal": found,
            "is_own": is_own,
            "may_pay": found is not None and may_pay(request) and not is_own,
            "needs_two": two,
            "must_be_another": two and found is not None and found.begun_by_id == request.user.pk,
            "today": local(clock.now()).date(),
        }
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Its steps stand on its page; Django's own log knows nothing of them."""
        return redirect("admin:billing_withdrawal_change", object_id)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Begin to pay, paid, refuse, came back: one press each. What was typed stays when it is refused."""
        if not may_pay(request):
            raise PermissionDenied
        found = get_object_or_404(Withdrawal.objects.select_related("organisation", "hold"), pk=pk)
        if request.method != "POST":
            return redirect("admin:billing_withdrawal_change", pk)
        verb, user = request.POST.get("verb", ""), request.user
        if (seen := request.POST.get("seen")) in State.values:
            found.state = seen  # as the person saw it: somebody else may have been faster
        try:
            self._do(verb, found, user, request)  # type: ignore[arg-type]
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            two = verb == "begin" and withdrawals.needs_two(found.amount_uy)
            self.message_user(request, DONE["approve" if two else verb], messages.SUCCESS)
        return redirect("admin:billing_withdrawal_change", pk)

    def _do(self, verb: str, found: Withdrawal, user: User, request: HttpRequest) -> None:
        now, reason = clock.now(), request.POST.get("reason", "")
        if verb == "begin":
            withdrawals.begin(withdrawal=found, user=user, now=now)
        elif verb == "pay":
            try:
                paid_on = date.fromisoformat(request.POST.get("paid_on", ""))
            except ValueError:
                raise Refused("paid_on_wrong") from None
            number = request.POST.get("bank_reference", "")
            withdrawals.pay(withdrawal=found, bank_reference=number, paid_on=paid_on, user=user, now=now)
        elif verb == "refuse":
            withdrawals.refuse(withdrawal=found, reason=reason, user=user, now=now)
        elif verb == "came_back":
            withdrawals.came_back(withdrawal=found, reason=reason, user=user, now=now)
        else:
            raise Http404
