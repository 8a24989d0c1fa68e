"""The question before money or hours move: the form again, hidden, with a key that makes it count once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from marketplace.catalogue.models import IndexPrice
from portal.core.fragments import render
from portal.core.ids import public_id

from .offered import Offered
from .outlook import Outlook


def is_sure(request: HttpRequest) -> bool:
    return request.method == "POST" and request.POST.get("sure") == "1"


def key_of(request: HttpRequest) -> str:
    """The key the question gave; a form posted without one gets its own."""
    return request.POST.get("key", "")[:40] or public_id("key")


def ask(
    request: HttpRequest,
    *,
    title: str,
    text: str,
    label: str,
    back_url: str,
    form: forms.Form | None = None,
    extra: dict[str, str] | None = None,
    lines: list[dict[str, Any]] | None = None,
    danger: bool = False,
    outlook: Outlook | None = None,
    terms: Offered | None = None,
    index: IndexPrice | None = None,
) -> HttpResponse:
    """Show what will happen; its button posts the form's fields and `extra` back to this address."""
    values = {name: request.POST.get(name, "") for name in form.fields} if form else {}
    values |= {**(extra or {}), "sure": "1", "key": public_id("key")}
    return render(
        request,
        "lending/confirm",
        {
            "title": title,
            "text": text,
            "label": label,
            "back_url": back_url,
            "lines": lines,
            "danger": danger,
            "outlook": outlook,
            "terms": terms,
            "index": index,
            "action": request.path,
            "fields": [{"name": n, "value": v} for n, v in values.items()],
        },
    )
