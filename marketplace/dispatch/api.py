"""REST: where a provider's offering runs and in which hours of the week."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.catalogue.models import Offering
from portal.api.serializers import Shape
from portal.api.views import Door

from . import listings, queries


class ListingShape(Shape):
    """A site of the provider's. hours: of the week, 0 = Monday 00:00 in the platform's zone; empty: always."""

    site = serializers.CharField(source="site.public_id", max_length=40)
    hours = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=167), max_length=168, default=list
    )


class ListingsShape(Shape):
    """All sites of an offering. A draft is submitted with at least one that is verified."""

    sites = ListingShape(many=True)


class OwnListing(Door):
    """The sites of one of the company's offerings; POST replaces them all."""

    scopes: ClassVar[dict[str, str]] = {"POST": "provide"}

    @extend_schema(responses=ListingsShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_shown(self._offering(public_id)))

    @extend_schema(request=ListingsShape, responses=ListingsShape)
    def post(self, request: Request, public_id: str) -> Response:
        asked = ListingsShape(data=request.data)
        asked.is_valid(raise_exception=True)
        offering = self._offering(public_id)
        own = {site.public_id: site for site in queries.sites_of(self.organisation)}
        wanted = {row["site"]["public_id"]: row["hours"] for row in asked.validated_data["sites"]}
        if not wanted.keys() <= own.keys():
            raise Http404
        listings.list_offering(
            offering=offering,
            hours={own[key]: hours for key, hours in wanted.items()},
            now=self.now,
            actor=self.actor,
        )
        return Response(_shown(offering))

    def _offering(self, public_id: str) -> Offering:
        row = (
            Offering.objects.of(self.organisation)
            .select_related("provider")
            .filter(public_id=public_id)
            .first()
        )
        if row is None:
            raise Http404
        return row


def _shown(offering: Offering) -> Any:
    return ListingsShape({"sites": queries.listings_of(offering)}).data
