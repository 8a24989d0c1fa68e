"""REST: the buyer's whole story. Upload, quote, order, watch, stop, fetch the result."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import FileResponse, Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.billing.models import Charge
from marketplace.catalogue.models import Offering, Package
from marketplace.provisioning.models import ResultFile
from marketplace.recipes.base import InputRefused
from portal.api.serializers import Instant, IntegerString, ModelShape, Shape
from portal.api.views import Door

from . import actions, again, uploads
from .models import Order, Quote, Upload


class UploadShape(ModelShape):
    package = serializers.CharField(source="package.code")

    class Meta:
        model = Upload
        fields = ["public_id", "package", "filename", "size_bytes", "sha256", "size", "notes", "created_at"]


class QuoteShape(Shape):
    """A binding quote. `cap` is in micro-yuan where asset is CNY, in card-milliseconds otherwise."""

    public_id = serializers.CharField()
    state = serializers.CharField()
    package = serializers.CharField(source="offering.package.code")
    offering = serializers.CharField(source="offering.public_id")
    upload = serializers.CharField(source="upload.public_id")
    site = serializers.CharField(source="reservation.site.public_id")
    asset = serializers.CharField()
    units = serializers.IntegerField()
    cap = IntegerString()
    expected = IntegerString()
    lines = serializers.JSONField()
    expires_at = Instant(help_text="the room is kept until then")
    price_until = Instant(help_text="the price a while longer: ordering later takes new room at this price")


class OrderShape(Shape):
    """An order. `charge` is null until it is settled."""

    public_id = serializers.CharField()
    number = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField()
    package = serializers.CharField(source="quote.offering.package.code")
    quote = serializers.CharField(source="quote.public_id")
    asset = serializers.CharField(source="quote.asset")
    units = serializers.IntegerField(source="quote.units")
    cap = IntegerString(source="quote.cap")
    placed_at = Instant()
    ended_at = Instant(allow_null=True)


class QuoteRequest(Shape):
    """What to quote. `params`: what the package asks of its buyer (GET /packages/<code>/ lists them)."""

    upload = serializers.CharField()
    offering = serializers.CharField(required=False, help_text="default: the lowest cap for this package that has room")
    units = serializers.IntegerField(required=False, min_value=1)
    params = serializers.JSONField(default=dict)
    asset = serializers.CharField(default="CNY", help_text="CNY, or CH:CPU to pay in banked hours")


class OrderRequest(Shape):
    quote = serializers.CharField()


class UploadRequest(Shape):
    package = serializers.CharField()
    file = serializers.FileField()
    params = serializers.CharField(required=False, help_text="JSON, as in a quote")


class Uploads(Door):
    """A file, checked before anything is charged."""

    scopes: ClassVar[dict[str, str]] = {"POST": "order"}
    parser_classes = (MultiPartParser, FormParser)

    @extend_schema(request=UploadRequest, responses={201: UploadShape})
    def post(self, request: Request) -> Response:
        asked = UploadRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        package = Package.objects.filter(code=asked.validated_data["package"]).first()
        if package is None:
            raise serializers.ValidationError({"package": ["no such package"]})
        try:
            params = json.loads(asked.validated_data.get("params") or "{}")
        except ValueError:
            raise serializers.ValidationError({"params": ["not JSON"]}) from None
        file = asked.validated_data["file"]
        try:
            upload = uploads.accept(
                package=package,
                data=file.file,
                filename=file.name,
                size_bytes=file.size,
                organisation=self.organisation,
                params=params,
                now=self.now,
            )
        except InputRefused as refused:
            raise serializers.ValidationError(
                {"file": [f"{refused.says} {refused.what_to_do}".strip()]}
            ) from None
        return Response(UploadShape(upload).data, status=status.HTTP_201_CREATED)


class Quotes(Door):
    """Binding quotes: price and room until one instant."""

    scopes: ClassVar[dict[str, str]] = {"POST": "order"}

    def quotes(self) -> QuerySet[Quote]:
        return Quote.objects.filter(organisation=self.organisation).select_related(
            "offering__package", "upload", "reservation__site"
        )

    @extend_schema(responses=QuoteShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(self.quotes(), QuoteShape)

    @extend_schema(request=QuoteRequest, responses={201: QuoteShape})
    def post(self, request: Request) -> Response:
        body = QuoteRequest(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        upload = Upload.objects.filter(public_id=data["upload"], organisation=self.organisation).first()
        if upload is None:
            raise Http404
        asked = {
            "organisation": self.organisation,
            "upload": upload,
            "units": data.get("units"),
            "params": data["params"],
            "asset": data["asset"],
            "now": self.now,
            "actor": self.actor,
        }
        if data.get("offering"):
            quote = actions.quote(offering=self._offering(data["offering"], upload), **asked)
        else:
            quote = actions.quote_lowest(**asked)
        return Response(QuoteShape(quote).data, status=status.HTTP_201_CREATED)

    def _offering(self, public_id: str, upload: Upload) -> Offering:
        found = Offering.objects.filter(public_id=public_id, package=upload.package).first()
        if found is None:
            raise Http404
        return found


class OneQuote(Quotes):
    """One quote; DELETE gives it back."""

    scopes: ClassVar[dict[str, str]] = {"DELETE": "order"}
    http_method_names = ["get", "delete", "head", "options"]

    @extend_schema(responses=QuoteShape)
    def get(self, request: Request, public_id: str) -> Response:  # type: ignore[override]
        return Response(QuoteShape(self._one(public_id)).data)

    @extend_schema(responses=QuoteShape)
    def delete(self, request: Request, public_id: str) -> Response:
        quote = self._one(public_id)
        if quote.state == Quote.State.OPEN:
            actions.cancel_quote(quote=quote, now=self.now, actor=self.actor)
        return Response(QuoteShape(quote).data)

    def _one(self, public_id: str) -> Quote:
        quote = self.quotes().filter(public_id=public_id).first()
        if quote is None:
            raise Http404
        return quote


class Orders(Door):
    """Orders: POST takes a quote; the cap is reserved and the run begins."""

    scopes: ClassVar[dict[str, str]] = {"POST": "order"}

    def orders(self) -> QuerySet[Order]:
        return Order.objects.filter(organisation=self.organisation).select_related("quote__offering__package")

    @extend_schema(responses=OrderShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(self.orders(), OrderShape)

    @extend_schema(request=OrderRequest, responses={201: OrderShape})
    def post(self, request: Request) -> Response:
        asked = OrderRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        quote = Quote.objects.filter(
            organisation=self.organisation, public_id=asked.validated_data["quote"]
        ).first()
        if quote is None:
            raise Http404
        order = actions.place(quote=quote, user=None, now=self.now, actor=self.actor)
        return Response(OrderShape(order).data, status=status.HTTP_201_CREATED)


class OneOrder(Orders):
    """One order with its progress, charge, result and files."""

    scopes: ClassVar[dict[str, str]] = {}
    http_method_names = ["get", "head", "options"]

    @extend_schema(responses=OrderShape)
    def get(self, request: Request, public_id: str) -> Response:  # type: ignore[override]
        order = self.orders().select_related("allocation").filter(public_id=public_id).first()
        if order is None:
            raise Http404
        return Response(whole(order))


def whole(order: Order) -> dict[str, Any]:
    """An order with everything a program wants to know of it."""
    allocation = order.allocation
    charge = Charge.objects.filter(cause=order.cause).first()
    files = list(allocation.files.filter(deleted_at=None)) if allocation else []
    return {
        **OrderShape(order).data,
        "progress": allocation.progress[-20:] if allocation else [],
        "charge": None
        if charge is None
        else {
            "public_id": charge.public_id,
            "outcome": charge.outcome,
            "asset": charge.asset,
            "total": str(charge.total),
            "lines": charge.lines,
        },
        "result": allocation.result if allocation else None,
        "files": [
            {"public_id": f.public_id, "name": f.name, "bytes": f.size_bytes, "sha256": f.sha256}
            for f in files
        ],
    }


class StopOrder(Orders):
    """Stop an order: nothing is paid before it runs, only the computing while it runs."""

    scopes: ClassVar[dict[str, str]] = {"POST": "order"}
    http_method_names = ["post", "options"]

    @extend_schema(request=None, responses=OrderShape)
    def post(self, request: Request, public_id: str) -> Response:  # type: ignore[override]
        order = (
            self.orders()
            .select_related("allocation", "quote__reservation")
            .filter(public_id=public_id)
            .first()
        )
        if order is None:
            raise Http404
        return Response(OrderShape(actions.stop(order=order, now=self.now, actor=self.actor)).data)


class OrderFile(Door):
    """A result file, as a download."""

    http_method_names = ["get", "head", "options"]

    @extend_schema(responses={(200, "application/octet-stream"): bytes})
    def get(self, request: Request, public_id: str, file_id: str) -> FileResponse:
        row = ResultFile.objects.filter(
            public_id=file_id,
            deleted_at=None,
            allocation__cause=f"order:{public_id}",
            allocation__organisation=self.organisation,
        ).first()
        if row is None:
            raise Http404
        return FileResponse(
            default_storage.open(row.storage_key, "rb"),
            as_attachment=True,
            filename=again.dated(row),
            content_type="application/octet-stream",
        )
