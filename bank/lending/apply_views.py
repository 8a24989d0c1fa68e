"""Asking for a loan: choose hours and a loan, see what it would mean, a question, then the pledge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from portal import policy
from portal.accounts.access import FINANCE, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.core.templatetags.suanli import banked, percent, yuan

from . import actions, outlook, queries
from .asking import ask, is_sure
from .forms import ApplyForm, all_of
from .views import actor, borrower_only


@company_view(FINANCE)
def apply(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Choose hours and a loan; a question; then the hours are pledged and the lenders see it."""
    borrower_only(organisation)
    now, here = clock.now(), reverse("lending:loans", args=[organisation.slug])
    rows = [row for row in queries.pledgeable(organisation, now) if row.index]
    data = request.POST or (request.GET if "months" in request.GET else None)
    form = ApplyForm(data, rows=rows, initial={"months": outlook.USUAL_MONTHS} | _all_hours(request, rows))
    if request.method == "POST" and form.is_valid():
        row, cms, amount = form.row(), form.cms(form.row().free_cms), form.amount_uy()
        try:
            _check(row, cms, amount)
            if not is_sure(request):
                return _ask_to_pledge(request, form, now)
            made = actions.apply(
                organisation=organisation,
                resource_class=row.resource_class,
                pledge_cms=cms,
                amount_uy=amount,
                months=form.cleaned_data["months"],
                purpose=form.cleaned_data["purpose"],
                now=now,
                actor=actor(request),
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The hours are pledged, and the lenders see your application."))
            return redirect("lending:application", organisation.slug, made.public_id)
    chosen, seen = _outlook(form, rows, now)
    return render(
        request,
        "lending/apply",
        {
            # what is worked out on the way has nothing to complain about yet
            "form": form if request.method == "POST" else ApplyForm(rows=rows, initial=_written(form)),
            "rows": rows,
            "back_url": here,
            "chosen": chosen,
            "all_hours": all_of(chosen.free_cms) if chosen else "",
            "outlook": seen,
        },
        fragment="lending/_counts",
        status=422 if request.method == "POST" and form.errors else 200,
    )


def _all_hours(request: HttpRequest, rows: Sequence[queries.Pledgeable]) -> dict[str, Any]:
    """?hours=all: the form with all free hours of a class written in."""
    key = request.GET.get("resource_class")
    row = next((r for r in rows if key in (None, r.resource_class.key)), None)
    if row is None or request.GET.get("hours") != "all":
        return {}
    return {"resource_class": row.resource_class.key, "hours": all_of(row.free_cms)}


def _written(form: ApplyForm) -> dict[str, Any]:
    return {name: form.data.get(name) for name in form.fields if form.data.get(name)} or dict(form.initial)


def _outlook(form: ApplyForm, rows: Sequence[queries.Pledgeable], now: Any) -> tuple[Any, outlook.Outlook | None]:
    """From whatever of the form makes sense already."""
    if form.is_bound:
        form.is_valid()
    known = getattr(form, "cleaned_data", {})
    row = form.rows.get(known.get("resource_class", ""), rows[0] if rows else None)
    if row is None:
        return None, None
    cms = form.cms(row.free_cms) if known.get("resource_class") and known.get("hours") else None
    amount = form.amount_uy() if known.get("amount") else None
    return row, outlook.of(row, cms=cms, amount_uy=amount, months=known.get("months"), now=now)


def _check(row: queries.Pledgeable, cms: int, amount: int) -> None:
    """Say before the question what the action would say after it."""
    most = queries.collateral.most_uy(queries.worth(cms, row.index), policy.LTV_ORIGINATION_PPM)
    if cms > row.free_cms:
        raise Refused("too_many_hours", available_cms=row.free_cms)
    if amount > most:
        raise Refused("above_ltv", most_uy=most)


def _ask_to_pledge(request: HttpRequest, form: ApplyForm, now: Any) -> HttpResponse:
    cms, amount, months = form.cms(form.row().free_cms), form.amount_uy(), form.cleaned_data["months"]
    seen = outlook.of(form.row(), cms=cms, amount_uy=amount, months=months, now=now)
    value = seen.value_uy if seen else 0
    return ask(
        request,
        form=form,
        title=_("Pledge these hours?"),
        label=_("Pledge and ask"),
        danger=True,
        back_url=request.path,
        text=_("They cannot be spent while they are pledged. Withdraw the application and they are free at once."),
        outlook=seen,
        lines=[
            {"label": _("Banked hours pledged"), "text": banked(cms)},
            {"label": _("They count for"), "text": yuan(value, "most")},  # down, as on every page
            {"label": _("Loan to value"), "text": f"{percent(queries.collateral.ltv_ppm(amount, value))} %"},
            {"label": _("You ask for"), "amount_uy": amount, "total": True},
        ],
    )
