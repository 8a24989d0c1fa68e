"""Pages of this room: the wallet, topping it up, and the month's bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from portal import policy
from portal.accounts.access import BUYER, FINANCE, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.fragments import render
from portal.core.money import CNY_UY, FEN_UY, ceil_to
from portal.core.words import floor_fen, yuan

from . import actions, demo, queries
from .models import Bill, Booking, Correction, TopUp

SUGGESTED_CNY = (100, 300, 500, 1000)


class TopUpForm(forms.Form):
    amount = forms.DecimalField(
        label=gettext_lazy("Amount in CNY"), min_value=1, max_value=10_000_000, decimal_places=2
    )

    def amount_uy(self) -> int:
        return int(self.cleaned_data["amount"] * CNY_UY)


@company_view()
def wallet(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Available, reserved, on its way; and every line with where it came from."""
    figures = queries.wallet(organisation)
    before = request.GET.get("before") or None
    try:
        rows, cursor = queries.statement_rows(organisation, figures.account, before=before)
    except ValueError:
        raise Http404 from None
    return render(
        request,
        "billing/wallet",
        {
            "figures": figures,
            "limit_uy": policy.UNAPPROVED_ORDER_LIMIT_UY,
            "rows": rows,
            "before": before,
            "older": f"?before={cursor}" if cursor else "",
            "bills": Bill.objects.filter(organisation=organisation)[:12],
            "stats": [
                {
                    "label": _("Available to spend"),
                    "amount_uy": floor_fen(figures.available_uy),  # as in the masthead: what stands here may be spent
                    "note": _("what is there, less what is reserved; exactly {amount}").format(
                        amount=yuan(figures.available_uy, exact=True)
                    )
                    if figures.available_uy != floor_fen(figures.available_uy)
                    else _("what is there, less what is reserved"),
                },
                {
                    "label": _("Reserved"),
                    "amount_uy": figures.held_uy,
                    "note": _("{amount} of it for your bank").format(amount=yuan(figures.leaving_uy))
                    if figures.leaving_uy
                    else _("for orders and model calls under way"),
                    "url": _where_reserved(request, organisation, figures),
                },
                {
                    "label": pgettext("top-ups", "Announced"),
                    "amount_uy": figures.coming_uy,
                    "note": _("bank transfers that have not arrived yet"),
                },
            ],
        },
    )


def _where_reserved(request: HttpRequest, organisation: Organisation, figures: queries.WalletFigures) -> str:
    """The withdrawals where there are some, for those who may see them; else the orders."""
    may_see = request.membership.role != BUYER  # type: ignore[attr-defined]
    name = "billing:withdrawals" if figures.leaving_uy and may_see else "orders:list"
    return reverse(name, args=[organisation.slug]) + "?state=open"


@company_view(FINANCE, BUYER)
def topup(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Announce a bank transfer. `?missing=…&quote=…`, or `?needs=…&order=…`, suggests an amount and leads back."""
    missing, back = _asked(request, organisation)
    initial = {"amount": Decimal(ceil_to(missing, FEN_UY)) / CNY_UY} if missing else None
    form = TopUpForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        made = actions.request_topup(
            organisation=organisation,
            amount_uy=form.amount_uy(),
            user=request.user,
            now=clock.now(),
            actor=f"user:{request.user.pk}",
            return_to=back,
        )
        return redirect("billing:topup_detail", organisation.slug, made.public_id)
    return render(
        request,
        "billing/topup",
        {"form": form, "missing": missing, "suggested": SUGGESTED_CNY},
        status=422 if form.errors else 200,
    )


def _asked(request: HttpRequest, organisation: Organisation) -> tuple[int, str]:
    """(what is missing, the page that waits for it) from the link that a quote or an order made."""
    missing, needs = (int(x) if (x := request.GET.get(name, "")).isdigit() else 0 for name in ("missing", "needs"))
    if needs:
        missing = max(0, needs - (queries.wallet_uy(organisation) or 0))
    for name, page in (("quote", "orders:quote"), ("order", "orders:detail")):
        if (public_id := request.GET.get(name, "")).isidentifier():
            return missing, reverse(page, args=[organisation.slug, public_id])
    return missing, ""


@company_view(FINANCE, BUYER)
def topup_detail(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """The reference code to write into the transfer; says at once when the money is there."""
    found = get_object_or_404(TopUp, organisation=organisation, public_id=public_id)
    if request.method == "POST" and request.POST.get("do") == "demo":
        if not settings.DEMO:
            raise Http404
        demo.book(topup=found, now=clock.now())
        return redirect("billing:topup_detail", organisation.slug, public_id)
    if request.method == "POST":
        actions.cancel_topup(topup=found, now=clock.now(), actor=f"user:{request.user.pk}")
        messages.success(
            request,
            _("Cancelled. If you have sent the money already, it will still be booked under its code."),
        )
        return redirect("billing:wallet", organisation.slug)
    context: dict[str, Any] = {"topup": found, "bank": _bank(), "contact": policy.CONTACT, "demo": bool(settings.DEMO)}
    if found.state in (TopUp.State.REVERSED, TopUp.State.BOOKED):
        context["corrected"] = found.corrections.filter(state=Correction.State.DONE).first()
    else:
        context["has_clerk"] = bool(demo.clerks())
        context["checked"] = found.bookings.filter(state=Booking.State.WAITING).exists()
    return render(request, "billing/topup_detail", context, fragment="billing/_topup_detail")


def _bank() -> dict[str, str]:
    """The account to pay into; a made-up one in a demonstration, none where the operator has not said which."""
    if policy.BANK_NUMBER:
        return {"holder": policy.BANK_HOLDER, "name": policy.BANK_NAME, "number": policy.BANK_NUMBER}
    if settings.DEMO:
        return {"holder": _("Demonstration operator"), "name": _("Demonstration bank"), "number": "0000 0000 0000 0000"}
    return {}


@company_view()
def bill(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """A closed month, made to be printed."""
    found = get_object_or_404(Bill, organisation=organisation, public_id=public_id)
    return render(request, "billing/bill", {"bill": found, "charges": found.charges.order_by("settled_at")})
