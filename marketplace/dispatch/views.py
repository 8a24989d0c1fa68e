"""The provider's page of one offering: at which of his sites it runs, and in which hours of the week."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.catalogue.models import Offering
from portal.accounts.access import BUYER, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render

from . import listings, queries, weights
from .models import Site


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def listing(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """A box for every site, and the week of each as 168 more; POST replaces what was chosen."""
    offering = (
        Offering.objects.of(organisation)
        .select_related("package", "provider", "region", "resource_class")
        .filter(public_id=public_id)
        .first()
    )
    if offering is None:
        raise Http404
    places = queries.places(offering)
    ready = [place for place in places if not place.why_not]
    chosen = {
        p.site.pk: p.painted for p in ready if p.listing or (len(ready) == 1 and offering.state == "draft")
    }
    refused: Refused | None = None
    if request.method == "POST":
        asked = _asked(request, ready)
        chosen = {site.pk: frozenset(week) for site, week in asked.items()}
        try:
            if not all(asked.values()):
                raise Refused("hours_of_week_wrong")
            listings.list_offering(
                offering=offering, hours=asked, now=clock.now(), actor=f"user:{request.user.pk}"
            )
        except Refused as error:
            refused = error
        else:
            messages.success(request, _("Saved. New orders run there, in these hours."))
            return redirect("catalogue:offering", slug=organisation.slug, public_id=public_id)
    context = {
        "organisation": organisation,
        "offering": offering,
        "ready": [(p, p.site.pk in chosen, chosen.get(p.site.pk, p.painted)) for p in ready],
        "others": [place for place in places if place.why_not],
        "weights": weights.week_of_weights(),
        "refused": refused,
        "anywhere": not listings.needs_listing(offering),
    }
    return render(request, "dispatch/listing", context, status=refused.status if refused else 200)


def _asked(request: HttpRequest, ready: list[queries.Place]) -> dict[Site, list[int]]:
    """The ticked sites with their painted hours; what is no hour of the week is left out."""
    ticked = set(request.POST.getlist("site"))
    return {p.site: _hours(request.POST.getlist(p.field)) for p in ready if p.site.public_id in ticked}


def _hours(values: list[str]) -> list[int]:
    return sorted(
        {int(v) for v in values if v.isascii() and v.isdigit() and len(v) < 4 and int(v) < listings.WEEK}
    )
