"""Parts of a balance with their own expiry: what is taken, moved over, put back, and expired.

Whoever writes lots of an account has locked the account; lots have no locks of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from portal.core.errors import Refused
from portal.core.ids import public_id

from ..chart import CHART, Reason, expiry_target
from ..models import Account, Hold, Journal, Lot, LotEntry, LotPin, Posting

if TYPE_CHECKING:
    from .posting import Leg

Part = tuple[datetime, str, int]  # expires_at, origin, amount
EXPIRING = [kind.value for kind, spec in CHART.items() if spec.lots and spec.lots_expire]


def take(account: Account, amount: int, now: datetime) -> list[tuple[Lot, int]]:
    """Which lots, earliest expiry first, give that amount. Pinned parts do not count, nor do overdue ones.

    Refused("insufficient_hours") when there is not enough.
    """
    from .posting import short

    usable = Lot.objects.filter(account=account, remaining__gt=F("pinned"))
    if account.kind in EXPIRING:
        usable = usable.filter(expires_at__gt=now)
    taken, left = [], amount
    for lot in usable.order_by("expires_at", "id"):
        part = min(left, lot.remaining - lot.pinned)
        taken.append((lot, part))
        left -= part
        if left == 0:
            return taken
    raise short(account, amount, amount - left)


def pin(hold: Hold, now: datetime) -> None:
    """Reserve lots for a new hold."""
    parts = take(hold.account, hold.amount, now)
    LotPin.objects.bulk_create([LotPin(hold=hold, lot=lot, amount=part) for lot, part in parts])


def unpin(hold: Hold, amount: int) -> list[tuple[Lot, int]]:
    """Give up that much of a hold's reservation, earliest expiry first; says from which lots."""
    freed, left = [], amount
    pins = LotPin.objects.filter(hold=hold, amount__gt=0).select_related("lot")
    for row in pins.order_by("lot__expires_at", "lot_id"):
        part = min(left, row.amount)
        LotPin.objects.filter(pk=row.pk).update(amount=F("amount") - part)
        freed.append((row.lot, part))
        left -= part
        if left == 0:
            break
    assert left == 0, "a hold pins what it reserves"
    return freed


def book(journal: Journal, legs: Sequence[Leg], *, now: datetime, hold: Hold | None) -> None:
    """Write which lots the postings of a new journal took from and filled."""
    rows = list(Posting.objects.filter(journal=journal).order_by("id"))
    entries: list[LotEntry] = []
    moved: dict[str, list[Part]] = {}
    for row, leg in zip(rows, legs, strict=True):
        if leg.account.lots and leg.amount < 0:
            settles = hold is not None and hold.account_id == leg.account.pk
            taken = unpin(hold, -leg.amount) if settles and hold else take(leg.account, -leg.amount, now)
            for lot, part in taken:
                entries.append(LotEntry(lot=lot, posting=row, amount=-part))
                moved.setdefault(leg.account.asset, []).append((lot.expires_at, lot.origin, part))
    LotEntry.objects.bulk_create(entries)
    for row, leg in zip(rows, legs, strict=True):
        if leg.account.lots and leg.amount > 0:
            _fill(row, leg, moved.get(leg.account.asset, []))


def mirror(originals: Sequence[Posting], reversal: Journal) -> None:
    """For a reversal: put the parts back into the lots they came from, take them out of those they filled."""
    if not any(p.account.lots for p in originals):
        return
    rows = Posting.objects.filter(journal=reversal).order_by("id")
    entries = []
    for original, row in zip(originals, rows, strict=True):
        for entry in LotEntry.objects.filter(posting=original).select_related("lot"):
            if entry.amount > 0 and entry.lot.remaining - entry.lot.pinned < entry.amount:
                raise Refused("lot_spent", lot=entry.lot.public_id)
            entries.append(LotEntry(lot=entry.lot, posting=row, amount=-entry.amount))
    LotEntry.objects.bulk_create(entries)


def expire_lots(*, now: datetime, limit: int = 500) -> int:
    """Book what is overdue out of its account, except what a hold reserves; returns how many lots."""
    due = Lot.objects.filter(expires_at__lte=now, remaining__gt=F("pinned"), account__kind__in=EXPIRING)
    ids = due.order_by("expires_at", "id").values_list("pk", flat=True)[:limit]
    return sum(expire_lot(pk, now) for pk in list(ids))


def expire_lot(pk: int, now: datetime) -> bool:
    """Expire the free part of one lot if it is overdue."""
    from .accounts import locked, open
    from .posting import Leg, fingerprint, insert

    with transaction.atomic():
        account_id = Lot.objects.values_list("account_id", flat=True).get(pk=pk)
        account = locked([account_id])[account_id]
        lot = Lot.objects.get(pk=pk)
        free = lot.remaining - lot.pinned
        if free <= 0 or lot.expires_at > now or account.kind not in EXPIRING:
            return False
        target = open(owner=None, kind=expiry_target(account.kind), asset=account.asset)
        # counted, because a lot that a reversal or a released hold gave something back to expires again
        key = f"expire:{lot.public_id}:{LotEntry.objects.filter(lot=lot).count()}"
        journal, _known = insert(
            key=key, mark=fingerprint("expire", lot.public_id, free), reason=Reason.LOT_EXPIRED,
            cause=f"lot:{lot.public_id}", legs=[Leg(account, -free), Leg(target, free)], now=now, memo={})
        row = Posting.objects.get(journal=journal, account=account)
        LotEntry.objects.create(lot=lot, posting=row, amount=-free)
        return True


def _fill(row: Posting, leg: Leg, moved: list[Part]) -> None:
    """Make the lots of a posting into an account: as specified, or those that moved over."""
    parts: list[Part] = []
    if leg.lot:
        parts = [(leg.lot.expires_at, leg.lot.origin, leg.amount)]
    left = 0 if leg.lot else leg.amount
    while left and moved:
        expires_at, origin, there = moved.pop(0)
        part = min(left, there)
        parts.append((expires_at, origin, part))
        left -= part
        if there > part:
            moved.insert(0, (expires_at, origin, there - part))
    if left:
        raise Refused("lot_needed", account=leg.account.public_id)
    made = Lot.objects.bulk_create([
        Lot(public_id=public_id("lot"), account=leg.account, origin=origin, quantity=amount,
            expires_at=expires_at) for expires_at, origin, amount in parts])
    LotEntry.objects.bulk_create([LotEntry(lot=lot, posting=row, amount=lot.quantity) for lot in made])
