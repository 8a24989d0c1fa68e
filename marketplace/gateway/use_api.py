"""REST: what calls of models came to, in sums and one by one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.serializers import IntegerString, ModelShape, Shape
from portal.api.views import Door

from . import use_queries
from .models import Call
from .use_queries import Asked

# ?by= → the columns that name a row
GROUPS = {"day": ("day",), "key": ("key__public_id", "key__name"), "model": ("model__slug", "model__name")}


class CountedShape(Shape):
    """Five disjoint counts of tokens, how many of them came out of packs, and what was charged, micro-yuan."""

    input_tokens = IntegerString()
    cached_tokens = IntegerString()
    cache_write_tokens = IntegerString()
    output_tokens = IntegerString()
    reasoning_tokens = IntegerString()
    pack_tokens = IntegerString()
    charge_uy = IntegerString()
    calls = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="calls without a charge, because of how they ended")


class UseLine(CountedShape):
    """One day, key or model. `value` is what a filter takes: an ISO date, tky_…, or the model's name in programs."""

    value = serializers.CharField()
    name = serializers.CharField()


class UseShape(Shape):
    """Sums of UTC days, both inclusive. The lines together are the total."""

    first = serializers.DateField()
    last = serializers.DateField()
    by = serializers.ChoiceField(choices=tuple(GROUPS))
    total = CountedShape()
    lines = UseLine(many=True)


class CallShape(ModelShape):
    """One call. prices: what a million tokens cost, micro-yuan by direction; charge_uy: their sum, rounded once."""

    key = serializers.CharField(source="key.public_id")
    model = serializers.CharField(source="model.slug")
    provider = serializers.CharField(source="endpoint.provider.slug", default=None, allow_null=True)
    prices = serializers.DictField(child=IntegerString())

    class Meta:
        model = Call
        fields = (
            "request_id", "received_at", "key", "model", "provider", "door", "stream", "input_tokens", "cached_tokens",
            "cache_write_tokens", "output_tokens", "reasoning_tokens", "pack_tokens", "prices", "charge_uy",
            "reserved_uy", "uncovered_uy", "estimated", "end", "status", "first_ms", "total_ms",
        )  # fmt: skip


class Asking(serializers.Serializer):
    """The filters of both doors. Without days: the last seven."""

    first = serializers.DateField(required=False)
    last = serializers.DateField(required=False)
    key = serializers.CharField(required=False, max_length=40)
    model = serializers.CharField(required=False, max_length=80)
    by = serializers.ChoiceField(choices=tuple(GROUPS), default="day")

    def asked(self, organisation: Any, today: date) -> Asked:
        """ValidationError for days that are none, another company's key, or a model that is none."""
        data = self.validated_data
        last = data.get("last") or today
        first = data.get("first") or last - timedelta(days=6)
        if not first <= last or (last - first).days >= use_queries.DAYS_MOST:
            wrong = _("The last day is not before the first, and it is a year at most.")
            raise serializers.ValidationError({"last": [wrong]}, code="bad_days")
        key = use_queries.key_for(organisation, data["key"]) if "key" in data else None
        model = use_queries.model_for(data["model"]) if "model" in data else None
        for name, found in (("key", key), ("model", model)):
            if name in data and found is None:
                raise serializers.ValidationError({name: [_("The company has none of this name.")]}, code="unknown")
        return Asked(organisation, first, last, key, model)


def _query(name: str, text: str, kind: Any = OpenApiTypes.STR, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=text, **more)


FILTERS = [
    _query("first", "first UTC day; without it, six days before the last", OpenApiTypes.DATE),
    _query("last", "last UTC day; without it, today", OpenApiTypes.DATE),
    _query("key", "tky_…: only calls of this key"),
    _query("model", "only calls of this model, by its name in programs"),
]


class UseDoor(Door):
    """What was used in a time, by day, key or model."""

    @extend_schema(
        parameters=[*FILTERS, _query("by", "what a line is", enum=tuple(GROUPS), default="day")],
        responses=UseShape, summary="What calls of models came to, in sums",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asking = Asking(data=request.query_params)
        asking.is_valid(raise_exception=True)
        asked = asking.asked(self.organisation, use_queries.utc_day(self.now))
        by = asking.validated_data["by"]
        found = use_queries.by(asked, *GROUPS[by])
        if by == "day":
            found.sort(key=lambda row: row[0])
        total = sum((sums for _of, sums in found), use_queries.Sums())
        lines = [{**vars(sums), "value": str(names[0]), "name": str(names[-1])} for names, sums in found]
        shown = {"first": asked.first, "last": asked.last, "by": by, "total": total, "lines": lines}
        return Response(UseShape(shown).data)


class CallsDoor(Door):
    """Single calls, newest first. What was asked and answered is kept nowhere."""

    @extend_schema(parameters=FILTERS, responses=CallShape(many=True), summary="Calls of models, one by one")
    def get(self, request: Request) -> Response:
        asking = Asking(data=request.query_params)
        asking.is_valid(raise_exception=True)
        asked = asking.asked(self.organisation, use_queries.utc_day(self.now))
        return self.page(use_queries.calls_of(asked), CallShape)
