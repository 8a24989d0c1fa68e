"""A factory with banked hours, a lender with cash, and the day's price of an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from bank.ledger import queries as books
from bank.ledger.models import Account
from bank.lending import actions
from bank.lending.models import Application, Loan, Offer
from marketplace.catalogue.models import IndexPrice, ResourceClass
from tests.bank.ledger.conftest import Books, at_once, own_database, totals

__all__ = ["at_once", "own_database", "totals"]

HOUR = 3_600_000
YUAN = 1_000_000
ACTOR = "user:1"


@dataclass
class Desk:
    """Short words for the tests of this folder."""

    books: Books
    cpu: ResourceClass
    borrower: object
    lender: object
    now: object

    def index(self, price_uy: int, day: date = date(2026, 11, 23)) -> None:
        IndexPrice.objects.update_or_create(
            resource_class=self.cpu, date=day, defaults={"price_uy": price_uy, "source": "test"}
        )

    def apply(self, hours: int = 100, amount_uy: int = 400 * YUAN, months: int = 6) -> Application:
        return actions.apply(
            organisation=self.borrower,
            resource_class=self.cpu,
            pledge_cms=hours * HOUR,
            amount_uy=amount_uy,
            months=months,
            purpose="A second mould",
            now=self.now,
            actor=ACTOR,
        )

    def offer(
        self, application: Application, amount_uy: int = 400 * YUAN, rate_ppm: int = 73_000, months: int = 6
    ) -> Offer:
        return actions.add_offer(
            application=application,
            lender=self.lender,
            amount_uy=amount_uy,
            rate_ppm=rate_ppm,
            months=months,
            now=self.now,
            actor=ACTOR,
        )

    def loan(self, **kwargs) -> Loan:
        return actions.accept(offer=self.offer(self.apply(**kwargs)), now=self.now, actor=ACTOR)

    def repay(self, loan: Loan, amount_uy: int | None, key: str = "1", now=None):
        return actions.repay(loan=loan, amount_uy=amount_uy, key=key, now=now or self.now, actor=ACTOR)

    def posted(self, owner, kind: str, asset: str = "CNY") -> int:
        return sum(books.balance(a).posted for a in Account.objects.filter(owner=owner, kind=kind, asset=asset))

    def wallet(self) -> int:
        return self.posted(self.borrower, "wallet")

    def cash(self) -> int:
        return self.posted(self.lender, "lender_cash")

    def hours(self, kind: str = "claims") -> int:
        return self.posted(self.borrower, kind, "CH:CPU")


@pytest.fixture
def cpu(db):
    return ResourceClass.objects.create(
        key="cpu",
        asset="CH:CPU",
        kind="cpu",
        name_zh="通用CPU核",
        name_en="General CPU core",
        unit_zh="核时",
        unit_en="core-hour",
        is_sellable=True,
    )


@pytest.fixture
def desk(db, cpu, yongli, harbour, now) -> Desk:
    """200 banked hours at CNY 10 (100 of them count for CNY 900), and a lender with CNY 1,000."""
    desk = Desk(Books(now), cpu, yongli, harbour, now)
    desk.index(10 * YUAN)
    desk.books.earn(yongli, 120 * HOUR, days=100, origin="slot:slt_1")
    desk.books.earn(yongli, 80 * HOUR, days=200, origin="slot:slt_2")
    actions.book_lender_payment(lender=harbour, amount_uy=1000 * YUAN, bank_reference="B-1", now=now, actor="user:9")
    return desk
