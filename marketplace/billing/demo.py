"""A demonstration goes on without a bank: its own clerk books the announced transfer.

Nothing of this exists where settings.DEMO is off: then there is no clerk to find and every call is refused.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from portal.accounts.models import Organisation, User
from portal.core.errors import Refused

from . import bookings
from .models import TopUp


def clerks() -> list[User]:
    """The desk's made-up people, at most two; none in production, and none where the cast is not there."""
    if not settings.DEMO:
        return []
    of_the_cast = User.objects.filter(
        is_staff=True,
        memberships__organisation__role=Organisation.Role.PLATFORM,
        memberships__organisation__is_demo=True,
    )
    return list(of_the_cast.order_by("pk")[:2])


def book(*, topup: TopUp, now: datetime) -> None:
    """Book what was announced, by the desk's own action: a clerk enters it, and where two are needed the second
    one confirms. Both stand in the history. Refused("not_available") outside a demonstration; else as bookings.book.
    """
    found = clerks()
    if not found:
        raise Refused("not_available")
    waits = bookings.book(
        topup=topup, amount_uy=topup.amount_uy, bank_reference=f"DEMO-{topup.reference}", user=found[0], now=now
    )
    if waits is not None and len(found) > 1:
        bookings.confirm(booking=waits, user=found[1], now=now)
