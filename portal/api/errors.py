"""One shape for everything that goes wrong over REST.

    {"error": {"type": "refused", "code": "insufficient_funds", "message": "…", "param": null,
               "params": {"missing_uy": "1250000"}, "what_happened_to_the_money": "…"}}

type     invalid_request 400 · authentication 401 · permission 403 · not_found 404 · idempotency 409 ·
         rate_limit 429 · server 5xx · refused (any other: a rule said no)
code     stable, for programs; message is for people, in the language of Accept-Language
param    the field that is wrong, dotted (`job.units`), or null
params   what the message names; of a validation error {"fields": {field: [sentences]}}
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from portal.core.errors import Refused

log = logging.getLogger(__name__)

TYPES = {
    400: "invalid_request",
    401: "authentication",
    403: "permission",
    404: "not_found",
    405: "invalid_request",
    406: "invalid_request",
    413: "invalid_request",
    415: "invalid_request",
    422: "invalid_request",
    429: "rate_limit",
}
LOCK_NOT_AVAILABLE = "55P03"


def handle(exc: Exception, context: dict[str, Any]) -> Response:
    """Any exception of a view as an answer (DRF's EXCEPTION_HANDLER). A surprise is logged and is a 500."""
    set_rollback()
    request = context.get("request")
    is_write = getattr(request, "method", "GET") not in ("GET", "HEAD", "OPTIONS")
    if isinstance(exc, OperationalError) and getattr(exc.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
        exc = Refused("busy")
    if isinstance(exc, Refused):
        return answer(exc.status, exc.code, str(exc), params=plain(exc.params), is_write=is_write)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound(_("There is nothing at this address, or it belongs to another company."))
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied(*(exc.args[:1]))
    if isinstance(exc, exceptions.ValidationError):
        faults = list(flatten(exc.detail))
        fields: dict[str, list[str]] = {}
        for name, detail in faults:
            fields.setdefault(name, []).append(str(detail))
        name, first = (
            faults[0] if faults else ("", exceptions.ErrorDetail(_("The request is not valid."), "invalid"))
        )
        return answer(
            400, str(first.code), str(first), param=name or None, params={"fields": fields}, is_write=is_write
        )
    if isinstance(exc, exceptions.APIException):
        headers = {}
        if auth_header := getattr(exc, "auth_header", None):
            headers["WWW-Authenticate"] = str(auth_header)
        if wait := getattr(exc, "wait", None):
            headers["Retry-After"] = str(int(wait))
        code = str(getattr(exc.detail, "code", None) or exc.default_code)
        return answer(exc.status_code, code, str(exc.detail), is_write=is_write, headers=headers)
    log.error("unhandled in %s", type(context.get("view")).__name__, exc_info=exc)
    return answer(
        500, "server_error", _("Something broke on our side; it has been written down."), is_write=is_write
    )


def answer(
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    params: dict[str, Any] | None = None,
    is_write: bool = False,
    headers: dict[str, str] | None = None,
) -> Response:
    """An error in its one shape."""
    if code.startswith("idempotency_") and status == 409:
        kind = "idempotency"
    else:
        kind = TYPES.get(status, "server" if status >= 500 else "refused")
    error = {
        "type": kind,
        "code": code,
        "message": message,
        "param": param,
        "params": params or {},
        "what_happened_to_the_money": money_words(status, code, is_write),
    }
    return Response({"error": error}, status=status, headers=headers or {})


def money_words(status: int, code: str, is_write: bool) -> str:
    if not is_write:
        return _("Nothing: this request only reads.")
    if code == "idempotency_key_reused":
        return _("This request moved no money. What the first request with this key did is not changed.")
    if code == "idempotency_in_progress":
        return _(
            "This request moved no money itself. The first request with this key decides; repeat it to "
            "see its answer."
        )
    if status >= 500:
        return _(
            "No money moved: everything this request had begun was undone. Repeat it with the same "
            "Idempotency-Key."
        )
    return _("No money moved and nothing was reserved.")


def plain(params: dict[str, Any]) -> dict[str, Any]:
    """A refusal's parameters for JSON: amounts are integer strings, as everywhere in the API."""
    return {
        k: str(v) if not isinstance(v, (bool, int)) or k.endswith(("_uy", "_cms", "_tokens")) else v
        for k, v in params.items()
    }


def flatten(detail: Any, path: str = "") -> Iterator[tuple[str, exceptions.ErrorDetail]]:
    """Every fault of a nested validation error with the dotted name of its field ("" for the whole)."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            here = path if key == api_settings.NON_FIELD_ERRORS_KEY else f"{path}.{key}" if path else str(key)
            yield from flatten(value, here)
    elif isinstance(detail, (list, tuple)):
        for index, value in enumerate(detail):
            nested = isinstance(value, (dict, list))
            yield from flatten(value, f"{path}.{index}" if path and nested else path)
    else:
        yield path, detail
