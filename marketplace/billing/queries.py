"""Reads for the wallet, top-ups and bills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, Sum
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Hold, Journal
from portal.accounts.models import Organisation
from portal.accounts.queries import people_by_actor
from portal.core.words import yuan
from portal.history.actions import subject_of
from portal.history.models import Step
from portal.history.words import who_of

from . import purses
from .models import Booking, Charge, TopUp

ONLY_NOTES = (  # steps that changed nothing
    "correction_asked", "correction_declined", "correction_withdrawn", "correction_short",
    "booking_asked", "booking_declined", "booking_withdrawn",
)  # fmt: skip


# whether a second person must still confirm what was entered for a top-up
ENTERED = Exists(Booking.objects.filter(topup=OuterRef("pk"), state=Booking.State.WAITING))


@dataclass(frozen=True)
class WalletFigures:
    """A wallet in three figures and the credit limit beside it. Micro-yuan."""

    account: Account
    available_uy: int
    held_uy: int
    posted_uy: int
    coming_uy: int
    waiting: list[TopUp]
    credit_limit_uy: int
    credit_drawn_uy: int


def wallet(organisation: Organisation) -> WalletFigures:
    account = purses.wallet_of(organisation)
    balance = books.balance(account)
    waiting = list(TopUp.objects.filter(organisation=organisation, state=TopUp.State.WAITING))
    credit = books.find(owner=organisation, kind=Kind.CREDIT_LINE)
    return WalletFigures(
        account=account,
        available_uy=balance.available or 0,
        held_uy=balance.held,
        posted_uy=balance.posted,
        coming_uy=sum(t.amount_uy for t in waiting),
        waiting=waiting,
        credit_limit_uy=-(credit.floor or 0) if credit else 0,
        credit_drawn_uy=-credit.posted if credit else 0,
    )


def coming_for(organisation: Organisation, page: str) -> TopUp | None:
    """The bank transfer that was announced on this page and has not arrived."""
    return TopUp.objects.filter(
        organisation=organisation, state=TopUp.State.WAITING, return_to=page
    ).first()


def wallet_uy(organisation: Organisation) -> int | None:
    """What the masthead shows: available to spend. One query."""
    row = (
        Account.objects.filter(owner=organisation, kind=Kind.WALLET, asset="CNY", ref="")
        .values_list("posted", "held", "floor")
        .first()
    )
    return None if row is None else row[0] - row[1] - (row[2] or 0)


def statement_rows(
    organisation: Organisation, account: Account, *, before: str | None, limit: int = 25
) -> tuple[list[dict[str, Any]], str]:
    """Lines of an account for components/ledger.html, and the cursor of the next page ('' at the end).

    Each line opens to every transfer of its cause that touched the company.
    """
    lines = books.statement(account, before=before, limit=limit + 1)
    shown = lines[:limit]
    causes = [line.cause for line in shown]
    charges = {c.cause: c for c in Charge.objects.filter(cause__in=causes)}
    topups = {
        f"topup:{t.public_id}": t
        for t in TopUp.objects.filter(
            public_id__in=[c.removeprefix("topup:") for c in causes if c.startswith("topup:")]
        )
    }
    holds: dict[str, list[Hold]] = {}
    for hold in (
        Hold.objects.filter(cause__in=causes, account__owner=organisation)
        .select_related("account")
        .order_by("id")
    ):
        holds.setdefault(hold.cause, []).append(hold)
    journals: dict[str, list[Journal]] = {}
    for journal in (
        Journal.objects.filter(cause__in=causes, postings__account=account)
        .distinct()
        .prefetch_related("postings__account")
        .order_by("id")
    ):
        journals.setdefault(journal.cause, []).append(journal)
    rows = []
    for line in shown:
        charge, topup = charges.get(line.cause), topups.get(line.cause)
        row: dict[str, Any] = {
            "date": line.at,
            "title": Reason(line.reason).label,
            "note": "",
            "amount_uy": line.amount,
            "balance_uy": line.running,
            "transfers": _transfers(line, holds, journals),
            "url": reverse("ledger:journal", args=[organisation.slug, line.journal.public_id]),
            "url_label": _("Both sides in the books"),
        }
        if charge is not None:
            row["title"] = what(charge)
            row["note"] = _("order, never more than {cap}").format(cap=yuan(charge.cap))
            row["remark"] = _("Reserved {cap}, charged {total}, returned {rest}.").format(
                cap=yuan(charge.cap), total=yuan(charge.total), rest=yuan(charge.cap - charge.total)
            )
            row["url"] = reverse("orders:why", args=[organisation.slug, line.cause.removeprefix("order:")])
            row["url_label"] = _("Why did this cost that?")
        elif topup is not None:
            row |= _topup_words(topup, line.journal)
        elif line.reason == Reason.WELCOME_CREDIT:
            row["note"] = _("a gift from us; it is spent like money")
        rows.append(row)
    cursor = shown[-1].cursor if len(lines) > limit else ""
    return rows, cursor


def _topup_words(topup: TopUp, journal: Journal) -> dict[str, str]:
    """Booked, taken back, booked anew: each a line of its own with the staff's reason."""
    why = journal.memo.get("why", "")
    if journal.reason == Reason.REVERSAL:
        return {
            "title": _("Top-up corrected: the wrong booking taken back"),
            "note": _("{reference}: {why}").format(reference=topup.reference, why=why),
        }
    if why:
        return {
            "title": _("Top-up corrected: booked at the right amount"),
            "note": _("{reference}: {why}").format(reference=topup.reference, why=why),
        }
    return {"note": topup.reference}


@dataclass(frozen=True)
class Booked:
    """Who put a top-up into the wallet, and when. Or took it out again, or stopped it."""

    at: datetime
    who: str
    why: str


def booked_by(topup: TopUp) -> Booked | None:
    """The last booking of a top-up, or its last correction. Two queries."""
    return last_by([topup]).get(topup.pk)


def last_by(topups: Sequence[TopUp]) -> dict[int, Booked]:
    """The step that brought each of these into its state or changed its amount. Two queries."""
    subjects = {subject_of(t): t for t in topups}
    steps = list(Step.objects.filter(subject__in=subjects).exclude(reason__in=ONLY_NOTES).order_by("id"))
    people = people_by_actor([*steps, *(Step(actor=s.params["asked"]) for s in steps if s.params.get("asked"))])

    def who(step: Step) -> str:
        decided, asked = who_of(step.actor, people), step.params.get("asked", step.actor)
        if asked == step.actor:
            return decided
        return _("{asked}, confirmed by {decided}").format(asked=who_of(asked, people), decided=decided)

    return {subjects[s.subject].pk: Booked(s.at, who(s), s.params.get("text", "")) for s in steps}


def code_in(text: str) -> str:
    """The code of a top-up as it is stored, from what somebody types or reads out ("sl af84 y8"); else ""."""
    bare = "".join(c for c in text.upper() if c.isalnum())
    code = bare.removeprefix("SL")
    if len(code) > 6 or not code.isascii() or (len(code) < 6 and code == bare) or len(code) < 2:
        return ""
    return code if len(code) <= 4 else f"{code[:4]}-{code[4:]}"


def what(charge: Charge) -> str:
    return charge.what_zh if _zh() else charge.what_en


def _zh() -> bool:
    return (get_language() or "").startswith("zh")


def _transfers(
    line: books.Line, holds: dict[str, list[Hold]], journals: dict[str, list[Journal]]
) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = [
        {
            "number": h.public_id[-6:].upper(),
            "at": h.created_at,
            "source": h.account.get_kind_display(),
            "target": _("Reserved"),
            "amount_uy": h.amount,
        }
        for h in holds.get(line.cause, [])
    ]
    for journal in journals.get(line.cause, []):
        out = [p for p in journal.postings.all() if p.amount < 0]
        into = [p for p in journal.postings.all() if p.amount > 0]
        for target in into:
            shown.append(
                {
                    "number": journal.public_id[-6:].upper(),
                    "at": journal.at,
                    "source": ", ".join(sorted({str(p.account.get_kind_display()) for p in out})),
                    "target": target.account.get_kind_display(),
                    "amount_uy": target.amount,
                }
            )
    shown += [
        {
            "number": h.public_id[-6:].upper(),
            "at": h.resolved_at,
            "source": _("Reserved"),
            "target": h.account.get_kind_display(),
            "amount_uy": h.released,
        }
        for h in holds.get(line.cause, [])
        if h.resolved_at and h.released
    ]
    return shown


def month_of(at: datetime) -> date:
    """The first day of the business month that an instant lies in."""
    here = at.astimezone(ZoneInfo(settings.PLATFORM_TZ))
    return date(here.year, here.month, 1)


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """[first instant, first instant of the next month) in the platform's zone."""
    zone = ZoneInfo(settings.PLATFORM_TZ)
    start = datetime(month.year, month.month, 1, tzinfo=zone)
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start, datetime(following.year, following.month, 1, tzinfo=zone)


def month_figures(organisation: Organisation, month: date) -> dict[str, int]:
    """Where a wallet stood before and after a month, and what came and went. Micro-yuan."""
    start, end = month_bounds(month)
    account = purses.wallet_of(organisation)
    tick = timedelta(microseconds=1)
    opening = books.balance_at(account, start - tick)
    closing = books.balance_at(account, end - tick)
    charged = Charge.objects.filter(
        organisation=organisation, asset="CNY", settled_at__gte=start, settled_at__lt=end
    ).aggregate(total=Sum("total"), credit=Sum("credit_used"))
    total, credit = charged["total"] or 0, charged["credit"] or 0
    return {
        "opening_uy": opening,
        "closing_uy": closing,
        "charged_uy": total,
        "credit_used_uy": credit,
        "came_in_uy": closing - opening + total - credit,
    }
