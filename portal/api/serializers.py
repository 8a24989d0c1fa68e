"""How values look over REST: whole numbers of money, capacity and tokens as strings, instants as ISO with Z.

A string, because 2^53 micro-yuan is only nine milliard yuan and JSON readers round beyond it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

UNITS = ("_uy", "_cms", "_tokens")
INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
MOST = 2**63 - 1


@extend_schema_field({"type": "string", "pattern": r"^-?\d{1,19}$", "example": "79000000"})
class IntegerString(serializers.Field):
    """`"79000000"` ↔ 79000000. Takes a JSON integer too; never a float. least, most: bounds; of: a divisor."""

    default_error_messages = {
        "invalid": _('Write a whole number as a string of digits, for instance "79000000".'),
        "least": _("This must be at least {least}."),
        "most": _("This must be at most {most}."),
        "of": _("This must be a multiple of {of}."),
    }

    def __init__(self, *, least: int = -MOST, most: int = MOST, of: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most, self.of = least, most, of

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, (int, str)) or not INTEGER.fullmatch(str(data)):
            self.fail("invalid")
        value = int(data)
        if value < self.least:
            self.fail("least", least=self.least)
        if value > self.most:
            self.fail("most", most=self.most)
        if value % self.of:
            self.fail("of", of=self.of)
        return value

    def to_representation(self, value: int) -> str:
        return str(int(value))


class Instant(serializers.DateTimeField):
    """ISO 8601 in UTC: 2026-11-23T01:12:00Z."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_representation(self, value: datetime | None) -> str | None:  # type: ignore[override]
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Shape(serializers.Serializer):
    """Base of the rooms' serializers that stand for no single table."""


class ModelShape(serializers.ModelSerializer):
    """Base of rooms' serializers of a table: a column's name decides (`_uy`, `_cms`, `_tokens`, dates)."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Instant,
    }

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        if field_name.endswith(UNITS):
            _known, options = super().build_standard_field(field_name, model_field)
            kept = ("read_only", "required", "allow_null", "default", "help_text", "label")
            return IntegerString, {k: v for k, v in options.items() if k in kept}
        return super().build_standard_field(field_name, model_field)
