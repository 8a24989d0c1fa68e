"""Which part of a wallet is a gift, and which part of a payment was (decision 0016): gifts are spent first.

At any moment the gift that is left is max(0, gifts received − orders charged); what a reversal took back counts on
neither side. A payment used as much of the gift as was left less after it than before it. Micro-yuan.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from bank.ledger import queries as books
from bank.ledger import words
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Posting
from portal.accounts.models import Organisation
from portal.core.words import joined

GIFTS = (Reason.WELCOME_CREDIT,)  # come into a wallet to be spent here; never paid out
SPENT = (Reason.ORDER_CHARGE, Reason.ORDER_REFUND)


@dataclass(frozen=True)
class Paid:
    """What a wallet paid for one thing: out of the gift, and out of the company's own money."""

    gift_uy: int
    own_uy: int


def _moves(wallet: Account) -> QuerySet[Posting]:
    reasons = (*GIFTS, *SPENT)
    of = Q(journal__reason__in=reasons) | Q(journal__reverses__reason__in=reasons)
    return Posting.objects.filter(of, account=wallet)


def left(wallet: Account) -> int:
    """Of the gifts of a wallet, what no order has spent yet. One query."""
    return max(0, _moves(wallet).aggregate(total=Sum("amount"))["total"] or 0)


def paid_by(organisation: Organisation, cause: str) -> Paid | None:
    """What the wallet of a company paid for one thing; None where it paid nothing."""
    return paid(books.find(owner=organisation, kind=Kind.WALLET), [cause]).get(cause)


def paid(wallet: Account | None, causes: Collection[str]) -> dict[str, Paid]:
    """What a wallet paid for each of these things, without those that it paid nothing for. At most three queries."""
    if wallet is None:
        return {}
    ids = list(_moves(wallet).filter(journal__cause__in=causes).order_by("id").values_list("id", flat=True))
    if not ids:
        return {}
    total = _moves(wallet).filter(id__lt=ids[0]).aggregate(total=Sum("amount"))["total"] or 0
    rows = _moves(wallet).filter(id__gte=ids[0], id__lte=ids[-1]).order_by("id")
    found: dict[str, Paid] = {}
    for cause, amount in rows.values_list("journal__cause", "amount"):
        gift = max(0, total) - max(0, total + amount)
        total += amount
        if cause in causes:
            before = found.get(cause, Paid(0, 0))
            found[cause] = Paid(before.gift_uy + gift, before.own_uy - amount - gift)
    return found


def told(part: Paid | None, credit_uy: int = 0) -> str:
    """`gift CNY 21.00, own money CNY 4.30`, and what the credit limit paid; "" where nothing was paid."""
    parts = [
        (_("gift (welcome credit) {amount}"), part.gift_uy if part else 0),
        (_("the company's own money {amount}"), part.own_uy if part else 0),
        (_("credit limit {amount}"), credit_uy),
    ]
    said = [text.format(amount=words.exact(amount, "CNY")) for text, amount in parts if amount]
    return joined(said)
