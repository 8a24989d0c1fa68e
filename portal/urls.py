"""Every URL of the portal. Rooms bring their own; a company's pages live under /c/<slug>/."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

ROOMS = [
    "portal.accounts",
    "portal.api",
    "bank.ledger",
    "marketplace.dispatch",  # before the shelves, whose address of a step takes any word
    "marketplace.catalogue",
    "marketplace.billing",
    "marketplace.gateway",
    "marketplace.orders",
    "bank.deposits",
    "bank.lending",
    "portal.home",
]


def room_urls() -> list:
    """`urls.py` of a room: `public` under /, `company` under /c/<slug>/, `api` under /api/v1/."""
    found = []
    for room in ROOMS:
        if find_spec(f"{room}.urls") is None:
            continue
        module = import_module(f"{room}.urls")
        label = room.rsplit(".", 1)[1]
        for name, prefix in (
            ("public", ""),
            ("company", "c/<slug:slug>/"),
            ("api", "api/v1/"),
            ("fallback", "api/v1/"),
        ):
            patterns = getattr(module, name, None)
            if patterns:
                space = label if name in ("public", "company") else f"{label}-{name}"
                # public and company pages of a room share one namespace
                found.append((prefix, patterns, space))
    merged: dict[str, list] = {}
    for prefix, patterns, space in found:
        merged.setdefault(space, []).append(path(prefix, include(patterns)))
    ordered = sorted(
        merged.items(), key=lambda pair: pair[0].endswith("-fallback")
    )  # what catches all comes last
    return [path("", include((patterns, space), namespace=space)) for space, patterns in ordered]


urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    *room_urls(),
]
