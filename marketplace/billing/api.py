"""REST: the wallet, top-ups, charges and bills."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.serializers import IntegerString, ModelShape, Shape
from portal.api.views import Door

from . import actions, queries
from .models import Bill, Charge, TopUp


class WalletShape(Shape):
    """Micro-yuan. available = posted − reserved; the credit limit comes after it."""

    available_uy = IntegerString()
    held_uy = IntegerString()
    posted_uy = IntegerString()
    coming_uy = IntegerString()
    credit_limit_uy = IntegerString()
    credit_drawn_uy = IntegerString()


class TopUpShape(ModelShape):
    class Meta:
        model = TopUp
        fields = ["public_id", "reference", "amount_uy", "booked_uy", "state", "created_at", "booked_at"]


class TopUpRequest(Shape):
    amount_uy = IntegerString(least=10_000)


class ChargeShape(ModelShape):
    total = IntegerString()
    cap = IntegerString()
    credit_used = IntegerString()

    class Meta:
        model = Charge
        fields = [
            "public_id",
            "cause",
            "what_en",
            "what_zh",
            "asset",
            "outcome",
            "lines",
            "total",
            "cap",
            "credit_used",
            "settled_at",
        ]


class BillShape(ModelShape):
    class Meta:
        model = Bill
        fields = [
            "public_id",
            "month",
            "opening_uy",
            "came_in_uy",
            "charged_uy",
            "credit_used_uy",
            "closing_uy",
            "closed_at",
        ]


class Wallet(Door):
    """What is there, what is reserved, what is on its way."""

    @extend_schema(responses=WalletShape)
    def get(self, request: Request) -> Response:
        return Response(WalletShape(queries.wallet(self.organisation)).data)


class TopUps(Door):
    """Bank transfers announced; POST gives the reference code to write into the transfer."""

    scopes: ClassVar[dict[str, str]] = {"POST": "finance"}

    @extend_schema(responses=TopUpShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(TopUp.objects.filter(organisation=self.organisation), TopUpShape)

    @extend_schema(request=TopUpRequest, responses={201: TopUpShape})
    def post(self, request: Request) -> Response:
        asked = TopUpRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        made = actions.request_topup(
            organisation=self.organisation,
            amount_uy=asked.validated_data["amount_uy"],
            user=None,
            now=self.now,
            actor=self.actor,
        )
        return Response(TopUpShape(made).data, status=status.HTTP_201_CREATED)


class Charges(Door):
    """What each order came to."""

    @extend_schema(responses=ChargeShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(Charge.objects.filter(organisation=self.organisation), ChargeShape)


class Bills(Door):
    """Closed months."""

    @extend_schema(responses=BillShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(Bill.objects.filter(organisation=self.organisation), BillShape)
