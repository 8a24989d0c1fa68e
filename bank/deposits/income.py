"""What a company earned in cash, from the books: every movement of what it is owed, with the fee beside it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from bank.ledger import words
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Journal, Posting
from marketplace.catalogue.models import Offering
from marketplace.orders.models import Order
from portal.accounts.models import Organisation

LINES = 50
ORDERS = 25
OWED = (Kind.PROVIDER_DUE, Kind.HOLDBACK)
NOT_EARNED = (Reason.PAYOUT, Reason.HOLDBACK_RELEASE)  # what was earned before changes its place
PACKAGE = "package:"  # how billing names the journal that pays the outcome itself


@dataclass(frozen=True)
class Line:
    """One journal: gross = fee + net; a compensation or a late fee is negative and has no fee."""

    journal: Journal
    order: Order | None
    is_package: bool  # the outcome's own price, not machine time
    net_uy: int
    fee_uy: int

    @property
    def gross_uy(self) -> int:
        return self.net_uy + self.fee_uy

    @property
    def what(self) -> str:
        return words.reason(self.journal.reason)

    @property
    def offering(self) -> Offering | None:
        return self.order.quote.offering if self.order else None


@dataclass(frozen=True)
class Income:
    """Sums over everything ever earned; the lines are the newest. net − paid out = owed + held back."""

    gross_uy: int
    fee_uy: int
    net_uy: int
    lines: list[Line]
    count: int


def income(organisation: Organisation) -> Income:
    """Five queries, however much there is.

    Own lines are found by the company's accounts, a handful: a join that begins at the platform's fees looks at every
    sale there ever was.
    """
    own = list(Account.objects.filter(owner=organisation, kind__in=OWED).values_list("pk", flat=True))
    earned = Posting.objects.filter(account__in=own).exclude(journal__reason__in=NOT_EARNED)
    mine = earned.values("journal_id")
    sums = earned.aggregate(net=Sum("amount"), count=Count("journal", distinct=True))
    sums |= Posting.objects.filter(account__kind=Kind.FEES, journal__in=mine).aggregate(fee=Sum("amount"))
    journals = list(
        Journal.objects.filter(pk__in=mine)
        .annotate(
            net=Sum(
                "postings__amount",
                filter=Q(postings__account__in=own),
            ),
            fee=Sum("postings__amount", filter=Q(postings__account__kind=Kind.FEES)),
        )
        .order_by("-id")[:LINES]
    )
    orders = {
        order.cause: order
        for order in Order.objects.filter(
            public_id__in=[j.cause.removeprefix("order:") for j in journals if j.cause.startswith("order:")]
        ).select_related("quote__offering__package")
    }
    net, fee = sums["net"] or 0, sums["fee"] or 0
    return Income(
        gross_uy=net + fee,
        fee_uy=fee,
        net_uy=net,
        count=sums["count"],
        lines=[
            Line(
                journal=j,
                order=orders.get(j.cause),
                is_package=j.key.startswith(PACKAGE),
                net_uy=j.net or 0,
                fee_uy=j.fee or 0,
            )
            for j in journals
        ],
    )


@dataclass(frozen=True)
class Sold:
    """Orders of what a company offers: how many, how they ended, and the newest."""

    count: int
    delivered: int
    failed: int
    rows: list[Order]


def sold(organisation: Organisation) -> Sold:
    """Two queries."""
    orders = Order.objects.filter(quote__offering__provider=organisation)
    sums = orders.aggregate(
        n=Count("pk"),
        delivered=Count("pk", filter=Q(state=Order.State.DELIVERED)),
        failed=Count("pk", filter=Q(state=Order.State.FAILED)),
    )
    rows = orders.select_related("quote__offering__package", "quote__reservation__site", "organisation")
    newest = list(rows.order_by("-id")[:ORDERS])
    return Sold(
        count=sums["n"],
        delivered=sums["delivered"],
        failed=sums["failed"],
        rows=newest,
    )
