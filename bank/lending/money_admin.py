"""Staff: credit limits and lenders' payments. Looked at once more before they are sent; large ones need two persons."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from bank.ledger import desk, words
from portal.accounts import impartial
from portal.accounts.models import Organisation
from portal.accounts.queries import people_by_actor
from portal.core import clock
from portal.core.errors import Refused
from portal.core.money import CNY_UY
from portal.history.actions import subject_of
from portal.history.models import Step
from portal.history.words import who_of

from . import actions, queries, terms
from .actions import proposals
from .models import CreditLimit, LenderPayment, Proposal

LENDER = Organisation.Role.LENDER
STEPS = {
    "waiting": _("asked for"),
    "done": _("confirmed and carried out"),
    "declined": _("declined"),
    "withdrawn": _("withdrawn"),
}


class LimitForm(forms.Form):
    """A limit and why."""

    organisation = forms.ModelChoiceField(
        Organisation.objects.exclude(role=LENDER).order_by("name"), label=_("Company")
    )
    limit = forms.DecimalField(
        label=_("Limit, CNY"), min_value=0, decimal_places=2, max_value=terms.CREDIT_LIMIT_MOST_UY // CNY_UY
    )
    reason = forms.CharField(
        label=_("Reason; it stays in the history with your name:"), max_length=300,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )  # fmt: skip


class PaymentForm(forms.Form):
    """What the bank statement says."""

    lender = forms.ModelChoiceField(Organisation.objects.filter(role=LENDER).order_by("name"), label=_("Lender"))
    amount = forms.DecimalField(
        label=_("Amount that arrived, CNY"), min_value=Decimal("0.01"), decimal_places=2, max_value=10**9
    )
    bank_reference = forms.CharField(label=_("Number of the payment at the bank"), max_length=60)


class Signed(ChangeList):
    """A page of rows with the person who signed each; one query for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        people = people_by_actor(Step(actor=row.actor) for row in self.result_list)
        for row in self.result_list:
            row.signed = who_of(row.actor, people)


class Asked(desk.Desk):
    """Added through a form, a look at what will change, and an action; afterwards only looked at."""

    form_class: type[forms.Form]
    sum_field = "amount"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Signed

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(f"lending.add_{self.model._meta.model_name}")  # type: ignore[union-attr]

    def seen(self, data: dict[str, Any]) -> tuple[list[tuple[str, Any]], bool]:
        """What is looked at before it is sent, and whether it needs two."""
        raise NotImplementedError

    def send(self, data: dict[str, Any], **who: Any) -> CreditLimit | LenderPayment | Proposal:
        raise NotImplementedError

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.form_class(request.POST or None)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request), "opts": self.model._meta, "form": form,
            "title": _t("Book a lender's payment") if self.model is LenderPayment else _t("Set a credit limit"),
        }  # fmt: skip
        if request.method == "POST" and form.is_valid():
            if request.POST.get("sure") == request.POST.get(self.sum_field):
                try:
                    made = self.send(form.cleaned_data, user=request.user, now=clock.now())
                except Refused as refused:
                    messages.error(request, str(refused))
                else:
                    self.message_user(request, said(made), messages.SUCCESS)
                    name = made._meta.model_name
                    return redirect(f"admin:lending_{name}_change", made.pk)
            else:
                context["rows"], context["two"] = self.seen(form.cleaned_data)
                context["sure"] = request.POST.get(self.sum_field)
        return TemplateResponse(request, "admin/lending/ask.html", context)


@admin.register(CreditLimit)
class CreditLimitAdmin(Asked):
    """The history of every limit; a new row is the limit in force."""

    form_class = LimitForm
    sum_field = "limit"
    list_display = ("company", "limit_shown", "before_shown", "reason", "who", "created_at")
    search_fields = ("organisation__name", "organisation__uscc", "reason")
    list_select_related = ("organisation",)
    fields = ("company", "limit_shown", "before_shown", "reason", "who", "created_at")

    def seen(self, data: dict[str, Any]) -> tuple[list[tuple[str, Any]], bool]:
        company, limit = data["organisation"], int(data["limit"] * CNY_UY)
        before, credit = proposals.limit_of(company), queries.credit(company)
        rows = [
            (_t("Company"), company.name),
            (_t("Limit now"), words.short(before, "CNY")),
            (_t("Limit afterwards"), words.short(limit, "CNY")),
            (_t("Of it used today"), words.short(credit.used_uy, "CNY")),
            (_t("Reason"), data["reason"]),
        ]
        return rows, proposals.limit_needs_two(before, limit)

    def send(self, data: dict[str, Any], **who: Any) -> CreditLimit | Proposal:
        limit = int(data["limit"] * CNY_UY)
        return actions.propose_limit(organisation=data["organisation"], limit_uy=limit, reason=data["reason"], **who)

    @admin.display(description=_("Company"), ordering="organisation__name")
    def company(self, row: CreditLimit) -> str | SafeString:
        return desk.company_link(row.organisation)

    @admin.display(description=_("Limit"), ordering="limit_uy")
    def limit_shown(self, row: CreditLimit) -> str:
        return words.short(row.limit_uy, "CNY")

    @admin.display(description=_("Before"))
    def before_shown(self, row: CreditLimit) -> str:
        return words.short(row.before_uy, "CNY")

    @admin.display(description=_("Who"))
    def who(self, row: CreditLimit) -> str:
        return getattr(row, "signed", "") or desk.who(row.actor)


@admin.register(LenderPayment)
class LenderPaymentAdmin(Asked):
    """Lenders' bank transfers."""

    form_class = PaymentForm
    list_display = ("company", "amount_shown", "bank_reference", "who", "created_at")
    search_fields = ("lender__name", "bank_reference")
    list_select_related = ("lender",)
    fields = ("company", "amount_shown", "bank_reference", "who", "created_at")

    def seen(self, data: dict[str, Any]) -> tuple[list[tuple[str, Any]], bool]:
        lender, amount = data["lender"], int(data["amount"] * CNY_UY)
        free = queries.lender_cash(lender).free_uy
        rows = [
            (_t("Lender"), lender.name),
            (_t("Free to lend now"), words.short(free, "CNY")),
            (_t("Arrived"), words.short(amount, "CNY")),
            (_t("Free to lend afterwards"), words.short(free + amount, "CNY")),
            (_t("Number of the payment at the bank"), data["bank_reference"]),
        ]
        return rows, proposals.payment_needs_two(amount)

    def send(self, data: dict[str, Any], **who: Any) -> LenderPayment | Proposal:
        return actions.propose_payment(
            lender=data["lender"], amount_uy=int(data["amount"] * CNY_UY), bank_reference=data["bank_reference"], **who
        )

    @admin.display(description=_("Lender"), ordering="lender__name")
    def company(self, row: LenderPayment) -> str | SafeString:
        return desk.company_link(row.lender)

    @admin.display(description=_("Arrived"), ordering="amount_uy")
    def amount_shown(self, row: LenderPayment) -> str:
        return words.short(row.amount_uy, "CNY")

    @admin.display(description=_("Who"))
    def who(self, row: LenderPayment) -> str:
        return getattr(row, "signed", "") or desk.who(row.actor)


@admin.register(Proposal)
class ProposalAdmin(desk.Desk):
    """Limits and lenders' payments that wait for a second person, and what was decided."""

    change_form_template = "admin/decide.html"
    list_display = ("kind", "company", "before", "amount", "text", "state", "asked_by", "asked_at", "decided_by")
    list_filter = ("state", "kind")
    list_select_related = ("organisation", "asked_by", "decided_by")
    search_fields = ("organisation__name", "text", "=public_id")
    ordering = ("-state", "asked_at")
    fieldsets = (
        (None, {"fields": ("kind", "company", "before", "amount", "text", "state", "asked_by", "asked_at", "decided_by",
                           "decided_at")}),
        (_("History"), {"fields": ("steps",)}),
        desk.technical("public_id"),
    )  # fmt: skip

    @admin.display(description=_("Company"), ordering="organisation__name")
    def company(self, row: Proposal) -> str | SafeString:
        return desk.company_link(row.organisation)

    @admin.display(description=_("Before"))
    def before(self, row: Proposal) -> str:
        return words.short(row.before_uy, "CNY") if row.kind == Proposal.Kind.LIMIT else desk.NONE

    @admin.display(description=_("Afterwards, or arrived"), ordering="amount_uy")
    def amount(self, row: Proposal) -> str:
        return words.short(row.amount_uy, "CNY")

    @admin.display(description=_("Every step"))
    def steps(self, row: Proposal) -> str | SafeString:
        return desk.steps_of(subject_of(row), STEPS)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.decide)
        return [path("<int:pk>/decide/", view, name="lending_proposal_decide"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = Proposal.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        seen: dict[str, Any] = {}
        if found is not None:
            is_own = impartial.is_own(found.organisation, request.user)
            waits = found.state == Proposal.State.WAITING and _may(request, found) and not is_own
            seen = {
                "name": found.organisation.name,
                "title": _t("Limit or payment to confirm"),
                "subtitle": found.organisation.name,
                "decide_url": reverse("admin:lending_proposal_decide", args=[found.pk]),
                "what_happens": _t("After your confirmation it is in force at once."),
                "figures": _before_and_after(found) if waits else [],
                "is_own": is_own,
                "may_decline": waits,
                "may_confirm": waits and found.asked_by_id != request.user.pk,
            }
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:lending_proposal_change", object_id)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        proposal = get_object_or_404(Proposal.objects.select_related("organisation"), pk=pk)
        if not _may(request, proposal):
            raise PermissionDenied
        if request.method == "POST":
            who: dict[str, Any] = {"proposal": proposal, "user": request.user, "now": clock.now()}
            try:
                if "confirm" in request.POST:
                    done = actions.confirm(**who)
                else:
                    done = actions.give_up(**who, reason=request.POST.get("text", "")[:300])
            except Refused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                self.message_user(request, said(done), messages.SUCCESS)
        return redirect("admin:lending_proposal_change", pk)


def _before_and_after(proposal: Proposal) -> list[tuple[str, str]]:
    """What the second person changes: the limit, or what the lender may lend."""
    if proposal.kind == Proposal.Kind.LIMIT:
        before, after, labels = proposal.before_uy, proposal.amount_uy, (_t("Limit now"), _t("Limit afterwards"))
    else:
        before = queries.lender_cash(proposal.organisation).free_uy
        after, labels = before + proposal.amount_uy, (_t("Free to lend now"), _t("Free to lend afterwards"))
    amounts = [words.short(amount, "CNY") for amount in (before, after)]
    return [(_t("Company"), proposal.organisation.name), *zip(labels, amounts, strict=True)]


def _may(request: HttpRequest, proposal: Proposal) -> bool:
    model = "creditlimit" if proposal.kind == Proposal.Kind.LIMIT else "lenderpayment"
    return request.user.has_perm(f"lending.add_{model}")  # type: ignore[union-attr]


def said(made: CreditLimit | LenderPayment | Proposal) -> str:
    """What became of it, in a sentence."""
    if isinstance(made, Proposal):
        if made.state == Proposal.State.WAITING:
            return _t("Kept. Nothing has moved yet: a second person must confirm it.")
        if made.state == Proposal.State.WITHDRAWN:
            return _t("Withdrawn. Nothing has moved.")
        if made.state == Proposal.State.DECLINED:
            return _t("Declined. Nothing has moved.")
        return _t("Confirmed. It is in force.")
    if isinstance(made, CreditLimit):
        return _t("The credit limit of {company} is {amount} now.").format(
            company=made.organisation, amount=words.short(made.limit_uy, "CNY")
        )
    return _t("{amount} of {company} is booked.").format(
        amount=words.short(made.amount_uy, "CNY"), company=made.lender
    )
