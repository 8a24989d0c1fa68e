"""The shelf of models for everybody: all that can be called, and one model with every provider's prices."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from portal.core import clock
from portal.core.fragments import render

from . import shelf
from .models import AiModel


@require_GET
def models(request: HttpRequest) -> HttpResponse:
    chosen, number = shelf.Chosen.of(request.GET), request.GET.get("page", "1")
    page = int(number) if number.isdecimal() and len(number) < 6 else 1
    found = shelf.shelf(now=clock.now(), chosen=chosen, page=page)
    context = {
        "shelf": found,
        "chips": chosen.chips(),
        "previous_url": chosen.query(page=str(found.page - 1)) if found.page > 1 else "",
        "next_url": chosen.query(page=str(found.page + 1)) if found.page < found.pages else "",
    }
    return render(request, "gateway/models", context)


@require_GET
def model(request: HttpRequest, name: str) -> HttpResponse:
    row = get_object_or_404(AiModel, slug=name)
    return render(request, "gateway/model", {"model": row, "offers": shelf.offers_of(row, now=clock.now())})
