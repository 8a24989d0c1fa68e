"""A payment as a bookkeeper follows it: reserved, paid out of what was reserved, given back; then who got it. Pure.

Works on rows of the books that are loaded with their accounts. A reservation is a place of its own, so what
is paid comes out of "Reserved" and the money is seen to leave the wallet once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from bank.ledger import words
from bank.ledger.chart import CNY, Kind, Reason
from bank.ledger.models import Account, Hold, Journal, Posting
from portal.core.words import joined, whole_places

PAYMENTS = (Reason.ORDER_CHARGE, Reason.CLAIM_SPENT)


@dataclass(frozen=True)
class Movement:
    """One step of somebody's money or hours, between two places. Micro-yuan or cms.

    shown: the amount as a page shows it, so that reserved − paid = given back in four decimals of an hour too.
    """

    number: str
    at: datetime
    what: str
    source: str
    target: str
    amount: int
    asset: str
    rank: int = 0  # at one instant: reserved, paid, given back, everything else
    shown: int | None = None

    @property
    def amount_uy(self) -> int:
        return self.amount


@dataclass(frozen=True)
class Share:
    """What one receiver got of a payment. `hour`: for the computing, at the close of its hour."""

    at: datetime
    kind: str
    amount: int
    hour: bool


@dataclass(frozen=True)
class Sums:
    """reserved = paid + back + still, whenever one looks."""

    reserved: int
    paid: int
    back: int

    @property
    def still(self) -> int:
        return self.reserved - self.paid - self.back

    @property
    def back_of_hours(self) -> int:
        """back, where four decimals of an hour are shown: what is left of the others as they are shown."""
        reserved, paid, still = (whole_places(x) for x in (self.reserved, self.paid, self.still))
        return reserved - paid - still


def sums(holds: Iterable[Hold]) -> Sums:
    """Three figures that a bookkeeper ticks."""
    rows = list(holds)
    return Sums(sum(h.amount for h in rows), sum(h.settled for h in rows), sum(h.released for h in rows))


def own(
    holds: Iterable[Hold], journals: Iterable[Journal], *, mine: Callable[[Account], bool]
) -> list[Movement]:
    """The movements of the accounts that are `mine`, in order."""
    rows = []
    for hold in holds:
        if mine(hold.account):
            rows += _of_hold(hold)
    for journal in journals:
        postings = list(journal.postings.all())
        rows += [_of_posting(journal, p, postings) for p in postings if mine(p.account)]
    return sorted(rows, key=lambda row: (row.at, row.rank))


def _of_hold(hold: Hold) -> list[Movement]:
    reserved, place, number = _("Reserved"), words.kind(hold.account.kind), hold.public_id[-6:].upper()
    asset = hold.account.asset
    rows = [Movement(number, hold.created_at, reserved, place, reserved, hold.amount, asset, 0)]
    if hold.released and hold.resolved_at:
        back = _("Given back")
        left = hold.released if asset == CNY else whole_places(hold.amount) - whole_places(hold.settled)
        rows.append(Movement(number, hold.resolved_at, back, reserved, place, hold.released, asset, 2, left))
    return rows


def _of_posting(journal: Journal, posting: Posting, postings: list[Posting]) -> Movement:
    asset, out = posting.account.asset, posting.amount < 0
    kinds = dict.fromkeys(
        p.account.kind for p in postings if p.account.asset == asset and (p.amount < 0) != out
    )
    other = joined(words.kind(kind) for kind in kinds)
    here = _("Reserved") if out and journal.hold_id else words.kind(posting.account.kind)
    source, target = (here, other) if out else (other, here)
    paid = bool(journal.hold_id) and journal.reason in PAYMENTS
    what = words.reason(journal.reason)
    if paid:
        what = _("Paid") if asset == CNY else _("Used")
    number = journal.public_id[-6:].upper()
    return Movement(number, journal.at, what, source, target, abs(posting.amount), asset, 1 if paid else 3)


def is_onward(journal: Journal, asset: str) -> bool:
    """Whether it passes on what an order paid."""
    out = (p.account for p in journal.postings.all() if p.amount < 0)
    return any(a.kind == Kind.CLEARING_ORDER and a.asset == asset for a in out)


def onward(journals: Iterable[Journal], asset: str) -> list[Share]:
    """Who got what of a payment: the receiving sides of journals that pass it on."""
    return [
        Share(journal.at, p.account.kind, p.amount, "slot" in journal.memo)
        for journal in journals
        for p in journal.postings.all()
        if p.amount > 0 and p.account.asset == asset
    ]
