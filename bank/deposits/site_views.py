"""A company's sites: register, watch the benchmark, see whether it answers.

They belong to marketplace.dispatch, but a benchmark is started by provisioning, which stands above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from bank.ledger import words as ledger_words
from bank.ledger.chart import CARD_HOURS
from marketplace.dispatch.models import Site
from marketplace.engines.base import EngineUnavailable
from marketplace.provisioning import verification
from portal import policy
from portal.accounts.access import company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused, sentence
from portal.core.fragments import render
from portal.history.models import Step

from . import nights, queries, registration, site_queries
from .actions import AHEAD, REMEMBERED_H
from .forms import SiteForm
from .views import actor_of, may

AWAY = timedelta(minutes=5)  # asked twice a minute, a site that is there has answered by then
WRONG_IN = {"site_name_taken": "name", "machine_elsewhere": "region"}  # the field that a refusal is about
LINES = 48  # of the table of hours on one page
# what an engine may not enforce on its machine, by the codes of engines.base.Protection
MISSING = {
    "own_uid": gettext_lazy("A system user of its own for every run."),
    "memory": gettext_lazy("A cap on memory by the kernel; it is measured ten times a second instead."),
    "cores": gettext_lazy("A cap on cores by the kernel; processor time is counted and limited instead."),
    "processes": gettext_lazy("A cap on the number of processes."),
    "system_call_filter": gettext_lazy("A filter of system calls."),
    "own_kernel": gettext_lazy("A kernel of its own for every run: all runs share this machine's."),
}


@require_GET
@company_view()
def sites(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """All sites of a company, and the way to the next step of each."""
    return render(
        request,
        "deposits/sites",
        {"organisation": organisation, "sites": queries.site_rows(organisation), "ahead_days": AHEAD.days},
    )


@require_http_methods(["GET", "POST"])
@company_view()
def register(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """A new site; its benchmark starts at once."""
    now = clock.now()
    machine = registration.machine(organisation)
    form = SiteForm(request.POST or None, initial={"cards": machine.left or 1})
    context: dict[str, Any] = {
        "organisation": organisation,
        "form": form,
        "machine": machine,
        "newcomer_ppm": policy.NEWCOMER_AVAILABILITY_PPM,
        "remembered_h": REMEMBERED_H,
        "least_uy": policy.WITHDRAWAL_LEAST_UY,
    }
    status = 200
    if request.method == "POST":
        may(request)
        status = 422
        if form.is_valid():
            try:
                site = registration.register(
                    organisation=organisation, now=now, actor=actor_of(request), **form.cleaned_data
                )
            except Refused as refused:
                form.add_error(WRONG_IN.get(refused.code, "cards"), str(refused))
            else:
                return redirect("deposits:site", organisation.slug, site.public_id)
    return render(request, "deposits/site_new", context, status=status)


@require_http_methods(["GET", "POST"])
@company_view()
def site(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One site, live while its benchmark runs; POST runs the benchmark again."""
    found = queries.site_for(organisation, public_id)
    if found is None:
        raise Http404
    now = clock.now()
    if request.method == "POST":
        may(request)
        registration.try_again(site=found, now=now, actor=actor_of(request))
        return redirect("deposits:site", organisation.slug, public_id)
    last = (
        Step.objects.filter(subject=f"site:{found.public_id}", after__in=["verifying", "verified", "failed"])
        .order_by("-id")
        .first()
    )
    hours = site_queries.grid(found, now)
    chosen = request.GET.get("hour", "")
    context = {
        "organisation": organisation,
        "site": found,
        "now": now,
        "needed": verification.needed_score(),
        "reference": verification.REFERENCE_SCORE,
        "least_got_ppm": verification.LEAST_GOT_PPM,
        "running": found.state == Site.State.VERIFYING,
        "last": last,
        "busy": _busy(found, last, now),
        "failure": _failure(found, last),
        "steps": _steps(found),
        "is_away": found.heartbeat_at is None or now - found.heartbeat_at > AWAY,
        "grid": hours,
        "clock": [f"{n:02d}" for n in range(24)],
        "chosen": site_queries.hour_detail(found, chosen, organisation, now) if chosen else None,
        "chosen_key": chosen,
        "machine": registration.machine(organisation),
        "measured": site_queries.measured(found),
        "newcomer_ppm": policy.NEWCOMER_AVAILABILITY_PPM,
        "remembered_h": REMEMBERED_H,
        "missing": [str(MISSING.get(code, code)) for code in _missing(found)],
        **_table(request, hours),
    }
    return render(request, "deposits/site", context, fragment="deposits/_site")


def _table(request: HttpRequest, hours: site_queries.Grid) -> dict[str, Any]:
    """The hours as lines, some at a time; open when a page of them was asked for."""
    night = _night(request.GET.get("night", ""))
    first, end = nights.span(night) if night else (None, None)
    listed = [c for c in hours.listed if first <= c.at < end] if first and end else hours.listed
    pages = Paginator(listed, LINES)
    page = pages.get_page(request.GET.get("page"))
    shown = ledger_words.parts([c.earned_cms for c in listed], CARD_HOURS)  # adds up to the sum below them
    return {
        "lines": page,
        "rows": list(zip(page, shown[page.start_index() - 1 if page else 0 :], strict=False)),
        "lines_cms": sum(c.earned_cms for c in listed),
        "lines_uy": sum(c.cash_uy for c in listed),
        "night": first,
        "lines_open": "page" in request.GET or night is not None,
        "newer": f"?page={page.previous_page_number()}#hours" if page.has_previous() else "",
        "older": f"?page={page.next_page_number()}#hours" if page.has_next() else "",
    }


def _night(text: str) -> date | None:
    """The day on which the night begins whose hours are asked for."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _busy(found: Site, last: Step | None, now: datetime) -> dict[str, Any] | None:
    """Between two tries of the benchmark: what was reached, and when it is tried again."""
    if found.state != Site.State.VERIFYING or last is None or last.reason != verification.TRY_AGAIN:
        return None
    at = found.verify_due_at
    return {"at": at, "is_waiting": at is not None and at > now, **last.params}


def _failure(found: Site, last: Step | None) -> dict[str, Any] | None:
    """Why the benchmark failed: "slow", "busy", or a sentence."""
    if found.state != Site.State.FAILED or last is None:
        return None
    kinds = {"below_reference": "slow", verification.TRY_AGAIN: "busy"}
    kind = kinds.get(last.reason, "")
    return {"kind": kind, "why": sentence(last.reason) if last.reason and not kind else "", **last.params}


def _missing(found: Site) -> Sequence[str]:
    try:
        return site_queries.missing_protection(found)
    except EngineUnavailable:
        return ()


def _steps(found: Site) -> list[dict[str, Any]]:
    state = Site.State(found.state)
    if state == Site.State.VERIFYING:
        last = "now"
    elif state == Site.State.FAILED:
        last = "failed"
    else:
        last = "done" if found.verified_at else "todo"
    done = found.verified_at is not None and state in (Site.State.VERIFIED, Site.State.PAUSED)
    return [
        {"label": _("Registered"), "state": "done", "at": found.created_at},
        {
            "label": _("Benchmark: a fixed piece of work, run in the same sandbox as customers' runs"),
            "state": last,
            "at": found.verified_at if done else None,
        },
        {"label": _("Verified: its hours can be deposited"), "state": "done" if done else "todo"},
    ]
