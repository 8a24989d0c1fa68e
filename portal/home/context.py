"""What the masthead of every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.accounts.access import company_of


def nav(request: HttpRequest) -> dict[str, Any]:
    """`nav` for base.html: the company one works for, what is in its wallet, which section is open."""
    organisation = company_of(request) if hasattr(request, "user") else None
    match = getattr(request, "resolver_match", None)
    section = {
        "catalogue": "shop", "orders": "orders", "billing": "wallet", "ledger": "wallet", "deposits": "bank",
        "lending": "bank", "dispatch": "provider",
    }.get(match.namespace if match else "", "")
    return {
        "nav": {
            "organisation": organisation,
            "wallet_uy": None,
            "demo": settings.DEMO,
            "section": section,
            "worker_ok": True,
        }
    }
