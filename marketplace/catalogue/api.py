"""REST: what is on the shelves for everybody, and a provider's own offerings."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.models import Industry
from portal.api.serializers import Instant, IntegerString, ModelShape, Shape
from portal.api.views import Door, PublicDoor
from portal.core import clock

from . import actions, queries
from .models import Offering, Package, Plan, Region, ResourceClass

STEPS = {
    "submit": actions.submit,
    "take_back": actions.withdraw_submission,
    "pause": actions.pause,
    "resume": actions.resume,
    "archive": actions.archive,
}


def _query(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.QUERY, description=text)


class PackageShape(ModelShape):
    """A package as a list shows it."""

    class Meta:
        model = Package
        fields = [
            "code",
            "industry",
            "name_zh",
            "name_en",
            "outcome_zh",
            "outcome_en",
            "firm_zh",
            "firm_en",
            "unit_key",
            "unit_zh",
            "unit_en",
            "sizing_zh",
            "sizing_en",
            "sizing_default",
            "sizing_min",
            "sizing_max",
            "data_class",
            "recipe",
            "is_runnable",
        ]


class PlanShape(Shape):
    """A price that holds, and what a run of `units` costs at most."""

    billing_mode = serializers.CharField(source="plan.billing_mode")
    base_uy = IntegerString(source="plan.base_uy")
    per_unit_uy = IntegerString(source="plan.per_unit_uy")
    rate_uy_per_hour = IntegerString(source="plan.rate_uy_per_hour")
    core_limit_cms = IntegerString(source="plan.core_limit_cms")
    cores = serializers.IntegerField(source="plan.cores")
    units = serializers.IntegerField()
    cap_uy = IntegerString()
    expected_uy = IntegerString(allow_null=True)
    effective_from = Instant(source="plan.effective_from")


class OfferingShape(Shape):
    """An offering with the prices that hold now."""

    public_id = serializers.CharField()
    package = serializers.CharField(source="package.code")
    industry = serializers.CharField(source="package.industry")
    title = serializers.CharField()
    notes = serializers.CharField()
    provider = serializers.CharField(source="provider.name")
    provider_id = serializers.CharField(source="provider.public_id")
    region = serializers.CharField(source="region.key")
    resource_class = serializers.CharField(source="resource_class.key")
    state = serializers.CharField()
    returned_reason = serializers.CharField()
    starts_in_s = serializers.IntegerField(allow_null=True)
    plans = serializers.SerializerMethodField()

    @extend_schema(responses=PlanShape(many=True))
    def get_plans(self, offering: Offering) -> list[dict[str, Any]]:
        plans: list[Plan] = offering.current_plans  # type: ignore[attr-defined]
        offers = [queries.offer(plan, self.context.get("units")) for plan in plans]
        return list(PlanShape(offers, many=True).data)


class PackageDetail(PackageShape):
    """A package whole, with a real result on its sample."""

    class Meta(PackageShape.Meta):
        fields = [
            *PackageShape.Meta.fields,
            "bring_zh",
            "bring_en",
            "columns_zh",
            "columns_en",
            "params",
            "example_result",
        ]


class Units(serializers.Serializer):
    units = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)


class Draft(Shape):
    """What a draft offers, by keys."""

    package = serializers.SlugRelatedField(slug_field="code", queryset=Package.objects.all())
    region = serializers.SlugRelatedField(slug_field="key", queryset=Region.objects.all())
    resource_class = serializers.SlugRelatedField(slug_field="key", queryset=ResourceClass.objects.all())
    name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class Price(Shape):
    billing_mode = serializers.ChoiceField(
        choices=Plan.BillingMode.choices, default=Plan.BillingMode.ON_DEMAND
    )
    base_uy = IntegerString(least=0, default=0)
    per_unit_uy = IntegerString(least=0, default=0)
    rate_uy_per_hour = IntegerString(least=0, default=0)
    core_limit_cms = IntegerString(least=1)
    cores = serializers.IntegerField(min_value=1, max_value=256, default=1)


class Step(Shape):
    step = serializers.ChoiceField(choices=sorted(STEPS))


class Packages(PublicDoor):
    """Packages, newest first; with `q` those that answer a sentence, best first and on one page."""

    @extend_schema(
        parameters=[
            _query("industry", "One of the 16 trades."),
            _query("q", "A plain sentence, Chinese or English."),
            _query("runnable", "true: only what can run here."),
        ],
        responses=PackageShape(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        if text := asked.get("q", "").strip():
            found = queries.search(text=text, now=clock.now())
            answers = [card.package for card in [*found.cards, *found.coming]]
            return Response({"items": PackageShape(answers, many=True).data, "next_cursor": None})
        rows = Package.objects.defer("example_result", "search", "source")
        if industry := asked.get("industry"):
            rows = rows.filter(industry=_one_of(industry, Industry.values, "industry"))
        if asked.get("runnable") == "true":
            rows = rows.filter(is_runnable=True)
        return self.page(rows, PackageShape)


class OnePackage(PublicDoor):
    @extend_schema(responses=PackageDetail)
    def get(self, request: Request, code: str) -> Response:
        return Response(PackageDetail(_or_404(Package.objects.filter(code=code))).data)


class Offerings(PublicDoor):
    """What can be bought now."""

    @extend_schema(
        parameters=[
            _query("package", "A package's code."),
            _query("industry", "One of the 16 trades."),
            _query("region", "A region's key."),
            _query("provider_id", "A provider's id (org_…)."),
            Units,
        ],
        responses=OfferingShape(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        filters = {
            "package": "package__code",
            "industry": "package__industry",
            "region": "region__key",
            "provider_id": "provider__public_id",
        }
        wanted = {column: asked[name] for name, column in filters.items() if asked.get(name)}
        rows = queries.listed(now=clock.now()).filter(**wanted)
        return self.page(rows, OfferingShape, units=_units(request))


class OneOffering(PublicDoor):
    @extend_schema(parameters=[Units], responses=OfferingShape)
    def get(self, request: Request, public_id: str) -> Response:
        row = _or_404(queries.listed(now=clock.now()).filter(public_id=public_id))
        return Response(OfferingShape(row, context={"units": _units(request)}).data)


class OwnOfferings(Door):
    """A provider's offerings in every state."""

    scopes: ClassVar[dict[str, str]] = {"POST": "provide"}

    @extend_schema(responses=OfferingShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(queries.listed(now=self.now, provider=self.organisation), OfferingShape)

    @extend_schema(request=Draft, responses={201: OfferingShape})
    def post(self, request: Request) -> Response:
        asked = Draft(data=request.data)
        asked.is_valid(raise_exception=True)
        made = actions.create_offering(
            provider=self.organisation, actor=self.actor, now=self.now, **asked.validated_data
        )
        return Response(_shown(self, made.public_id), status=status.HTTP_201_CREATED)


class OwnOffering(Door):
    scopes: ClassVar[dict[str, str]] = {"PATCH": "provide"}

    @extend_schema(responses=OfferingShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_shown(self, public_id))

    @extend_schema(request=Draft(partial=True), responses=OfferingShape)
    def patch(self, request: Request, public_id: str) -> Response:
        asked = Draft(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        actions.update_draft(
            offering=_own(self, public_id), actor=self.actor, now=self.now, **asked.validated_data
        )
        return Response(_shown(self, public_id))


class OwnPrice(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "provide"}

    @extend_schema(request=Price, responses=OfferingShape)
    def post(self, request: Request, public_id: str) -> Response:
        asked = Price(data=request.data)
        asked.is_valid(raise_exception=True)
        actions.set_price(
            offering=_own(self, public_id), actor=self.actor, now=self.now, **asked.validated_data
        )
        return Response(_shown(self, public_id))


class OwnStep(Door):
    """Submit, take back, pause, resume, archive."""

    scopes: ClassVar[dict[str, str]] = {"POST": "provide"}

    @extend_schema(request=Step, responses=OfferingShape)
    def post(self, request: Request, public_id: str) -> Response:
        asked = Step(data=request.data)
        asked.is_valid(raise_exception=True)
        take = STEPS[asked.validated_data["step"]]
        take(offering=_own(self, public_id), actor=self.actor, now=self.now)
        return Response(_shown(self, public_id))


def _own(door: Door, public_id: str) -> Offering:
    return _or_404(queries.listed(now=door.now, provider=door.organisation).filter(public_id=public_id))


def _shown(door: Door, public_id: str) -> Any:
    return OfferingShape(_own(door, public_id)).data


def _or_404(rows: Any) -> Any:
    row = rows.first()
    if row is None:
        raise Http404
    return row


def _one_of(value: str, known: list[str], name: str) -> str:
    if value not in known:
        raise serializers.ValidationError({name: [f"{', '.join(known)}"]}, code="unknown_value")
    return value


def _units(request: Request) -> int | None:
    asked = Units(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return asked.validated_data.get("units")
