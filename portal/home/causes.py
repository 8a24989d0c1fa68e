"""What moved money, in words, and the page of the staff's desk that shows it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext as _

from bank.ledger.desk import CAUSES
from marketplace.billing.models import TopUp, Withdrawal
from marketplace.orders.models import Order
from portal.accounts.models import Organisation


def causes_of(causes: set[str]) -> dict[str, tuple[str, str]]:
    """`order:ord_…` → ("Order 2611-00412", its page), `topup:top_…` → ("Top-up SL-…", its page)."""
    ids: dict[str, list[str]] = {}
    for cause in causes:
        kind, _colon, public_id = cause.partition(":")
        ids.setdefault(kind, []).append(public_id)
    found: dict[str, tuple[str, str]] = {}
    for pk, public_id, number in Order.objects.filter(public_id__in=ids.get("order", [])).values_list(
        "pk", "public_id", "number"
    ):
        found[f"order:{public_id}"] = (
            _("Order %(number)s") % {"number": number},
            reverse("admin:orders_order_change", args=[pk]),
        )
    for pk, public_id, reference in TopUp.objects.filter(public_id__in=ids.get("topup", [])).values_list(
        "pk", "public_id", "reference"
    ):
        found[f"topup:{public_id}"] = (
            _("Top-up %(reference)s") % {"reference": reference},
            reverse("admin:billing_topup_change", args=[pk]),
        )
    for pk, public_id, reference in Withdrawal.objects.filter(
        public_id__in=ids.get("withdrawal", [])
    ).values_list("pk", "public_id", "reference"):
        found[f"withdrawal:{public_id}"] = (
            _("Withdrawal %(reference)s") % {"reference": reference},
            reverse("admin:billing_withdrawal_change", args=[pk]),
        )
    for public_id in ids.get("organisation", []):
        found[f"organisation:{public_id}"] = (_("Registration of the company"), "")
    for kind in ids.keys() & CAUSES.keys() - {"order", "topup", "withdrawal", "organisation"}:
        for public_id in ids[kind]:
            cause = f"{kind}:{public_id}"
            found[cause] = (str(CAUSES[kind]), reverse("admin:cause", args=[cause]))
    return found


def page_of(cause: str) -> str:
    """The page of one thing, `order:ord_…`; "" where there is none."""
    kind, _colon, public_id = cause.partition(":")
    if kind == "organisation":
        pk = Organisation.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
        return reverse("admin:accounts_organisation_money", args=[pk]) if pk else ""
    for model in admin.site._registry if kind in CAUSES else ():
        if model._meta.model_name == kind:
            pk = model._default_manager.filter(public_id=public_id).values_list("pk", flat=True).first()
            return reverse(f"admin:{model._meta.app_label}_{kind}_change", args=[pk]) if pk else ""
    return ""
