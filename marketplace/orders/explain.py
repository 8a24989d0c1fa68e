"""Why an order cost what it cost: the price in words, the money step by step, who got it, and every step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bank.ledger import queries as books
from bank.ledger import words as ledger_words
from bank.ledger.chart import CNY, Kind
from bank.ledger.models import Account
from marketplace.billing import movements
from marketplace.billing.models import Charge
from marketplace.billing.movements import Movement, Share, Sums
from marketplace.provisioning.models import Allocation
from portal.accounts.queries import people_by_actor
from portal.core.words import joined, whole_parts
from portal.history.models import Step
from portal.history.words import reason_of

from .models import Order, Quote
from .queries import worded_lines

KINDS = {
    "quote": (gettext_lazy("Price"), Quote.State),
    "order": (gettext_lazy("Order"), Order.State),
    "allocation": (gettext_lazy("Run"), Allocation.State),
}
PAYERS = (Kind.WALLET, Kind.CREDIT_LINE, Kind.CLAIMS)


@dataclass(frozen=True)
class WordedStep:
    """One step: what moved, to which state, who did it, and why if that is known."""

    at: datetime
    what: str
    state: str
    who: str
    why: str


@dataclass(frozen=True)
class Receiver:
    """A line of where the money went. Micro-yuan or cms; shown: of hours, so that the column adds up."""

    who: str
    what_for: str
    amount: int
    shown: int | None = None


@dataclass(frozen=True)
class Money:
    """The customer's own movements, what they add up to, and who got what was paid.

    reserved = paid + back + still; paid = the receivers' amounts together.
    """

    steps: list[Movement]
    sums: Sums
    receivers: list[Receiver]


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
        why = reason_of(step)
        if why == step.reason and "_" in why:  # a code that nobody gave words to says nothing to a customer
            why = ""
        rows.append(WordedStep(step.at, str(what), state, _who(step.actor, people), why))
    return rows


def _who(actor: str, people: dict[str, str]) -> str:
    if actor in people:
        return people[actor]
    return _("a program of yours") if actor.startswith("key:") else _("by itself")


def why(order: Order) -> dict[str, Any]:
    """The price in words, the money step by step, every step, and the counters behind it."""
    charge = Charge.objects.filter(cause=order.cause).first()
    return {
        "charge": charge,
        "lines": price(order, charge),
        "money": money(order),
        "usage": order.allocation.usage.first() if order.allocation else None,
        "history": worded_steps(history_of(order)),
    }


def price(order: Order, charge: Charge | None) -> list[dict[str, Any]]:
    """What was charged for, line by line in words, with the amount; before the charge, the most it can be."""
    quote = order.quote
    lines = charge.lines if charge else quote.lines if order.is_open else []
    unit = quote.offering.package.unit
    worded = worded_lines(lines, quote.asset, unit, is_quote=charge is None, is_exact=True)
    return [word | {"amount": line["amount"]} for word, line in zip(worded, lines, strict=True)]


def money(order: Order) -> Money:
    """Every movement of an order's money: reserved, paid, given back; and who got what was paid."""
    found, asset = books.lines_of_cause(order.cause), order.quote.asset

    def mine(account: Account) -> bool:
        return account.owner_id == order.organisation_id and account.kind in PAYERS

    onward = [j for j in found.journals if movements.is_onward(j, asset)]
    own = [j for j in found.journals if j not in onward]
    steps = movements.own(found.holds, own, mine=mine)
    sums = movements.sums(found.holds)
    receivers = [_receiver(order, share) for share in movements.onward(onward, asset)]
    left = sums.paid - sum(x.amount for x in receivers)
    if left:
        later = _("divided when the hour of the run is closed")
        receivers.append(Receiver(ledger_words.kind(Kind.CLEARING_ORDER), later, left))
    if asset != CNY:
        parts = whole_parts([x.amount for x in receivers], sums.paid)
        receivers = [replace(x, shown=part) for x, part in zip(receivers, parts, strict=True)]
    return Money(steps, sums, receivers)


def _receiver(order: Order, share: Share) -> Receiver:
    """Who it is and what for: the package is paid to whoever offers it, the computing to the site."""
    unit = order.quote.offering.package.unit
    what = _("the computing") if share.hour else _("the package and its {unit}").format(unit=unit)
    if share.kind == Kind.FEES:
        fee = _("fee on the computing") if share.hour else _("fee on the package and its {unit}").format(unit=unit)
        return Receiver(_("The platform"), fee, share.amount)
    if share.kind == Kind.PACKAGE_INCOME:
        return Receiver(_("The platform"), what, share.amount)
    if share.kind in (Kind.PROVIDER_DUE, Kind.HOLDBACK):
        quote = order.quote
        who = str(quote.reservation.site.name if share.hour else quote.offering.provider.name)
        if share.kind == Kind.HOLDBACK:
            what = joined([what, _("held back for disputes")])
        return Receiver(who, what, share.amount)
    if share.kind == Kind.RESERVE:
        return Receiver(ledger_words.kind(share.kind), _("stands behind the hours that the site banked"), share.amount)
    return Receiver(ledger_words.kind(share.kind), what, share.amount)
