"""A provider's own shelf: drafts, prices, the preview that buyers would see, and every step after."""

from __future__ import annotations

from types import SimpleNamespace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import BUYER, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render

from . import actions, hooks, queries
from .forms import OfferingForm, PriceForm
from .models import Offering
from .pricing import cap_uy

STEPS = {
    "submit": actions.submit,
    "take-back": actions.withdraw_submission,
    "pause": actions.pause,
    "resume": actions.resume,
    "archive": actions.archive,
}


@require_GET
@company_view()
def offerings(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    rows = queries.offerings_of(organisation, now=clock.now())
    return render(request, "catalogue/offerings", {"organisation": organisation, "rows": rows})


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def create(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    stand = {field: row for choose in hooks.first_choices for field, row in choose(organisation).items()}
    form = OfferingForm(request.POST or None, initial=stand)
    if request.method == "POST" and form.is_valid():
        made = actions.create_offering(
            provider=organisation, actor=_actor(request), now=clock.now(), **form.cleaned_data
        )
        return redirect("catalogue:offering", slug=organisation.slug, public_id=made.public_id)
    context = {"organisation": organisation, "form": form}
    return render(request, "catalogue/offering_new", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def offering(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One offering: what to do next, its details while it is a draft, its prices."""
    row = _own(organisation, public_id)
    form = OfferingForm(request.POST or None, offering=row)
    if request.method == "POST" and form.is_valid():
        actions.update_draft(offering=row, actor=_actor(request), now=clock.now(), **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("catalogue:offering", slug=organisation.slug, public_id=public_id)
    return _page(request, organisation, row, form=form)


@require_GET
@company_view()
def preview(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    row = _own(organisation, public_id)
    page = queries.preview(row, now=clock.now())
    card = queries.Card(package=row.package, best=page.best, picture=page.picture)
    context = {"organisation": organisation, "offering": row, "page": page, "card": card}
    return render(request, "catalogue/offering_preview", context)


@require_POST
@company_view(BUYER)
def price(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Try a price (the most it can cost is shown) or set it."""
    row = _own(organisation, public_id)
    form = PriceForm(request.POST)
    if not form.is_valid():
        return _page(request, organisation, row, price_form=form)
    if "try" in request.POST:
        tried = SimpleNamespace(**form.cleaned_data)
        cap = cap_uy(tried, row.package.sizing_default)
        return _page(request, organisation, row, price_form=form, tried_uy=cap)
    try:
        actions.set_price(offering=row, actor=_actor(request), now=clock.now(), **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, str(refused))
        return _page(request, organisation, row, price_form=form)
    messages.success(request, _("The new price holds from now on. What was quoted before keeps its price."))
    return redirect("catalogue:offering", slug=organisation.slug, public_id=public_id)


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def step(request: HttpRequest, organisation: Organisation, public_id: str, step: str) -> HttpResponse:
    """Submit, take back, pause, resume; archiving is asked again because it is for good."""
    row = _own(organisation, public_id)
    if step not in STEPS:
        raise Http404
    if request.method == "GET":
        if step != "archive":
            return redirect("catalogue:offering", slug=organisation.slug, public_id=public_id)
        return render(request, "catalogue/offering_archive", {"organisation": organisation, "offering": row})
    try:
        STEPS[step](offering=row, actor=_actor(request), now=clock.now())
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("catalogue:offering", slug=organisation.slug, public_id=public_id)


def _own(organisation: Organisation, public_id: str) -> Offering:
    row = (
        Offering.objects.of(organisation)
        .select_related("package", "provider", "region", "resource_class")
        .filter(public_id=public_id)
        .first()
    )
    if row is None:
        raise Http404
    return row


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def _page(
    request: HttpRequest,
    organisation: Organisation,
    row: Offering,
    *,
    form: OfferingForm | None = None,
    price_form: PriceForm | None = None,
    tried_uy: int | None = None,
) -> HttpResponse:
    now = clock.now()
    page = queries.preview(row, now=now)
    failed = bool((form and form.errors) or (price_form and price_form.errors))
    context = {
        "organisation": organisation,
        "offering": row,
        "page": page,
        "form": form or OfferingForm(offering=row),
        "price_form": price_form or PriceForm(offering=row, plan=page.best.plan if page.best else None),
        "tried_uy": tried_uy,
        "past": row.plans.exclude(effective_to=None).order_by("-effective_from"),
    }
    return render(request, "catalogue/offering", context, status=400 if failed else 200)
