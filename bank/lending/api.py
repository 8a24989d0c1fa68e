"""REST: loans, applications with their pledge, offers, acceptance, repayments."""

from __future__ import annotations

from typing import ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.catalogue.models import ResourceClass
from portal.accounts.models import Organisation
from portal.api.serializers import Instant, IntegerString, ModelShape, Shape
from portal.api.views import Door
from portal.core.money import FEN_UY

from . import actions, queries, terms
from .models import Application, Offer, Repayment


class LoanShape(Shape):
    """A loan today. ltv_ppm: null where nothing stands behind it; indexes in micro-yuan per card-hour."""

    public_id = serializers.CharField(source="loan.public_id")
    state = serializers.CharField(source="loan.state")
    lender = serializers.CharField(source="loan.lender.name")
    borrower = serializers.CharField(source="loan.borrower.name")
    asset = serializers.CharField(source="loan.application.resource_class.asset")
    pledged_cms = IntegerString()
    value_uy = IntegerString()
    principal_uy = IntegerString()
    interest_uy = IntegerString()
    debt_uy = IntegerString()
    behind_uy = IntegerString()
    rate_ppm = serializers.IntegerField(source="loan.rate_ppm")
    months = serializers.IntegerField(source="loan.months")
    ltv_ppm = serializers.IntegerField(allow_null=True)
    call_index_uy = IntegerString()
    sale_index_uy = IntegerString()
    cure_uy = IntegerString()
    call_due_date = serializers.DateField(source="loan.call_due_date", allow_null=True)
    started_at = Instant(source="loan.started_at")


class OfferShape(ModelShape):
    lender = serializers.CharField(source="lender.name")

    class Meta:
        model = Offer
        fields = [
            "public_id",
            "lender",
            "amount_uy",
            "rate_ppm",
            "months",
            "state",
            "created_at",
            "expires_at",
        ]


class ApplicationShape(ModelShape):
    asset = serializers.CharField(source="resource_class.asset")
    offers = OfferShape(many=True)

    class Meta:
        model = Application
        fields = [
            "public_id",
            "asset",
            "pledged_cms",
            "amount_uy",
            "months",
            "purpose",
            "state",
            "created_at",
            "expires_at",
            "offers",
        ]


class RepaymentShape(ModelShape):
    class Meta:
        model = Repayment
        fields = ["public_id", "interest_uy", "principal_uy", "created_at"]


class ApplicationRequest(Shape):
    asset = serializers.CharField(max_length=40)
    pledge_cms = IntegerString(least=1)
    amount_uy = IntegerString(least=FEN_UY, of=FEN_UY)
    months = serializers.IntegerField(min_value=1, max_value=terms.MONTHS_MOST)
    purpose = serializers.CharField(max_length=300)


class OfferRequest(Shape):
    amount_uy = IntegerString(least=FEN_UY, of=FEN_UY)
    rate_ppm = serializers.IntegerField(min_value=0, max_value=terms.RATE_MOST_PPM)
    months = serializers.IntegerField(min_value=1, max_value=terms.MONTHS_MOST)


class RepaymentRequest(Shape):
    """Without an amount everything is repaid."""

    amount_uy = IntegerString(least=FEN_UY, of=FEN_UY, required=False)


class Loans(Door):
    """What a company owes, or what a lender gave."""

    scopes: ClassVar[dict[str, str]] = {"GET": "finance"}

    @extend_schema(responses=LoanShape(many=True))
    def get(self, request: Request) -> Response:
        rows = self.paginator.paginate_queryset(queries.loans_of(self.organisation), request, view=self)
        shown = LoanShape(queries.positions(rows, self.now), many=True).data
        return self.paginator.get_paginated_response(shown)


class Applications(Door):
    """A company's applications; POST pledges hours and asks for a loan."""

    scopes: ClassVar[dict[str, str]] = {"GET": "finance", "POST": "finance"}

    @extend_schema(responses=ApplicationShape(many=True))
    def get(self, request: Request) -> Response:
        rows = queries.visible_to(self.organisation)
        if self.organisation.role == Organisation.Role.LENDER:  # a lender does not see the others' offers
            return self.page(rows, OpenApplicationShape)
        return self.page(rows.prefetch_related("offers__lender"), ApplicationShape)

    @extend_schema(request=ApplicationRequest, responses={201: ApplicationShape})
    def post(self, request: Request) -> Response:
        asked = ApplicationRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)
        resource_class = ResourceClass.objects.filter(asset=data.pop("asset")).first()
        if resource_class is None:
            raise Http404
        made = actions.apply(
            organisation=self.organisation,
            resource_class=resource_class,
            now=self.now,
            actor=self.actor,
            **data,
        )
        return Response(ApplicationShape(made).data, status=status.HTTP_201_CREATED)


class OpenApplicationShape(ApplicationShape):
    company = serializers.CharField(source="organisation.name")
    offers = None  # type: ignore[assignment]

    class Meta:
        model = Application
        fields = [name for name in ApplicationShape.Meta.fields if name != "offers"] + ["company"]


class Offers(Door):
    """A lender's binding offer on an application."""

    scopes: ClassVar[dict[str, str]] = {"POST": "finance"}
    http_method_names = ["post", "options"]

    @extend_schema(request=OfferRequest, responses={201: OfferShape})
    def post(self, request: Request, public_id: str) -> Response:
        if self.organisation.role != Organisation.Role.LENDER:
            raise Http404
        row = queries.visible_to(self.organisation).filter(public_id=public_id).first()
        if row is None:
            raise Http404
        asked = OfferRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        made = actions.add_offer(
            application=row, lender=self.organisation, now=self.now, actor=self.actor, **asked.validated_data
        )
        return Response(OfferShape(made).data, status=status.HTTP_201_CREATED)


class Accept(Door):
    """The borrower takes an offer: the money is in the wallet."""

    scopes: ClassVar[dict[str, str]] = {"POST": "finance"}
    http_method_names = ["post", "options"]

    @extend_schema(request=None, responses={201: LoanShape})
    def post(self, request: Request, public_id: str) -> Response:
        offer = (
            Offer.objects.select_related("application")
            .filter(public_id=public_id, application__organisation=self.organisation)
            .first()
        )
        if offer is None:
            raise Http404
        made = actions.accept(offer=offer, now=self.now, actor=self.actor)
        loan = queries.loans().get(pk=made.pk)
        return Response(LoanShape(queries.position(loan, self.now)).data, status=status.HTTP_201_CREATED)


class Repayments(Door):
    """Repay from the wallet: interest first, then principal."""

    scopes: ClassVar[dict[str, str]] = {"GET": "finance", "POST": "finance"}

    @extend_schema(responses=RepaymentShape(many=True))
    def get(self, request: Request, public_id: str) -> Response:
        return self.page(self._loan(public_id).repayments.all(), RepaymentShape)

    @extend_schema(request=RepaymentRequest, responses={201: RepaymentShape})
    def post(self, request: Request, public_id: str) -> Response:
        loan = self._loan(public_id)
        if loan.borrower_id != self.organisation.pk:
            raise Http404
        asked = RepaymentRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        key = f"api:{request.headers.get('Idempotency-Key', '')}"[:80]
        made = actions.repay(
            loan=loan,
            amount_uy=asked.validated_data.get("amount_uy"),
            key=key,
            now=self.now,
            actor=self.actor,
        )
        return Response(RepaymentShape(made).data, status=status.HTTP_201_CREATED)

    def _loan(self, public_id: str):
        found = queries.loans_of(self.organisation).filter(public_id=public_id).first()
        if found is None:
            raise Http404
        return found
