"""Pages of this room: a package with its price, free tries, the binding quote, orders and their results."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from marketplace import recipes
from marketplace.billing import queries as billing
from marketplace.catalogue import queries as catalogue
from marketplace.catalogue.models import Offering, Package, Plan
from marketplace.catalogue.pricing import cap_uy
from marketplace.provisioning.models import ResultFile
from marketplace.recipes.base import InputRefused
from portal import policy
from portal.accounts.access import BUYER, company_of, company_view
from portal.accounts.models import Organisation
from portal.accounts.views import TRADE
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.core.money import FEN_UY, ceil_to, price_of
from portal.core.templatetags.suanli import time_text

from . import actions, again, explain, kept, queries, samples, uploads
from .forms import JobForm
from .models import Order, Quote, SampleRun, Upload

PAGE = 25
MINE = "uploads"  # session key: files dropped in before signing in


def actor_of(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


@require_http_methods(["GET", "POST"])
def package(request: HttpRequest, code: str) -> HttpResponse:
    """What you get, what to bring, and the price; POST takes the file."""
    now = clock.now()
    page = catalogue.package_page(code, now=now)
    if page is None:
        raise Http404
    pack: Package = page.package
    offers = queries.offerings_for(pack, now) if pack.is_runnable else []
    chosen = next((x for x in offers if x[0].public_id == request.GET.get("offering")), None)
    found = chosen or next(iter(offers), None)
    context: dict[str, Any] = {"page": page, "package": pack, "found": found, "now": now}
    status = 200
    if found:
        offering, plan = found
        form = JobForm(pack, request.POST or None, request.FILES or None, initial=_sized_before(request, pack))
        upload = _my_upload(request, pack)
        if request.method == "POST":
            if request.POST.get("again") and upload is not None:
                return _to_quote(request, pack, upload, None, {}, chosen)
            if form.is_valid():
                try:
                    upload = _take(request, pack, form, now)
                except InputRefused as refused:
                    context["refused"] = refused
                    context["excerpt"] = _excerpt(refused)
                    status = 422
                else:
                    return _to_quote(
                        request, pack, upload, form.cleaned_data.get("units"), form.params(), chosen
                    )
            else:
                status = 422
        units = (uploads.units_of(upload) if upload else None) or _units(request, pack)
        context |= {
            "form": form,
            "is_guessing": any(c.is_guessable for c in recipes.get(pack.recipe).manifest.columns),
            "notes": uploads.notes_of(upload) if upload else [],
            "columns": queries.columns_of(pack, page.sample),
            "upload": upload,
            "offering": offering,
            "plan": plan,
            "units": units,
            "cap_uy": cap_uy(plan, units),
            "computing_uy": ceil_to(price_of(actions.core_limit(plan, pack, units), plan.rate_uy_per_hour), FEN_UY),
            "size_text": queries.count_of(pack, units),
            "reach": again.reach_of(pack, cap_uy(plan, units), upload),
            "is_short": upload is not None and uploads.is_short(upload),
            "limit_uy": policy.UNAPPROVED_ORDER_LIMIT_UY,
            "welcome_uy": policy.WELCOME_CREDIT_UY,
            "here": _address(pack, upload, chosen),
            "chosen": chosen is not None,
            "offers": _others(pack, upload, offers, offering, units) if len(offers) > 1 else [],
        }
    return render(request, "orders/package", context, status=status)


def _others(
    package: Package, upload: Upload | None, offers: list[tuple[Offering, Plan]], current: Offering, units: int
) -> list[dict[str, Any]]:
    """Who else offers it, each with its price for this size."""
    return [
        {
            "offering": offering,
            "cap_uy": cap_uy(plan, units),
            "url": _address(package, upload, (offering, plan)),
            "current": offering == current,
        }
        for offering, plan in offers
    ]


def _address(package: Package, upload: Upload | None, chosen: tuple[Offering, Plan] | None) -> str:
    """This page with the file and the offer that were chosen."""
    asked = {"file": upload.public_id if upload else "", "offering": chosen[0].public_id if chosen else ""}
    query = urlencode({key: value for key, value in asked.items() if value})
    return reverse("orders:package", args=[package.code]) + (f"?{query}" if query else "")


def _units(request: HttpRequest, package: Package) -> int:
    try:
        asked = int(request.GET.get("units", ""))
    except ValueError:
        return package.sizing_default
    return max(package.sizing_min, min(package.sizing_max, asked))


def _sized_before(request: HttpRequest, package: Package) -> dict[str, str]:
    """What the link of an earlier run asks for again: the size and what else its buyer had set."""
    keys = {"units", *(asked["key"] for asked in package.params.get("ask", []))}
    return {key: request.GET[key][:40] for key in keys if key in request.GET}


def _my_upload(request: HttpRequest, package: Package) -> Upload | None:
    """The file of this link, if this person dropped it in or works for the company that did."""
    public_id = request.GET.get("file", "")
    if not public_id:
        return None
    upload = (
        Upload.objects.select_related("package")
        .filter(public_id=public_id, package=package, deleted_at=None)
        .first()
    )
    if upload is None:
        return None
    company = company_of(request)
    if upload.organisation_id is None:
        return upload if public_id in request.session.get(MINE, []) else None
    return upload if company is not None and upload.organisation_id == company.pk else None


def _take(request: HttpRequest, package: Package, form: JobForm, now) -> Upload:
    file = form.cleaned_data["file"]
    upload = uploads.accept(
        package=package,
        data=file.file,
        filename=file.name,
        size_bytes=file.size,
        organisation=company_of(request),
        params=form.params(),
        now=now,
    )
    request.session[TRADE] = package.industry  # so that it need not be asked again at registration
    request.session[MINE] = [*request.session.get(MINE, [])[-19:], upload.public_id]
    request.session[f"job:{upload.public_id}"] = {
        "units": form.cleaned_data.get("units"),
        "params": form.params(),
    }
    return upload


def _to_quote(
    request: HttpRequest,
    package: Package,
    upload: Upload,
    units: int | None,
    params: dict[str, Any],
    chosen: tuple[Offering, Plan] | None,
) -> HttpResponse:
    """Signed in: the binding quote. Otherwise: the page with this file's price, and the way to sign up."""
    company = company_of(request)
    here = _address(package, upload, chosen)
    if company is None:
        return redirect(here + "#price-form")
    if not params and units is None:
        known = request.session.get(f"job:{upload.public_id}", {})
        units, params = known.get("units"), known.get("params", {})
    now = clock.now()
    shown = chosen or queries.offering_for(package, now)
    asked: dict[str, Any] = {
        "organisation": company,
        "upload": upload,
        "units": units,
        "now": now,
        "actor": actor_of(request),
        "params": {**params, "language": (get_language() or "en")[:2]},  # of the words inside the result's files
    }
    try:
        quote, was_kept = actions.kept_or_quote(offering=chosen[0] if chosen else None, **asked)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(here)
    if was_kept:
        text = _("This file has its price already: it is kept for you until {until}.")
        messages.info(request, text.format(until=time_text(quote.price_until, "long")))
    elif shown and quote.offering_id != shown[0].pk:
        text = _("The lowest offer has no machine free at this hour. This is the next: {name}.")
        messages.info(request, text.format(name=quote.offering.provider.name))
    return redirect("orders:quote", company.slug, quote.public_id)


def _excerpt(refused: InputRefused) -> list[dict[str, Any]]:
    if refused.excerpt is None:
        return []
    return [
        {
            "line": number,
            "cells": cells,
            "bad": number == refused.excerpt.line,
            "bad_cell": refused.excerpt.cell,
        }
        for number, cells in refused.excerpt.rows
    ]


@require_POST
def try_sample(request: HttpRequest, code: str) -> HttpResponse:
    """A free run on the sample."""
    pack = get_object_or_404(Package, code=code)
    samples.allow(request.META.get("REMOTE_ADDR", ""))
    run = samples.start(package=pack, now=clock.now())
    return redirect("orders:sample", run.public_id)


@require_GET
def sample(request: HttpRequest, public_id: str) -> HttpResponse:
    run = get_object_or_404(
        SampleRun.objects.select_related("package", "allocation__site"), public_id=public_id
    )
    allocation = run.allocation
    return render(
        request,
        "orders/sample",
        {
            "run": run,
            "package": run.package,
            "allocation": allocation,
            "result": queries.worded_result(allocation.result if allocation else None, run.package, clock.now()),
            "live": allocation is not None and not allocation.is_ended,
            "progress": queries.latest_progress(allocation),
        },
        fragment="orders/_sample",
    )


@company_view()
def quote(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """The binding quote: look, then one button."""
    found = queries.quote_for(organisation, public_id)
    if found is None:
        raise Http404
    now = clock.now()
    refused: Refused | None = None
    if request.method == "POST":
        _may_buy(request)
        if request.POST.get("do") == "give_back":
            if found.state in (Quote.State.OPEN, Quote.State.EXPIRED):
                actions.cancel_quote(quote=found, now=now, actor=actor_of(request))
            messages.success(request, _("The quote was given back. Nothing was charged."))
            return redirect("orders:package", found.offering.package.code)
        try:
            order = actions.place(quote=found, user=request.user, now=now, actor=actor_of(request))  # type: ignore[arg-type]
        except Refused as error:
            refused = error
        else:
            return redirect("orders:detail", organisation.slug, order.public_id)
    if found.state == Quote.State.USED:
        return redirect("orders:detail", organisation.slug, found.order.public_id)
    package = found.offering.package
    payers, missing = queries.payers(organisation, found.cap, found.asset)
    lines = queries.worded_lines(found.lines, found.asset, package.unit, is_quote=True)
    over = found.state != Quote.State.OPEN or found.expires_at <= now
    kept = found.state != Quote.State.CANCELLED and found.price_until > now
    return render(
        request,
        "orders/quote",
        {
            "quote": found,
            "package": package,
            "lines": lines,
            "payers": payers,
            "missing": missing,
            "cash_uy": queries.cash_cap(found, now),
            "coming": billing.coming_for(organisation, request.path) if missing else None,
            "now": now,
            "over": over,
            "ended": over and not kept,
            "computing_uy": sum(x["amount"] for x in found.lines if x["code"] == "computing"),
            "refused": refused,
            "size_text": queries.count_of(package, found.units),
            "again": f"{reverse('orders:package', args=[package.code])}?file={found.upload.public_id}",
            "needs_approval": organisation.state == Organisation.State.REGISTERED
            and found.cap > policy.UNAPPROVED_ORDER_LIMIT_UY,
            "notes": uploads.notes_of(found.upload),
            "ends": uploads.ends_on(found.upload),
            "plan_day": uploads.plan_day(found.upload, now),
            "tomorrow": uploads.tomorrow(now),
            "is_old": uploads.is_old(found.upload, now),
            "is_short": uploads.is_short(found.upload),
            "reach": again.reach_of(package, found.cap, found.upload) if found.asset == "CNY" else None,
            "limit_uy": policy.UNAPPROVED_ORDER_LIMIT_UY,
            "before": queries.bought_before(found),
            "total_s": policy.QUOTE_VALID_S,
        },
        status=refused.status if refused else 200,
    )


def _may_buy(request: HttpRequest) -> None:
    if request.membership.role not in ("owner", BUYER):  # type: ignore[attr-defined]
        raise Refused("role_needed", roles=BUYER)


@company_view()
def orders(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """All orders of a company, newest first; filter and cursor stand in the URL."""
    state = request.GET.get("state", "")
    rows = Order.objects.filter(organisation=organisation).select_related(
        "quote__offering__package", "allocation"
    )
    if state == "open":
        rows = rows.filter(state__in=Order.OPEN)
    elif state in Order.State.values:
        rows = rows.filter(state=state)
    before = request.GET.get("before", "")
    if before.isdigit():
        rows = rows.filter(pk__lt=int(before))
    page = list(rows.order_by("-id")[: PAGE + 1])
    older = f"?state={state}&before={page[PAGE - 1].pk}" if len(page) > PAGE else ""
    return render(
        request,
        "orders/list",
        {
            "orders": queries.with_charges(page[:PAGE]),
            "state": state,
            "older": older,
            "states": [("", _("All")), ("open", _("Under way")), *Order.State.choices[2:]],
            "before": before,
            "kept": kept.kept_quotes(organisation, clock.now()) if state in ("", "open") and not before else [],
        },
    )


@company_view()
def order(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One order, live: steps, meter against cap, and in the end result, files and receipt."""
    found = queries.order_for(organisation, public_id)
    if found is None:
        raise Http404
    if request.method == "POST":
        _may_buy(request)
        actions.stop(order=found, now=clock.now(), actor=actor_of(request))
        return redirect("orders:detail", organisation.slug, public_id)
    now = clock.now()
    view = queries.order_view(found, now)
    package = found.quote.offering.package
    return render(
        request,
        "orders/detail",
        {
            "view": view,
            "order": found,
            "quote": found.quote,
            "package": package,
            "now": now,
            "result": queries.worded_result(view.result, package, now),
            "size_text": queries.count_of(package, found.quote.units),
            "again": again.address_of(found),
            "reach": again.reach_of(package, view.charge.total, found.quote.upload)
            if view.charge and found.quote.asset == "CNY"
            else None,
        },
        fragment="orders/_detail",
    )


@company_view()
def why(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Why did this cost that: the formula, the counters, the movements in the books, every step."""
    found = queries.order_for(organisation, public_id)
    if found is None:
        raise Http404
    return render(
        request,
        "orders/why",
        {"order": found, "quote": found.quote, "package": found.quote.offering.package, **explain.why(found)},
    )


@company_view()
def file(request: HttpRequest, organisation: Organisation, public_id: str, file_id: str) -> FileResponse:
    """A result file, as a download; never shown as a page of this site."""
    row = get_object_or_404(
        ResultFile,
        public_id=file_id,
        deleted_at=None,
        allocation__cause=f"order:{public_id}",
        allocation__organisation=organisation,
    )
    response = FileResponse(
        default_storage.open(row.storage_key, "rb"),
        as_attachment=True,
        filename=again.dated(row),
        content_type="application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response
