"""Money of companies lent to the gateway's Redis and taken back: each slice is a hold in the books, taken first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import CNY
from bank.ledger.models import Hold
from marketplace.billing.purses import payers_of
from portal import policy
from portal.accounts.models import Organisation
from portal.core.ids import public_id
from portal.core.money import FEN_UY, ceil_to
from portal.history import actions as history

from .models import Lease


@dataclass(frozen=True)
class Lent:
    """What the purse in Redis may be credited with."""

    public_id: str
    field: str
    amount: int


@transaction.atomic
def borrow(*, company: int, need_uy: int, pack: str, epoch: str, now: datetime) -> list[Lent]:
    """Set aside a slice of what the company has, in whole fen: what is needed or policy's slice, or what is left.

    Empty where nothing is free, or where the company may not buy. Its wallet first, then its credit line.
    """
    organisation = Organisation.objects.get(pk=company)
    if organisation.state == Organisation.State.SUSPENDED:
        return []
    payers = payers_of(organisation)
    ledger.lock(*payers)
    wanted, lent = ceil_to(max(need_uy, policy.CALL_SLICE_UY), FEN_UY), []
    for account in payers:
        free = (books.balance(account).available or 0) // FEN_UY * FEN_UY
        amount = min(wanted, free)
        if amount <= 0:
            continue
        name = public_id("lea")
        hold = ledger.hold(key=f"lease:{name}", account=account, amount=amount, cause=f"lease:{name}", now=now)
        Lease.objects.create(
            public_id=name, organisation=organisation, hold=hold, asset=CNY, epoch=epoch, created_at=now)
        lent.append(Lent(name, "uy", amount))
        wanted -= amount
    return lent


def close(*, lease: Lease, after: str, now: datetime) -> None:
    """Nothing of it can be spent any more; what is left comes back when the meter has passed the event `after`."""
    history.move(lease, Lease.State.CLOSING, now=now, actor="system:meter",
                 changes={"closing_at": now, "closing_after": after})


@transaction.atomic
def give_back(*, lease: Lease, now: datetime) -> int:
    """Release what was not charged; returns how much."""
    history.move(lease, Lease.State.CLOSED, now=now, actor="system:meter")
    hold = Hold.objects.get(pk=lease.hold_id)
    left = hold.left
    if hold.state == Hold.State.OPEN:
        ledger.release(key=f"lease:{lease.public_id}:back", hold=hold, now=now)
    return left
