"""For the offering's page, which belongs to a room below: where an offering runs."""

from __future__ import annotations

from django import template

from marketplace.catalogue.models import Offering
from marketplace.dispatch import queries
from marketplace.dispatch.models import Listing

register = template.Library()


@register.simple_tag
def listings_of(offering: Offering) -> list[Listing]:
    return queries.listings_of(offering)
