"""What the masthead of every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from bank.lending.queries import lender_cash
from marketplace.billing.queries import wallet_uy
from portal import policy
from portal.accounts.access import company_of
from portal.accounts.models import Organisation

from . import beats

DEMO_CONTACT = "help@suanli.test"  # .test reaches nobody (RFC 2606)


def contact() -> str:
    """Whom customers ask; in a demonstration somebody made up, where the operator has named nobody."""
    return policy.CONTACT or (DEMO_CONTACT if settings.DEMO else "")


def nav(request: HttpRequest) -> dict[str, Any]:
    """`nav` for base.html: the company one works for, what is in its wallet, which section is open."""
    organisation = company_of(request) if hasattr(request, "user") else None
    user = getattr(request, "user", None)
    others = []
    if user is not None and user.is_authenticated:
        others = list(Organisation.objects.filter(memberships__user_id=user.pk).order_by("name"))
    match = getattr(request, "resolver_match", None)
    section = {
        "catalogue": "shop",
        "orders": "orders",
        "billing": "wallet",
        "ledger": "wallet",
        "deposits": "bank",
        "lending": "bank",
        "dispatch": "provider",
        "gateway": "models",
    }.get(match.namespace if match else "", "")
    if match is not None and match.view_name in {"home:figures", "gateway:rankings"}:
        section = "figures"
    elif match is not None and match.view_name == "home:earn":
        section = "bank"
    elif match is not None and match.view_name.startswith(
        ("catalogue:offering", "deposits:site", "gateway:endpoint")
    ):
        section = "provider"
    elif match is not None and match.view_name in {
        "home:front",
        "orders:package",
        "orders:sample",
        "orders:quote",
    }:
        section = "shop"
    return {
        "nav": {
            "organisation": organisation,
            "organisations": others,
            "wallet_uy": wallet_uy(organisation) if organisation else None,
            "funds_uy": lender_cash(organisation).free_uy if organisation and _lends(organisation) else None,
            "demo": settings.DEMO,
            "contact": contact(),
            "section": section,
            "worker_ok": beats.worker_is_alive(),
        }
    }


def _lends(organisation: Organisation) -> bool:
    """A lender's money is not in a wallet: it stands in the account that it lends from."""
    return organisation.role == Organisation.Role.LENDER
