"""REST: sites, deposits, the hours in the pool, banked hours."""

from __future__ import annotations

from typing import ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.catalogue.models import Region
from marketplace.dispatch.models import Site, Slot
from portal.api.serializers import Instant, IntegerString, ModelShape, Shape
from portal.api.views import Door

from . import actions, queries, registration
from .models import Deposit, SlotClose


class SiteShape(ModelShape):
    region = serializers.CharField(source="region.key", read_only=True)
    resource_class = serializers.CharField(source="resource_class.key", read_only=True)

    class Meta:
        model = Site
        fields = [
            "public_id",
            "name",
            "region",
            "resource_class",
            "cards",
            "engine",
            "state",
            "score",
            "availability_ppm",
            "heartbeat_at",
            "verified_at",
            "created_at",
        ]


class SiteRequest(Shape):
    name = serializers.CharField(max_length=80)
    region = serializers.SlugRelatedField(slug_field="key", queryset=Region.objects.all())
    cards = serializers.IntegerField(min_value=1, max_value=100_000)


class DepositShape(ModelShape):
    site = serializers.CharField(source="site.public_id", read_only=True)

    class Meta:
        model = Deposit
        fields = [
            "public_id",
            "site",
            "cards",
            "hours",
            "from_date",
            "to_date",
            "notice_h",
            "mode",
            "payout",
            "state",
            "created_at",
            "ended_at",
        ]


class DepositRequest(Shape):
    """hours: of the week, 0 = Monday 00:00 in the platform's zone, up to 167."""

    site = serializers.CharField(max_length=40)
    hours = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=167), min_length=1, max_length=168
    )
    cards = serializers.IntegerField(min_value=1)
    from_date = serializers.DateField()
    to_date = serializers.DateField()
    notice_h = serializers.IntegerField(min_value=0, max_value=actions.MOST_NOTICE_H, default=12)
    mode = serializers.ChoiceField(choices=Deposit.Mode.values, default=Deposit.Mode.CONSIGNMENT)
    payout = serializers.ChoiceField(choices=Deposit.Payout.values, default=Deposit.Payout.HOURS)


class CloseShape(ModelShape):
    class Meta:
        model = SlotClose
        fields = [
            "delivered_cms",
            "failed_cms",
            "idle_verified_cms",
            "idle_unverified_cms",
            "recalled_cms",
            "cash_uy",
            "due_uy",
            "held_uy",
            "fee_uy",
            "earned_cms",
            "idle_paid_uy",
            "idle_paid_cms",
            "closed_at",
        ]


class SlotShape(ModelShape):
    """One hour of one site. close: what became of it, null while it is not over."""

    site = serializers.CharField(source="site.public_id", read_only=True)
    close = serializers.SerializerMethodField()

    class Meta:
        model = Slot
        fields = [
            "site",
            "hour",
            "source",
            "quantity_cms",
            "sellable_cms",
            "recalled_cms",
            "reserved_cms",
            "weight_ppm",
            "live_minutes",
            "is_simulated",
            "close",
        ]

    @extend_schema(responses=CloseShape)
    def get_close(self, slot: Slot) -> dict | None:
        found = getattr(slot, "close", None)
        return CloseShape(found).data if found else None


class BankedShape(Shape):
    """Card-milliseconds of one class. worth_uy at the index of index_date, pledged hours included."""

    resource_class = serializers.CharField(source="resource_class.key")
    free_cms = IntegerString()
    held_cms = IntegerString()
    pledged_cms = IntegerString()
    next_cms = IntegerString()
    next_at = Instant(allow_null=True)
    index_uy = IntegerString()
    index_date = serializers.DateField(allow_null=True)
    worth_uy = IntegerString()


class BankedPage(Shape):
    items = BankedShape(many=True)


class Sites(Door):
    """Sites of the company. POST registers one of this installation's cores and starts its benchmark."""

    scopes: ClassVar[dict[str, str]] = {"POST": "provide"}

    @extend_schema(responses=SiteShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(queries.sites_of(self.organisation), SiteShape)

    @extend_schema(request=SiteRequest, responses={201: SiteShape})
    def post(self, request: Request) -> Response:
        asked = SiteRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        site = registration.register(
            organisation=self.organisation, now=self.now, actor=self.actor, **asked.validated_data
        )
        return Response(SiteShape(site).data, status=status.HTTP_201_CREATED)


class OneSite(Door):
    """One site: poll it while its benchmark runs."""

    @extend_schema(responses=SiteShape)
    def get(self, request: Request, public_id: str) -> Response:
        site = queries.site_for(self.organisation, public_id)
        if site is None:
            raise Http404
        return Response(SiteShape(site).data)


class Deposits(Door):
    """Idle hours given to the pool."""

    scopes: ClassVar[dict[str, str]] = {"POST": "provide"}

    @extend_schema(responses=DepositShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(
            Deposit.objects.filter(organisation=self.organisation).select_related("site"), DepositShape
        )

    @extend_schema(request=DepositRequest, responses={201: DepositShape})
    def post(self, request: Request) -> Response:
        asked = DepositRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        site = queries.site_for(self.organisation, values.pop("site"))
        if site is None:
            raise Http404
        made = actions.deposit(
            organisation=self.organisation, site=site, now=self.now, actor=self.actor, **values
        )
        return Response(DepositShape(made).data, status=status.HTTP_201_CREATED)


class Slots(Door):
    """Hours of the company's sites in the pool and what became of them; ?site= for one site."""

    @extend_schema(responses=SlotShape(many=True))
    def get(self, request: Request) -> Response:
        rows = Slot.objects.filter(site__organisation=self.organisation).select_related("site", "close")
        if asked := request.query_params.get("site"):
            rows = rows.filter(site__public_id=asked)
        return self.page(rows, SlotShape)


class BankedHours(Door):
    """Banked hours by class."""

    @extend_schema(responses=BankedPage)
    def get(self, request: Request) -> Response:
        return Response({"items": BankedShape(queries.banked(self.organisation, self.now), many=True).data})
