"""A provider's own model endpoints: drafts, prices as buyers see them, a test of the address, every step after."""

from __future__ import annotations

from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import BUYER, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render

from . import listing, probe
from .listing_forms import EndpointForm, PriceTableForm, SecretForm
from .models import AiModel, Endpoint
from .prices import Table, lowest, past_of, prices_of

TESTS_PER_HOUR = 30
STEPS = {
    "submit": listing.submit,
    "take-back": listing.withdraw_submission,
    "pause": listing.pause,
    "resume": listing.resume,
    "archive": listing.archive,
    "take-back-prices": listing.take_back_prices,
}


@require_GET
@company_view()
def endpoints(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    now = clock.now()
    rows = list(Endpoint.objects.of(organisation).select_related("model", "region").order_by("-id")[:200])
    found = prices_of(rows, now=now)
    shown = []
    for row in rows:
        tables = [table for table in [found[row.pk].now] if table]
        shown.append((row, lowest(tables, "input", now=now), lowest(tables, "output", now=now)))
    context = {"organisation": organisation, "rows": shown, "refusal": _why_not(organisation)}
    return render(request, "gateway/endpoints", context)


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def create(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = listing.create_endpoint(
                provider=organisation, actor=_actor(request), now=clock.now(), **form.cleaned_data
            )
            return redirect("gateway:endpoint", slug=organisation.slug, public_id=made.public_id)
        except Refused as refused:
            form.blame(refused.code, str(refused))
    context = {
        "organisation": organisation, "form": form, "refusal": _why_not(organisation),
        "has_models": AiModel.objects.exists(),
    }  # fmt: skip
    return render(request, "gateway/endpoint_new", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def endpoint(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One endpoint: what to do next, its prices, its server while it is a draft."""
    row = _own(organisation, public_id)
    form = EndpointForm(request.POST or None, endpoint=row)
    if request.method == "POST" and form.is_valid():
        fields = {**form.cleaned_data, "secret": form.cleaned_data["secret"] or None}
        try:
            listing.update_draft(endpoint=row, actor=_actor(request), now=clock.now(), **fields)
            messages.success(request, _("Saved."))
            return redirect("gateway:endpoint", slug=organisation.slug, public_id=public_id)
        except Refused as refused:
            form.blame(refused.code, str(refused))
    return _page(request, organisation, row, form=form)


@require_GET
@company_view()
def preview(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    row = _own(organisation, public_id)
    found = prices_of([row], now=clock.now())[row.pk]
    return render(request, "gateway/endpoint_preview", {"organisation": organisation, "endpoint": row, "prices": found})


@require_POST
@company_view(BUYER)
def price(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Look at a price table as buyers would see it, or set it."""
    row = _own(organisation, public_id)
    form = PriceTableForm(request.POST, endpoint=row)
    if not form.is_valid():
        return _page(request, organisation, row, price_form=form)
    if "try" in request.POST:
        return _page(request, organisation, row, price_form=form, tried=Table.of(form.rates, row.model))
    try:
        listing.set_prices(
            endpoint=row, rates=form.rates, starts_at=form.starts_at, actor=_actor(request), now=clock.now()
        )
    except Refused as refused:
        form.first.add_error(None, str(refused))
        return _page(request, organisation, row, price_form=form)
    if form.starts_at:
        messages.success(request, _("Announced. Customers see it beside the price that holds now."))
    else:
        messages.success(request, _("These prices hold from now on. Calls received before keep theirs."))
    return redirect("gateway:endpoint", slug=organisation.slug, public_id=public_id)


@require_POST
@company_view(BUYER)
def secret(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Give the server's secret anew; it is never shown again."""
    row = _own(organisation, public_id)
    form = SecretForm(request.POST)
    try:
        if form.is_valid():
            listing.set_secret(
                endpoint=row, secret=form.cleaned_data["secret"], actor=_actor(request), now=clock.now()
            )
            messages.success(request, _("Kept. It is used for the next calls."))
            return redirect("gateway:endpoint", slug=organisation.slug, public_id=public_id)
    except Refused as refused:
        form.add_error("secret", str(refused))
    return _page(request, organisation, row, secret_form=form)


@require_POST
@company_view(BUYER)
def test(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One real request to the server, its outcome in words."""
    row = _own(organisation, public_id)
    if row.state == Endpoint.State.ARCHIVED:
        raise Http404
    try:
        _limit(organisation)
        outcome = probe.ask(row)
        (messages.success if outcome.works else messages.error)(request, outcome.text)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("gateway:endpoint", slug=organisation.slug, public_id=public_id)


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def step(request: HttpRequest, organisation: Organisation, public_id: str, step: str) -> HttpResponse:
    """Submit, take back, pause, resume; archiving is asked again because it is for good."""
    row = _own(organisation, public_id)
    if step not in STEPS:
        raise Http404
    if request.method == "GET":
        if step != "archive":
            return redirect("gateway:endpoint", slug=organisation.slug, public_id=public_id)
        return render(request, "gateway/endpoint_archive", {"organisation": organisation, "endpoint": row})
    try:
        STEPS[step](endpoint=row, actor=_actor(request), now=clock.now())
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("gateway:endpoint", slug=organisation.slug, public_id=public_id)


def _own(organisation: Organisation, public_id: str) -> Endpoint:
    mine = Endpoint.objects.of(organisation).select_related("model", "provider", "region")
    row = mine.filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return row


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def _why_not(organisation: Organisation) -> Refused | None:
    """Why this company cannot list a model yet; None: it can."""
    if not organisation.is_provider:
        return Refused("not_a_provider")
    return None if organisation.state == Organisation.State.APPROVED else Refused("company_not_approved")


def _limit(organisation: Organisation) -> None:
    """So that nobody looks for open doors of others through us."""
    key = f"gateway.test:{organisation.pk}"
    cache.add(key, 0, timeout=3600)
    if cache.incr(key) > TESTS_PER_HOUR:
        raise Refused("too_many_tests", most=TESTS_PER_HOUR)


def _page(
    request: HttpRequest,
    organisation: Organisation,
    row: Endpoint,
    *,
    form: EndpointForm | None = None,
    price_form: PriceTableForm | None = None,
    secret_form: SecretForm | None = None,
    tried: Table | None = None,
) -> HttpResponse:
    now = clock.now()
    found = prices_of([row], now=now)[row.pk]
    failed = bool((form and form.errors) or (price_form and price_form.failed) or (secret_form and secret_form.errors))
    rates = found.now.rates if found.now else ()
    context = {
        "organisation": organisation,
        "endpoint": row,
        "prices": found,
        "form": form or EndpointForm(endpoint=row),
        "price_form": price_form or PriceTableForm(endpoint=row, rates=rates),
        "secret_form": secret_form or SecretForm(),
        "tried": tried,
        "past": past_of(row, now=now),
    }
    return render(request, "gateway/endpoint", context, status=400 if failed else 200)
