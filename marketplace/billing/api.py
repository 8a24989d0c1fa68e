"""REST: the wallet, top-ups, withdrawals, charges and bills."""

from __future__ import annotations

from typing import ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.serializers import IntegerString, ModelShape, Shape
from portal.api.views import Door

from . import actions, queries, withdrawals
from .models import Bill, Charge, TopUp, Withdrawal


class WalletShape(Shape):
    """Micro-yuan. available = posted − reserved; the credit limit comes after it.

    withdrawable_uy: what of it may go to the bank, without welcome credit that is not spent yet.
    """

    available_uy = IntegerString()
    withdrawable_uy = IntegerString()
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


class WithdrawalShape(ModelShape):
    """Of the account only the last four digits are shown."""

    account_end = serializers.CharField(read_only=True)

    class Meta:
        model = Withdrawal
        fields = [
            "public_id",
            "reference",
            "amount_uy",
            "state",
            "holder",
            "bank_name",
            "account_end",
            "reason",
            "bank_reference",
            "paid_on",
            "created_at",
            "begun_at",
            "ended_at",
        ]


class WithdrawalRequest(Shape):
    """The account must be the company's own."""

    amount_uy = IntegerString(least=10_000)
    bank_name = serializers.CharField(max_length=80)
    account_number = serializers.CharField(max_length=60)


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
            "paid_out_uy",
            "closing_uy",
            "closed_at",
        ]


class Wallet(Door):
    """What is there, what is reserved, what is on its way."""

    @extend_schema(responses=WalletShape)
    def get(self, request: Request) -> Response:
        figures = queries.wallet(self.organisation)
        shown = vars(figures) | {"withdrawable_uy": queries.withdrawable(self.organisation).most_uy}
        return Response(WalletShape(shown).data)


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


class Withdrawals(Door):
    """Money on its way to the company's bank account; POST reserves it and asks for the transfer."""

    scopes: ClassVar[dict[str, str]] = {"GET": "pay_out", "POST": "pay_out"}

    @extend_schema(responses=WithdrawalShape(many=True))
    def get(self, request: Request) -> Response:
        return self.page(Withdrawal.objects.filter(organisation=self.organisation), WithdrawalShape)

    @extend_schema(request=WithdrawalRequest, responses={201: WithdrawalShape})
    def post(self, request: Request) -> Response:
        asked = WithdrawalRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        made = withdrawals.ask(
            **asked.validated_data,
            organisation=self.organisation,
            key=f"api:{request.headers.get('Idempotency-Key', '')}"[:120],
            user=None,
            now=self.now,
            actor=self.actor,
        )
        return Response(WithdrawalShape(made).data, status=status.HTTP_201_CREATED)


class OneWithdrawal(Door):
    """One withdrawal, with the reason where it was refused or came back."""

    scopes: ClassVar[dict[str, str]] = {"GET": "pay_out"}

    @extend_schema(responses=WithdrawalShape)
    def get(self, request: Request, public_id: str) -> Response:
        found = get_object_or_404(Withdrawal, organisation=self.organisation, public_id=public_id)
        return Response(WithdrawalShape(found).data)


class TakeBack(Door):
    """Take a withdrawal back while nobody has begun to pay it."""

    scopes: ClassVar[dict[str, str]] = {"POST": "pay_out"}

    @extend_schema(request=None, responses=WithdrawalShape)
    def post(self, request: Request, public_id: str) -> Response:
        found = get_object_or_404(Withdrawal, organisation=self.organisation, public_id=public_id)
        done = withdrawals.take_back(withdrawal=found, now=self.now, actor=self.actor)
        return Response(WithdrawalShape(done).data)


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
