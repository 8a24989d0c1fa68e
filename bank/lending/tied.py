"""Why banked hours are not free, as the bank's page says it: the loans and applications they are pledged for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from bank.deposits.hooks import Tied
from bank.ledger import words
from portal.accounts.models import Organisation
from portal.core.templatetags.suanli import banked, cny, time_text

from . import queries
from .models import Application, Loan


def tied(organisation: Organisation, now: datetime) -> list[Tied]:
    """Open loans first, then applications that wait. At most six queries, however many there are."""
    loans = queries.positions(queries.loans().filter(borrower=organisation, state__in=Loan.OPEN), now)
    waiting = queries.asked(
        queries.applications().filter(
            organisation=organisation, state=Application.State.OPEN, expires_at__gt=now
        ),
        now,
    )
    loans_shown, waiting_shown = _shown([*loans, *waiting], len(loans))
    return [*map(_loan, loans, loans_shown), *map(_waiting, waiting, waiting_shown)]


def _shown(found: Sequence[queries.Position | queries.Asked], first: int) -> tuple[list[str], list[str]]:
    """What is pledged for each, as text that adds up to all that is pledged; the `first` ones apart."""
    so_far: dict[str, int] = {}
    texts = []
    for row in found:
        application = row.loan.application if isinstance(row, queries.Position) else row.application
        asset = application.resource_class.asset
        (part,) = words.parts([row.pledged_cms], asset, before=so_far.get(asset, 0))
        so_far[asset] = so_far.get(asset, 0) + row.pledged_cms
        texts.append(banked(part))
    return texts[:first], texts[first:]


def _loan(found: queries.Position, hours: str) -> Tied:
    due = found.next_due
    pledged = _("{hours} banked hours are pledged for it until it is repaid.").format(hours=hours)
    asks = (
        _("{owed} is owed; next due {amount} on {date}.").format(
            owed=cny(found.debt_uy), amount=cny(found.next_due_uy), date=time_text(due.due_date, "date")
        )
        if due
        else _("{owed} is owed, and the last instalment was due.").format(owed=cny(found.debt_uy))
    )
    return Tied(
        _("Loan from {lender}").format(lender=found.loan.lender.name),
        f"{asks} {pledged}",
        reverse("lending:loan", args=[found.loan.borrower.slug, found.loan.public_id]),
        _("To the loan"),
    )


def _waiting(found: queries.Asked, hours: str) -> Tied:
    row = found.application
    return Tied(
        _("Loan application: {purpose}").format(purpose=row.purpose),
        _("{hours} banked hours are pledged for it. Withdraw it and they are free at once.").format(hours=hours),
        reverse("lending:application", args=[row.organisation.slug, row.public_id]),
        _("To the application"),
    )
