"""Reads of this room: a company's sites as places for an offering, and what is listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marketplace.catalogue.models import Offering
from portal.accounts.models import Organisation

from .models import Listing, Site

WEEK = frozenset(range(168))


@dataclass(frozen=True)
class Place:
    """A site of the provider's as a place for one offering. why_not: what keeps it from running there."""

    site: Site
    listing: Listing | None
    why_not: str  # "", "state", "class" or "region"

    @property
    def painted(self) -> frozenset[int]:
        """All hours, unless fewer were chosen."""
        return frozenset(self.listing.hours) if self.listing and self.listing.hours else WEEK

    @property
    def field(self) -> str:
        """The name of its 168 boxes."""
        return f"hour-{self.site.public_id}"


def sites_of(organisation: Organisation) -> list[Site]:
    rows = Site.objects.filter(organisation=organisation).select_related("region", "resource_class")
    return list(rows.order_by("pk"))


def where_machines_stand(organisation: Organisation) -> dict[str, Any]:
    """Region and class of the company's newest verified site, for a new draft; {} without one."""
    newest = Site.objects.filter(organisation=organisation, state=Site.State.VERIFIED).order_by("-pk").first()
    return {"region": newest.region_id, "resource_class": newest.resource_class_id} if newest else {}


def places(offering: Offering) -> list[Place]:
    """Every site of the provider's, those that fit first."""
    listed = {row.site_id: row for row in Listing.objects.filter(offering=offering)}
    found = [
        Place(site, listed.get(site.pk), _why_not(offering, site, site.pk in listed))
        for site in sites_of(offering.provider)
    ]
    return sorted(found, key=lambda place: bool(place.why_not))


def _why_not(offering: Offering, site: Site, is_listed: bool) -> str:
    if site.resource_class_id != offering.resource_class_id:
        return "class"
    if site.region_id != offering.region_id:
        return "region"
    return "" if site.state == Site.State.VERIFIED or is_listed else "state"


def listings_of(offering: Offering) -> list[Listing]:
    return list(Listing.objects.filter(offering=offering).select_related("site").order_by("site_id"))
