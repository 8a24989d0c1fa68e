"""Lists a page at a time, by key and not by number: new rows never shift a page.

    GET …?limit=50&cursor=…  →  {"items": […], "next_cursor": "…" | null}

Newest first. The cursor is the last row's internal id, sealed: nobody reads from it how many rows there are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

MOST = 200
NONCE, TAG = 8, 8


def _pad(purpose: bytes, nonce: bytes) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"cursor:" + purpose + nonce, hashlib.sha256)


def seal(number: int) -> str:
    """An id as an opaque text."""
    nonce = os.urandom(NONCE)
    hidden = bytes(a ^ b for a, b in zip(number.to_bytes(8, "big"), _pad(b"pad", nonce), strict=False))
    tag = _pad(b"tag", nonce + hidden)[:TAG]
    return base64.urlsafe_b64encode(nonce + hidden + tag).rstrip(b"=").decode()


def unseal(text: str) -> int:
    """The id in a cursor; ValidationError for anything that `seal` did not make."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    nonce, hidden, tag = raw[:NONCE], raw[NONCE : NONCE + 8], raw[NONCE + 8 :]
    if len(raw) != NONCE + 8 + TAG or not hmac.compare_digest(tag, _pad(b"tag", nonce + hidden)[:TAG]):
        raise ValidationError(
            {"cursor": [_("Use next_cursor of the page before as it is.")]}, code="bad_cursor"
        )
    return int.from_bytes(bytes(a ^ b for a, b in zip(hidden, _pad(b"pad", nonce), strict=False)), "big")


class Keyset(BasePagination):
    """DRF's default pagination here. Orders by -id whatever the queryset's order was."""

    next_cursor: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit = self._limit(request)
        rows = queryset.order_by("-pk")
        if cursor := request.query_params.get("cursor"):
            rows = rows.filter(pk__lt=unseal(cursor))
        page = list(rows[: limit + 1])
        self.next_cursor = seal(page[limit - 1].pk) if len(page) > limit else None
        return page[:limit]

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", "")
        default = int(api_settings.PAGE_SIZE or 50)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
            raise ValidationError(
                {"limit": [_("Ask for 1 to %(most)s rows a page.") % {"most": MOST}]}, code="bad_limit"
            )
        return int(text)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": schema,
                "next_cursor": {
                    "type": "string",
                    "nullable": True,
                    "description": "?cursor= of the next page; null on the last",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "schema": {"type": "string"},
                "description": "next_cursor of the page before",
            },
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": f"rows a page, 1 to {MOST}",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST},
            },
        ]
