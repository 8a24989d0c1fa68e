"""Why an order cost what it cost: its receipt, the counters, the lines in the books, and every step in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bank.ledger import queries as books
from marketplace.billing.models import Charge
from marketplace.provisioning.models import Allocation
from portal.accounts.queries import people_by_actor
from portal.core.errors import sentence
from portal.history.models import Step

from .models import Order, Quote
from .queries import worded_lines

KINDS = {
    "quote": (gettext_lazy("Price"), Quote.State),
    "order": (gettext_lazy("Order"), Order.State),
    "allocation": (gettext_lazy("Run"), Allocation.State),
}
REASONS = {
    "expired": gettext_lazy("its time was over"),
    "price_kept": gettext_lazy("taken up again at its price, with new room"),
    "cancelled": gettext_lazy("before it began"),
    "staff_stop": gettext_lazy("our staff stopped it"),
    "platform_stop": gettext_lazy("our staff stopped it for a cause on our side"),
    "staff_advance": gettext_lazy("our staff moved it on"),
}


@dataclass(frozen=True)
class WordedStep:
    """One step: what moved, to which state, who did it, and why if that is known."""

    at: datetime
    what: str
    state: str
    who: str
    why: str


def history_of(order: Order) -> list[Step]:
    """Every step of the order, its quote and its run, in order: what happened, when and who."""
    subjects = [f"order:{order.public_id}", f"quote:{order.quote.public_id}"]
    if order.allocation is not None:
        subjects.append(f"allocation:{order.allocation.public_id}")
    return list(Step.objects.filter(subject__in=subjects).order_by("at", "id"))


def worded_steps(steps: list[Step]) -> list[WordedStep]:
    """Steps of quotes, orders and runs as a bookkeeper reads them. One query, for the names of people."""
    people = people_by_actor(steps)
    rows = []
    for step in steps:
        what, states = KINDS[step.subject.split(":", 1)[0]]
        state = str(states(step.after).label) if step.after in states.values else step.after
        why = str(REASONS.get(step.reason) or (sentence(step.reason) if step.reason else ""))
        rows.append(WordedStep(step.at, str(what), state, _who(step.actor, people), why))
    return rows


def _who(actor: str, people: dict[str, str]) -> str:
    if actor in people:
        return people[actor]
    return _("a program of yours") if actor.startswith("key:") else _("by itself")


def why(order: Order) -> dict[str, Any]:
    """The receipt, the counters behind it, the lines in the books and every step."""
    charge = Charge.objects.filter(cause=order.cause).first()
    package = order.quote.offering.package
    usage = order.allocation.usage.first() if order.allocation else None
    return {
        "charge": charge,
        "lines": worded_lines(charge.lines, charge.asset, package.unit) if charge else [],
        "usage": usage,
        "transfers": transfers(order),
        "history": worded_steps(history_of(order)),
    }


def transfers(order: Order) -> list[dict[str, Any]]:
    """Every movement of an order's money: reserved, charged, distributed, returned; oldest first."""
    found = books.lines_of_cause(order.cause)
    rows: list[dict[str, Any]] = []
    for hold in found.holds:
        words = str(hold.account.get_kind_display())
        rows.append(
            {
                "at": hold.created_at,
                "what": _("Reserved"),
                "source": words,
                "target": _("Reserved"),
                "amount": hold.amount,
                "asset": hold.account.asset,
            }
        )
        if hold.released and hold.resolved_at:
            rows.append(
                {
                    "at": hold.resolved_at,
                    "what": _("Returned"),
                    "source": _("Reserved"),
                    "target": words,
                    "amount": hold.released,
                    "asset": hold.account.asset,
                }
            )
    for journal in found.journals:
        out = ", ".join(
            sorted({str(p.account.get_kind_display()) for p in journal.postings.all() if p.amount < 0})
        )
        for posting in journal.postings.all():
            if posting.amount > 0:
                rows.append(
                    {
                        "at": journal.at,
                        "what": journal.get_reason_display(),
                        "source": out,
                        "target": posting.account.get_kind_display(),
                        "amount": posting.amount,
                        "asset": posting.account.asset,
                    }
                )
    return sorted(rows, key=lambda row: row["at"])
