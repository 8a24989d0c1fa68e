"""REST doors of this room: one's company, and its keys (for an owner's browser: no key makes keys)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal import policy
from portal.api.serializers import Instant, IntegerString, ModelShape, Shape
from portal.api.views import Door

from . import actions, queries
from .models import ApiKey, Organisation


class CompanyShape(ModelShape):
    """The company that the key belongs to."""

    id = serializers.CharField(source="public_id")
    short_name = serializers.CharField(source="slug")
    is_sme = serializers.BooleanField()
    most_per_order_uy = serializers.SerializerMethodField(
        help_text="what one order may cost while the company waits for approval; null when there is no limit"
    )

    class Meta:
        model = Organisation
        fields = (
            "id", "short_name", "name", "uscc", "industry", "employees", "revenue_wan", "assets_wan",
            "size_class", "is_sme", "is_provider", "state", "most_per_order_uy", "created_at",
        )  # fmt: skip

    def get_most_per_order_uy(self, company: Organisation) -> str | None:
        limited = company.state == Organisation.State.REGISTERED
        return IntegerString().to_representation(policy.UNAPPROVED_ORDER_LIMIT_UY) if limited else None


class KeyShape(ModelShape):
    """A key without its secret."""

    id = serializers.CharField(source="public_id")
    created_by = serializers.EmailField(source="created_by.email")

    class Meta:
        model = ApiKey
        fields = (
            "id", "name", "scopes", "created_by", "created_at", "expires_at", "revoked_at", "last_used_at",
        )  # fmt: skip


class NewKey(Shape):
    name = serializers.CharField(max_length=60)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ApiKey.Scope.choices), min_length=1)
    expires_at = Instant(required=False, allow_null=True)


class MadeKey(KeyShape):
    """The one answer that shows the secret; repeated with the same Idempotency-Key it is null."""

    secret = serializers.CharField(allow_null=True)

    class Meta:
        model = ApiKey
        fields = (*KeyShape.Meta.fields, "secret")


class CompanyDoor(Door):
    @extend_schema(responses=CompanyShape, summary="The company that you act for")
    def get(self, request: Request) -> Response:
        return Response(CompanyShape(self.organisation).data)


class KeysDoor(Door):
    scopes = {"GET": "owner", "POST": "owner"}

    @extend_schema(responses=KeyShape(many=True), summary="The company’s keys")
    def get(self, request: Request) -> Response:
        return self.page(queries.keys_of(self.organisation), KeyShape)

    @extend_schema(request=NewKey, responses={201: MadeKey}, summary="Make a key")
    def post(self, request: Request) -> Response:
        asked = NewKey(data=request.data)
        asked.is_valid(raise_exception=True)
        key, secret = actions.create_key(
            organisation=self.organisation,
            user=request.user,  # type: ignore[arg-type]
            now=self.now,
            actor=self.actor,
            **asked.validated_data,
        )
        shown: dict[str, Any] = {**KeyShape(key).data}
        response = Response({**shown, "secret": secret}, status=201)
        response.kept_data = {**shown, "secret": None}  # type: ignore[attr-defined]
        return response


class KeyDoor(Door):
    scopes = {"DELETE": "owner"}

    @extend_schema(responses={204: None}, summary="Revoke a key")
    def delete(self, request: Request, public_id: str) -> Response:
        key = queries.key_for(self.organisation, public_id)
        if key is None:
            raise Http404
        actions.revoke_key(key=key, now=self.now, actor=self.actor)
        return Response(status=204)
