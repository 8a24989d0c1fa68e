"""Reads for the wallet, top-ups and bills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, Subquery, Sum
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Hold, Journal, Posting
from portal.accounts.models import Organisation
from portal.accounts.queries import people_by_actor
from portal.core.templatetags.suanli import time_text
from portal.core.words import floor_fen, yuan
from portal.history.actions import subject_of
from portal.history.models import Step
from portal.history.words import others_of, signers_of

from . import gifts, movements, purses
from .models import Booking, Charge, Correction, TopUp, Withdrawal

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
    leaving: list[Withdrawal]
    leaving_uy: int
    credit_limit_uy: int
    credit_drawn_uy: int
    spendable_uy: int = 0  # by an order now: what is available in the wallet and on the credit line


def wallet(organisation: Organisation) -> WalletFigures:
    account = purses.wallet_of(organisation)
    balance = books.balance(account)
    waiting = list(TopUp.objects.filter(organisation=organisation, state=TopUp.State.WAITING))
    going = leaving(organisation)
    credit = books.find(owner=organisation, kind=Kind.CREDIT_LINE)
    line_uy = credit.posted - credit.held - (credit.floor or 0) if credit else 0  # what the credit line still gives
    return WalletFigures(
        account=account,
        available_uy=balance.available or 0,
        held_uy=balance.held,
        posted_uy=balance.posted,
        coming_uy=sum(t.amount_uy for t in waiting),
        waiting=waiting,
        leaving=going,
        leaving_uy=sum(w.amount_uy for w in going if w.state in Withdrawal.OPEN),
        credit_limit_uy=-(credit.floor or 0) if credit else 0,
        credit_drawn_uy=-credit.posted if credit else 0,
        spendable_uy=max(0, balance.available or 0) + max(0, line_uy),
    )


def leaving(organisation: Organisation) -> list[Withdrawal]:
    """Withdrawals under way, and those refused or returned since the company last asked for one. One query."""
    latest = Withdrawal.objects.filter(organisation=organisation).order_by("-id").values("created_at")[:1]
    unlucky = Q(state__in=[Withdrawal.State.REFUSED, Withdrawal.State.CAME_BACK], ended_at__gte=Subquery(latest))
    return list(Withdrawal.objects.filter(Q(state__in=Withdrawal.OPEN) | unlucky, organisation=organisation))


@dataclass(frozen=True)
class Withdrawable:
    """What of a wallet may go to a bank account, and why not more. Micro-yuan."""

    available_uy: int
    gift_uy: int  # of the welcome credit, not spent yet

    @property
    def most_uy(self) -> int:
        """In whole fen, the smallest amount that a bank moves."""
        return floor_fen(max(0, self.available_uy - self.gift_uy))


def withdrawable(organisation: Organisation) -> Withdrawable:
    """withdrawable = available − max(0, gifts received − orders charged), never below zero, in whole fen.

    available = posted − reserved, so neither the credit limit (an account of its own) nor what an order or
    another withdrawal reserves is in it. Gifts are spent first: every charge of an order that the wallet paid
    uses them up, a refund gives them back; what a reversal took back counts on neither side. All other money
    that came in (top-ups, payouts, compensation, loans) is cash. The truth only while the wallet is locked;
    a page shows it as it was. Two queries.
    """
    wallet = purses.wallet_of(organisation)
    return withdrawable_of(wallet, books.balance(wallet).available or 0)


def withdrawable_of(wallet: Account, available_uy: int) -> Withdrawable:
    """The same of a wallet that was read already. One query."""
    # no more of it than is there: a loan may have been repaid with it, and the lines of the page must add up
    return Withdrawable(available_uy=available_uy, gift_uy=min(gifts.left(wallet), available_uy))


def steps_of_withdrawal(withdrawal: Withdrawal) -> list[dict[str, Any]]:
    """The way of the money for components/steps.html: asked for, being paid, and how it ended."""
    state, of = withdrawal.state, Withdrawal.State
    def step(label: str, is_now: str, note: str = "") -> dict[str, Any]:
        return {"label": label, "state": is_now, "note": note}

    asked, waits = time_text(withdrawal.created_at, "long"), state == of.ASKED
    note = _("{at}; it waits for our staff, and you can still take it back").format(at=asked) if waits else asked
    steps = [step(_("Asked for"), "now" if waits else "done", note)]
    if withdrawal.begun_at:
        is_now = "now" if state == of.PAYING else "done"
        steps.append(step(_("Being paid"), is_now, time_text(withdrawal.begun_at, "long")))
    elif waits:
        steps.append(step(_("Being paid"), "todo"))
    if state in (of.PAID, of.CAME_BACK):
        sent = _("on {date}, number at the bank {number}").format(
            date=time_text(withdrawal.paid_on, "date"), number=withdrawal.bank_reference
        )
        steps.append(step(_("Sent to the bank"), "done", sent))
    if state in Withdrawal.OPEN:
        steps.append(step(_("Sent to the bank"), "todo"))
    elif state != of.PAID:
        failed = state != of.TAKEN_BACK
        ended = time_text(withdrawal.ended_at, "long")
        note = _("{at}: {why}").format(at=ended, why=withdrawal.reason) if withdrawal.reason else ended
        steps.append(step(capfirst(withdrawal.get_state_display()), "failed" if failed else "done", note))
    return steps


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
    topups, withdrawals = _by_cause(TopUp, causes), _by_cause(Withdrawal, causes)
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
            "transfers": movements.own(
                holds.get(line.cause, []), journals.get(line.cause, []), mine=lambda a: a.pk == account.pk
            ),
            "url": reverse("ledger:journal", args=[organisation.slug, line.journal.public_id]),
            "url_label": _("Both sides in the books"),
        }
        if charge is not None:
            row |= _order_words(line, charge, movements.sums(holds.get(line.cause, [])))
            row["url"] = reverse("orders:why", args=[organisation.slug, line.cause.removeprefix("order:")])
            row["url_label"] = _("Why did this cost that?")
        elif topup is not None:
            row |= _topup_words(topup, line.journal)
        elif line.cause in withdrawals:
            row |= _withdrawal_words(withdrawals[line.cause], line.journal)
        elif line.reason == Reason.WELCOME_CREDIT:
            row["note"] = _("a gift: it pays for orders, before your own money, and is not paid out")
        rows.append(row)
    cursor = shown[-1].cursor if len(lines) > limit else ""
    return rows, cursor


def _order_words(line: books.Line, charge: Charge, sums: movements.Sums) -> dict[str, str]:
    """Paid: with what a bookkeeper ticks, reserved = paid + given back. Come back later: a line of its own."""
    if line.amount > 0:
        return {"note": what(charge)}
    said = _("Reserved {reserved} = paid {paid} + given back {back}.").format(
        reserved=yuan(sums.reserved), paid=yuan(sums.paid), back=yuan(sums.back)
    )
    if charge.credit_used:
        then = _("From the wallet {wallet}, from the credit limit {credit}.")
    else:
        then = _("The wallet went down by {wallet}, once.")
    then = then.format(wallet=yuan(-line.amount), credit=yuan(charge.credit_used))
    return {
        "title": what(charge),
        "note": _("order, never more than {cap}").format(cap=yuan(charge.cap)),
        "remark": f"{said} {then}",
    }


def _by_cause(model: Any, causes: list[str]) -> dict[str, Any]:
    """`topup:top_…` → the top-up. One query, none where no cause is of that kind."""
    prefix = f"{model._meta.model_name}:"
    named = [c.removeprefix(prefix) for c in causes if c.startswith(prefix)]
    return {f"{prefix}{row.public_id}": row for row in model.objects.filter(public_id__in=named)}


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


def _withdrawal_words(withdrawal: Withdrawal, journal: Journal) -> dict[str, str]:
    if journal.reason == Reason.REVERSAL:
        return {
            "title": _("The transfer to your bank came back"),
            "note": _("{reference}: {why}").format(reference=withdrawal.reference, why=withdrawal.reason),
        }
    return {"note": _("{reference}: {why}").format(reference=withdrawal.reference, why=withdrawal.account)}


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
    """The step that brought each of these into its state or changed its amount. Two queries.

    `who` of a booking that was corrected names who booked it, too.
    """
    subjects = {subject_of(t): t for t in topups}
    steps = list(Step.objects.filter(subject__in=subjects).exclude(reason__in=ONLY_NOTES).order_by("id"))
    people = people_by_actor([*steps, *others_of(steps)])
    found: dict[int, Booked] = {}
    booked: dict[int, str] = {}
    for step in steps:
        key, said = subjects[step.subject].pk, signers_of(step, people)
        if step.reason == "booking_corrected" and key in booked:
            taken_back = step.after == TopUp.State.REVERSED
            words = _("{booked}; taken back by {person}") if taken_back else _("{booked}; corrected by {person}")
            said = words.format(booked=booked[key], person=said)
        booked[key] = said
        found[key] = Booked(step.at, said, step.params.get("text", ""))
    return found


def corrections_of(topups: Sequence[TopUp]) -> dict[int, Correction]:
    """The last correction that was carried out, by the pk of its top-up. One query."""
    done = Correction.objects.filter(topup__in=topups, state=Correction.State.DONE)
    return {correction.topup_id: correction for correction in done.order_by("decided_at", "id")}


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
    paid_out = -(
        Posting.objects.filter(
            account=account,
            journal__reason=Reason.WITHDRAWAL,
            journal__at__gte=start,
            journal__at__lt=end,
        ).aggregate(total=Sum("amount"))["total"]
        or 0
    )
    return {
        "opening_uy": opening,
        "closing_uy": closing,
        "charged_uy": total,
        "credit_used_uy": credit,
        "paid_out_uy": paid_out,
        "came_in_uy": closing - opening + total - credit + paid_out,
    }
