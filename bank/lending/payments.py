"""What was paid of a loan and what is still to be paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from . import queries


@dataclass(frozen=True)
class Row:
    """A payment made or to come. Micro-yuan; left_uy is the principal after it."""

    on: datetime | date
    principal_uy: int
    interest_uy: int
    left_uy: int

    @property
    def total_uy(self) -> int:
        return self.principal_uy + self.interest_uy


@dataclass(frozen=True)
class Payments:
    """What was paid, then what is still to be paid. The principal of both together is that of the loan."""

    paid: list[Row]
    coming: list[Row]

    @property
    def sums(self) -> dict[str, Row]:
        """paid, coming and all."""
        return {name: _sum(rows) for name, rows in (
            ("paid", self.paid), ("coming", self.coming), ("all", [*self.paid, *self.coming]),
        )}


def _sum(rows: Sequence[Row]) -> Row:
    last = rows[-1] if rows else Row(date.min, 0, 0, 0)
    return Row(last.on, sum(r.principal_uy for r in rows), sum(r.interest_uy for r in rows), last.left_uy)


def of(found: queries.Position) -> Payments:
    """Every payment of a loan, the oldest first. One query."""
    left, paid = found.loan.principal_uy, []
    for made in found.loan.repayments.order_by("id"):
        left -= made.principal_uy
        paid.append(Row(made.created_at, made.principal_uy, made.interest_uy, left))
    coming = [Row(p.due_date, p.principal_uy, p.interest_uy, p.left_uy) for p in found.to_pay]
    return Payments(paid, coming)
