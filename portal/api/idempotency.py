"""A write that is repeated with the same Idempotency-Key is done once; the others get its answer.

The record is inserted first, in the transaction of the work itself, so record and effect commit together.
Whoever comes with the same key meanwhile waits at the unique index until that transaction ends: it then
finds the answer and replays it, or (the first one failed and left nothing) does the work itself.
A refusal undoes the work by a savepoint while its answer stays. Kept for 24 hours: 2xx and the answers
that the same request would get again (400, 402, 422); never 401, 403, 404, 409, 429 and 5xx.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import OperationalError, connection, transaction
from django.http.request import QueryDict
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core import clock
from portal.core.errors import Refused

from .errors import LOCK_NOT_AVAILABLE
from .models import IdempotencyRecord

LIFE = timedelta(hours=24)
WAIT_MS = 10_000  # for a rival with the same key; then 409 idempotency_in_progress
KEY = re.compile(r"[\x21-\x7e]{1,200}")
KEPT_ERRORS = {400, 402, 422}
SWEEP_ROWS = 5_000
WRITES = ("post", "put", "patch", "delete")


def key_of(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
        raise Refused("idempotency_key_required")
    return key


def fingerprint(request: Request) -> str:
    """sha256 of what is asked: query and body, whatever the order of fields or the multipart boundary."""
    data = request.data
    if isinstance(data, QueryDict):
        asked: Any = {name: data.getlist(name) for name in data if name not in request.FILES}
        for name in request.FILES:
            asked[name] = [[file.name, _digest(file)] for file in request.FILES.getlist(name)]
    else:
        asked = data
    query = sorted((name, request.query_params.getlist(name)) for name in request.query_params)
    text = json.dumps([query, asked], sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _digest(file: Any) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def idempotent(method: Callable[..., Response]) -> Callable[..., Response]:
    """Wraps `post`, `put`, `patch` or `delete` (a Door does so itself); `view.owner` is whose key it is."""

    @wraps(method)
    def inner(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if request.method.lower() not in WRITES:  # type: ignore[union-attr]
            return method(view, request, *args, **kwargs)
        asked = {
            "owner": view.owner,
            "method": request.method,
            "path": request.path[:300],
            "key": key_of(request),
        }
        now = clock.now()
        with transaction.atomic():
            record = claim(asked=asked, fingerprint=fingerprint(request), now=now)
            if record.status:
                return Response(
                    json.loads(record.body) if record.body else None,
                    status=record.status,
                    headers={"Idempotent-Replayed": "true"},
                )
            response = _work(view, method, request, args, kwargs)
            if response.status_code < 300 or response.status_code in KEPT_ERRORS:
                _keep(record, response)
            else:
                transaction.set_rollback(True)
        return response

    inner.is_idempotent = True  # type: ignore[attr-defined]
    return inner


def claim(*, asked: dict[str, Any], fingerprint: str, now: datetime) -> IdempotencyRecord:
    """The record of these keys, locked: ours to answer (status 0), or answered before. Needs a transaction.

    Raises Refused("idempotency_key_reused") for another request, Refused("idempotency_in_progress") when the
    first one takes longer than WAIT_MS.
    """
    fresh = {"fingerprint": fingerprint, "status": 0, "body": "", "created_at": now, "expires_at": now + LIFE}
    with (
        connection.cursor() as cursor
    ):  # ends with the transaction; later locks of the work wait no longer either
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{WAIT_MS}ms"])
    while True:
        try:
            IdempotencyRecord.objects.bulk_create(
                [IdempotencyRecord(**asked, **fresh)], ignore_conflicts=True
            )
            record = IdempotencyRecord.objects.select_for_update().filter(**asked).first()
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
                raise Refused("idempotency_in_progress") from error
            raise
        if record is None:  # swept away between the two statements
            continue
        if record.status and record.expires_at <= now:
            IdempotencyRecord.objects.filter(pk=record.pk).update(**fresh)
            record.refresh_from_db()
        if record.fingerprint != fingerprint:
            raise Refused("idempotency_key_reused")
        return record


def _work(view: Any, method: Callable[..., Response], request: Request, args: Any, kwargs: Any) -> Response:
    try:
        with transaction.atomic():
            response = method(view, request, *args, **kwargs)
            if response.status_code >= 400:
                transaction.set_rollback(True)
    except Exception as exc:
        return view.handle_exception(exc)
    return response


def _keep(record: IdempotencyRecord, response: Response) -> None:
    if response.status_code >= 400 and isinstance(response.data, dict) and "error" in response.data:
        error = response.data["error"]
        error["what_happened_to_the_money"] += " " + _(
            "This answer is kept for this Idempotency-Key: to try again, correct the request and send "
            "a new key."
        )
    data = getattr(
        response, "kept_data", response.data
    )  # a door may keep less than it shows: no secret is stored
    body = "" if data is None else JSONRenderer().render(data).decode()
    IdempotencyRecord.objects.filter(pk=record.pk).update(status=response.status_code, body=body)


def sweep(*, now: datetime) -> int:
    """Forget answers older than their 24 hours, some thousand at a time; returns how many."""
    old = (
        IdempotencyRecord.objects.filter(expires_at__lte=now).order_by("expires_at").values("pk")[:SWEEP_ROWS]
    )
    with transaction.atomic():
        return IdempotencyRecord.objects.filter(
            pk__in=list(
                IdempotencyRecord.objects.select_for_update(skip_locked=True)
                .filter(pk__in=old)
                .values_list("pk", flat=True)
            )
        ).delete()[0]
