"""What OpenAPI says beyond the views: the headers every door takes and the errors every door gives."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from .serializers import Shape

COMPANY = OpenApiParameter(
    "Suanli-Company",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The company's short name. Only for people signed in with a browser who belong to several.",
)
KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="Yours, up to 200 visible characters. Repeated with the same body, the first answer comes.",
)


class Fault(Shape):
    """What went wrong; the same shape for everything."""

    type = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    params = serializers.DictField()
    what_happened_to_the_money = serializers.CharField()


class Error(Shape):
    error = Fault()


class DoorSchema(AutoSchema):
    """Adds the two headers, and one error answer instead of a list of them."""

    def get_override_parameters(self) -> list[Any]:
        named = [COMPANY] if hasattr(self.view, "scopes") else []
        return [*named, KEY] if self.method in ("POST", "PUT", "PATCH", "DELETE") else named

    def get_description(self) -> str:  # type: ignore[override]
        """The docstring of the method or of the door itself, never that of a base class."""
        return super().get_description() if type(self.view).__doc__ or self._has_own_words() else ""

    def _has_own_words(self) -> bool:
        return bool(getattr(self.view, self.method.lower(), None).__doc__)

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        bodies.setdefault("default", self._get_response_for_code(Error, "default"))
        bodies["default"]["description"] = "Any error"
        return bodies
