"""One URL, two answers: the whole page, or for htmx the fragment that the page includes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render as django_render


def render(
    request: HttpRequest,
    page: str,
    context: dict[str, Any] | None = None,
    *,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render `page` ("orders/detail"), or `fragment` when htmx asks for a part of it.

    A boosted or history-restoring htmx request wants the page.
    """
    htmx = getattr(request, "htmx", None)
    partial = htmx and fragment and not htmx.boosted and not htmx.history_restore_request
    response = django_render(request, f"{fragment if partial else page}.html", context, status=status)
    if fragment:
        response["Vary"] = "HX-Request"
        response["Cache-Control"] = "no-store"
    return response
