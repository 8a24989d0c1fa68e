"""This room's part of the demonstration, by the real actions; safe to repeat."""

from __future__ import annotations

from datetime import datetime

from portal.accounts.models import Organisation

from . import actions
from .models import CreditLimit, LenderPayment

LENDER_CASH_UY = 50_000_000_000
LIMIT_UY = 200_000_000
REFERENCE = "DEMO-HARBOUR-1"
ACTOR = "system:demo"


def seed(now: datetime) -> None:
    """Harbour Bank has CNY 50,000 to lend, Jiangnan Kitchen may pay CNY 200 later."""
    harbour = Organisation.objects.filter(slug="harbour", role=Organisation.Role.LENDER).first()
    if harbour and not LenderPayment.objects.filter(bank_reference=REFERENCE).exists():
        actions.book_lender_payment(
            lender=harbour, amount_uy=LENDER_CASH_UY, bank_reference=REFERENCE, now=now, actor=ACTOR
        )
    jiangnan = Organisation.objects.filter(slug="jiangnan").first()
    if jiangnan and not CreditLimit.objects.filter(organisation=jiangnan).exists():
        actions.set_limit(
            organisation=jiangnan,
            limit_uy=LIMIT_UY,
            reason="Demonstration: a regular customer",
            now=now,
            actor=ACTOR,
        )
