"""A company's sites: register, watch the benchmark, see whether it answers.

They belong to marketplace.dispatch, but a benchmark is started by provisioning, which stands above it.
"""

from __future__ import annotations

import os
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.catalogue.models import ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site
from marketplace.provisioning import verification
from portal import policy
from portal.accounts.access import company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused, sentence
from portal.core.fragments import render
from portal.history.models import Step

from . import queries
from .forms import SiteForm
from .views import actor_of, may

CPU = "cpu"


@require_GET
@company_view()
def sites(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """All sites of a company, and the way to the next step of each."""
    return render(
        request,
        "deposits/sites",
        {"organisation": organisation, "sites": queries.site_rows(organisation), "now": clock.now()},
    )


@require_http_methods(["GET", "POST"])
@company_view()
def register(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """A new site; its benchmark starts at once."""
    now = clock.now()
    form = SiteForm(request.POST or None, initial={"cards": os.cpu_count() or 1})
    context: dict[str, Any] = {"organisation": organisation, "form": form, "cores_here": os.cpu_count() or 1}
    status = 200
    if request.method == "POST":
        may(request)
        status = 422
        if form.is_valid():
            try:
                site = dispatch.register_site(
                    organisation=organisation,
                    resource_class=ResourceClass.objects.get(key=CPU),
                    now=now,
                    actor=actor_of(request),
                    **form.cleaned_data,
                )
            except Refused as refused:
                form.add_error("name", str(refused))
            else:
                verification.start(site=site, now=now, actor=actor_of(request))
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
        verification.start(site=found, now=now, actor=actor_of(request))
        return redirect("deposits:site", organisation.slug, public_id)
    last = (
        Step.objects.filter(subject=f"site:{found.public_id}", after__in=["verified", "failed"])
        .order_by("-id")
        .first()
    )
    code = last.reason if last and found.state == Site.State.FAILED else ""
    return render(
        request,
        "deposits/site",
        {
            "organisation": organisation,
            "site": found,
            "now": now,
            "needed": verification.needed_score(),
            "running": found.state == Site.State.VERIFYING,
            "last": last,
            "steps": _steps(found),
            "why": sentence(code) if code and code != "below_reference" else "",
            "below": code == "below_reference",
            "today": queries.site_hours(found, now),
            "share_ppm": policy.BENCHMARK_SHARE_PPM,
        },
        fragment="deposits/_site",
    )


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
