"""Pages of cash out: asking for it, all of them, and one with its steps. Owner and finance only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import policy
from portal.accounts.access import FINANCE, company_view
from portal.accounts.models import Organisation
from portal.accounts.queries import words_of_decision
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.core.ids import public_id as fresh_id
from portal.core.money import CNY_UY
from portal.core.templatetags.suanli import cny

from . import queries, withdrawals
from .models import Withdrawal

PAGE = 25


class WithdrawForm(forms.Form):
    amount = forms.DecimalField(
        label=gettext_lazy("Amount in CNY"),
        decimal_places=2,
        max_digits=15,
        min_value=0,
        error_messages={
            "required": gettext_lazy("Write an amount in yuan."),
            "max_decimal_places": gettext_lazy("A bank moves whole fen: at most two decimals."),
        },
    )
    bank_name = forms.CharField(label=gettext_lazy("Bank and branch"), max_length=80)
    account_number = forms.CharField(
        label=gettext_lazy("Account number"),
        max_length=60,
        help_text=gettext_lazy("8 to 30 digits; blanks and dashes do not matter"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def clean_account_number(self) -> str:
        try:
            return withdrawals.account_number_of(self.cleaned_data["account_number"])
        except Refused as refused:
            raise ValidationError(str(refused)) from None

    def amount_uy(self) -> int:
        return int(self.cleaned_data["amount"] * CNY_UY)


@company_view(FINANCE)
def withdraw(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """What can be withdrawn and why not more; an amount and the account; and the question before it is reserved."""
    now = clock.now()
    figures, said = queries.withdrawable(organisation), withdrawals.objection(organisation, now)
    in_review = organisation.state == Organisation.State.REGISTERED
    last = Withdrawal.objects.filter(organisation=organisation).first()
    known = {"bank_name": last.bank_name, "account_number": last.account_number} if last else None
    form = WithdrawForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("sure") != "1":
                withdrawals.check_amount(form.amount_uy(), figures)
                return _are_you_sure(request, organisation, form, figures)
            made = withdrawals.ask(
                organisation=organisation,
                amount_uy=form.amount_uy(),
                bank_name=form.cleaned_data["bank_name"],
                account_number=form.cleaned_data["account_number"],
                key=request.POST.get("key", "")[:60] or fresh_id("key"),
                user=request.user,  # type: ignore[arg-type]
                now=now,
                actor=f"user:{request.user.pk}",
            )
            return redirect("billing:withdrawal", organisation.slug, made.public_id)
        except Refused as refused:
            form.add_error(None, str(refused))
    return render(
        request,
        "billing/withdraw",
        {
            "organisation": organisation,
            "form": form,
            "said": said,
            "in_review": in_review,
            "words": words_of_decision(organisation) if in_review else "",
            "least_uy": policy.WITHDRAWAL_LEAST_UY,
            "most_uy": figures.most_uy,
            "lines": _why_not_more(figures, in_review),
        },
        status=422 if form.errors else 200,
    )


def _why_not_more(figures: queries.Withdrawable, in_review: bool) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [
        {
            "label": _("Available in the wallet"),
            "amount_uy": figures.available_uy,
            "note": _("without what is reserved, and without the credit limit"),
        }
    ]
    if figures.gift_uy:
        lines.append(
            {
                "label": _("Welcome credit not spent yet"),
                "amount_uy": -figures.gift_uy,
                "note": _("a gift: it pays for orders, before your own money, and is not paid out"),
            }
        )
    label = _("Can be withdrawn once approved") if in_review else _("Can be withdrawn")
    return [*lines, {"label": label, "amount_uy": figures.most_uy, "total": True}]


def _are_you_sure(
    request: HttpRequest, organisation: Organisation, form: WithdrawForm, figures: queries.Withdrawable
) -> HttpResponse:
    amount, number = form.amount_uy(), form.cleaned_data["account_number"]
    values = {name: request.POST.get(name, "") for name in form.fields} | {"sure": "1", "key": fresh_id("key")}
    return render(
        request,
        "billing/withdraw_sure",
        {
            "title": _("Withdraw {amount}?").format(amount=cny(amount)),
            "text": _("The money is reserved now. Until our staff begin to pay it you can take it back."),
            "label": _("Withdraw to the bank"),
            "action": request.path,
            "back_url": request.path,
            "danger": True,
            "fields": [{"name": n, "value": v} for n, v in values.items()],
            "lines": [
                {"label": _("Account holder"), "text": organisation.name},
                {"label": _("Bank and branch"), "text": form.cleaned_data["bank_name"]},
                {"label": _("Account number"), "text": number},
                {"label": _("Stays available"), "amount_uy": figures.available_uy - amount},
                {"label": _("You withdraw"), "amount_uy": amount, "total": True},
            ],
        },
    )


@company_view(FINANCE)
def withdrawals_of(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """All withdrawals of a company, newest first; filter and cursor stand in the URL."""
    state, before = request.GET.get("state", ""), request.GET.get("before", "")
    rows = Withdrawal.objects.filter(organisation=organisation)
    if state == "open":
        rows = rows.filter(state__in=Withdrawal.OPEN)
    elif state in Withdrawal.State.values:
        rows = rows.filter(state=state)
    if before:
        if not (before.isascii() and before.isdigit() and len(before) <= 18):
            raise Http404
        rows = rows.filter(pk__lt=int(before))
    page = list(rows[: PAGE + 1])
    here = reverse("billing:withdrawals", args=[organisation.slug])
    return render(
        request,
        "billing/withdrawals",
        {
            "organisation": organisation,
            "withdrawals": page[:PAGE],
            "state": state,
            "states": [("", _("All")), ("open", _("Under way")), *Withdrawal.State.choices[2:]],
            "newest": f"{here}?state={state}" if before else "",
            "older": f"{here}?state={state}&before={page[PAGE - 1].pk}" if len(page) > PAGE else "",
        },
    )


@company_view(FINANCE)
def withdrawal(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One withdrawal and its steps; a press takes it back while nobody has begun to pay it."""
    found = get_object_or_404(Withdrawal, organisation=organisation, public_id=public_id)
    found.organisation = organisation
    if request.method == "POST":
        try:
            withdrawals.take_back(withdrawal=found, now=clock.now(), actor=f"user:{request.user.pk}")
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(
                request, _("Taken back: {amount} is available again.").format(amount=cny(found.amount_uy))
            )
        return redirect("billing:withdrawal", organisation.slug, public_id)
    return render(
        request,
        "billing/withdrawal",
        {
            "withdrawal": found,
            "steps": queries.steps_of_withdrawal(found),
            "is_open": found.state in found.OPEN,
            "demo": settings.DEMO,
        },
        fragment="billing/_withdrawal",
    )
