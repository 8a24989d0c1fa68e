"""A booking that was wrong: the counter-booking and, where an amount is right, the booking anew.

Both in one transaction, once per booking. Where why_two() says so the request is kept until a second member
of staff confirms it. Where the money is spent it waits for money: it stays open, is carried out by
staff when the wallet has it, or withdrawn with a reason.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Journal
from portal import policy
from portal.accounts.impartial import refuse_own
from portal.accounts.models import User
from portal.core.errors import Refused, Stale
from portal.core.money import FEN_UY
from portal.history import actions as history

from . import bookings, queries
from .actions import TOPUP_MOST_UY
from .models import Booking, Correction, TopUp
from .purses import wallet_of


def booking_of(topup: TopUp) -> Journal | None:
    """The booking that counts: the one that nothing has reversed."""
    return (
        Journal.objects.filter(cause=history.subject_of(topup), reason=Reason.TOP_UP, reversals=None)
        .order_by("-id")
        .first()
    )


def confirmed_by_two(topup: TopUp) -> bool:
    """Whether two persons stand behind what is in the wallet: behind its booking or a correction since."""
    since = TopUp.objects.values_list("booked_at", flat=True).get(pk=topup.pk)
    if since is None:
        return False
    corrected = topup.corrections.filter(state=Correction.State.DONE, decided_by__isnull=False, decided_at__gte=since)
    return topup.bookings.filter(state=Booking.State.DONE, decided_at__gte=since).exists() or corrected.exists()


def always_two(topup: TopUp) -> str:
    """Why every correction of it needs a second person, whatever the amounts: confirmed, by_staff or ""."""
    if confirmed_by_two(topup):
        return "confirmed"
    return "by_staff" if topup.is_unannounced else ""


def why_two(topup: TopUp, from_uy: int, to_uy: int) -> str:
    """Why this correction needs a second person: as always_two, large, far, or "" where one is enough.

    What two have confirmed, one alone does not change. Upwards also what could not have been booked alone.
    """
    if why := always_two(topup):
        return why
    if max(from_uy, to_uy) > policy.TWO_PERSONS_ABOVE_UY:
        return "large"
    return "far" if to_uy > from_uy and bookings.needs_two(topup, to_uy) else ""


@transaction.atomic
def correct(*, topup: TopUp, booking: Journal, to_uy: int, reason: str, user: User, now: datetime) -> Correction:
    """Correct the booking that the person has seen; `to_uy` 0 only takes it back.

    The same request again returns the first one. Refused: reason_needed, bad_amount, nothing_to_correct,
    corrected_before, not_booked, own_company.
    """
    refuse_own(topup.organisation, user)
    reason = reason.strip()
    if not reason:
        raise Refused("reason_needed")
    if not 0 <= to_uy <= TOPUP_MOST_UY or to_uy % FEN_UY:
        raise Refused("bad_amount", least_uy=FEN_UY, most_uy=TOPUP_MOST_UY)
    if booking.cause != history.subject_of(topup) or booking.reason != Reason.TOP_UP:
        raise Refused("not_booked")
    from_uy = sum(booking.postings.filter(amount__gt=0).values_list("amount", flat=True))
    if to_uy == from_uy:
        raise Refused("nothing_to_correct", booked_uy=from_uy)
    try:
        with transaction.atomic():
            made = Correction.objects.create(
                topup=topup, journal=booking, from_uy=from_uy, to_uy=to_uy, reason=reason[:300],
                asked_by=user, asked_at=now,
            )  # fmt: skip
    except IntegrityError:  # pressed twice, or somebody else was faster
        known = Correction.objects.exclude(state__in=Correction.OVER).get(journal=booking)
        if (known.to_uy, known.reason, known.asked_by_id) == (to_uy, reason[:300], user.pk):
            return known
        raise Refused("corrected_before") from None
    actor = f"user:{user.pk}"
    history.record(made, before="", after=Correction.State.WAITING, now=now, actor=actor, text=reason)
    if why_two(topup, from_uy, to_uy):
        locked = _booked(made)
        _note(locked, made, "correction_asked", now=now, actor=actor)
        return made
    return _carry_out_or_wait(made, user=user, now=now, decided=None)


@transaction.atomic
def confirm(*, correction: Correction, user: User, now: datetime) -> Correction:
    """The second person's yes. Refused: second_person_needed, own_company, bad_move. Stale."""
    refuse_own(correction.topup.organisation, user)
    if user.pk == correction.asked_by_id:
        raise Refused("second_person_needed")
    _expect(correction, Correction.State.WAITING)
    return _carry_out_or_wait(correction, user=user, now=now, decided=user)


@transaction.atomic
def execute(*, correction: Correction, user: User, now: datetime) -> Correction:
    """What waited for money, now that it is there.

    Refused: own_company, bad_move, correction_short (nothing changed). Stale.
    """
    refuse_own(correction.topup.organisation, user)
    _expect(correction, Correction.State.SHORT)
    return _carry_out(correction, user=user, now=now)


def missing_uy(correction: Correction) -> int:
    """What the wallet lacks for it now. One query."""
    needed = correction.from_uy - correction.to_uy
    return max(0, needed - max(0, queries.wallet_uy(correction.topup.organisation) or 0))


@transaction.atomic
def decline(*, correction: Correction, reason: str, user: User, now: datetime) -> Correction:
    """No, with a reason; from who asked, and for what waits for money, it is a withdrawal.

    Refused: reason_needed, own_company, bad_move. Stale.
    """
    refuse_own(correction.topup.organisation, user)
    if not reason.strip():
        raise Refused("reason_needed")
    actor = f"user:{user.pk}"
    gives_up = user.pk == correction.asked_by_id or correction.state == Correction.State.SHORT
    history.move(
        correction,
        Correction.State.WITHDRAWN if gives_up else Correction.State.DECLINED,
        now=now,
        actor=actor,
        changes={"decided_by": user, "decided_at": now},
        text=reason.strip(),
    )
    said = "correction_withdrawn" if gives_up else "correction_declined"
    _note(correction.topup, correction, said, now=now, actor=actor, text=reason.strip())
    return correction


def _expect(correction: Correction, state: str) -> None:
    if correction.state != state:
        raise Refused("bad_move", what=history.subject_of(correction), before=correction.state, after="done")


def _carry_out_or_wait(correction: Correction, *, user: User, now: datetime, decided: User | None) -> Correction:
    """At once where the money is; else it waits for it, decided as it is."""
    try:
        with transaction.atomic():
            return _carry_out(correction, user=user, now=now, decided=decided)
    except Refused as refused:
        if refused.code != "correction_short":
            raise
        correction.refresh_from_db()
        told = {key: value for key, value in refused.params.items() if key.endswith("_uy")}
    actor = f"user:{user.pk}"
    history.move(
        correction, Correction.State.SHORT, now=now, actor=actor, changes=_decision(decided, now), **told
    )
    _note(_booked(correction), correction, "correction_short", now=now, actor=actor)
    return correction


def _decision(decided: User | None, now: datetime) -> dict[str, Any]:
    """Only who confirmed it has decided; asking for it alone, or carrying it out later, is no second person."""
    return {"decided_by": decided, "decided_at": now} if decided else {}


def _carry_out(
    correction: Correction, *, user: User, now: datetime, decided: User | None = None
) -> Correction:
    actor = f"user:{user.pk}"
    changes = {"decided_at": now, **_decision(decided, now)}
    history.move(correction, Correction.State.DONE, now=now, actor=actor, changes=changes)
    topup = _booked(correction)
    if correction.to_uy:
        TopUp.objects.filter(pk=topup.pk).update(booked_uy=correction.to_uy)
        _note(topup, correction, "booking_corrected", now=now, actor=actor)
    else:
        # the payment's number becomes free: it may belong under another code
        history.move(
            topup,
            TopUp.State.REVERSED,
            now=now,
            actor=actor,
            reason="booking_corrected",
            changes={"booked_uy": None, "booked_at": None, "bank_reference": ""},
            **_told(topup, correction),
        )
    _move_money(topup, correction, now=now, actor=actor)
    return correction


def _booked(correction: Correction) -> TopUp:
    """The top-up, locked, as the person who asked saw it. Refused("not_booked"), Stale."""
    topup = TopUp.objects.select_for_update(no_key=True).get(pk=correction.topup_id)
    if topup.state != TopUp.State.BOOKED:
        raise Refused("not_booked")
    if topup.booked_uy != correction.from_uy:
        raise Stale(history.subject_of(topup))
    return topup


def _move_money(topup: TopUp, correction: Correction, *, now: datetime, actor: str) -> None:
    """Back, then anew, as it reads: no balance in between holds both. Where not the whole of what was booked is
    there, anew and then back, because only the difference must be.
    """
    wallet, bank = wallet_of(topup.organisation), ledger.open(owner=None, kind=Kind.BANK)
    ledger.lock(wallet, bank)
    all_there = (books.balance(wallet).available or 0) >= correction.from_uy
    if correction.to_uy and not all_there:
        _book_anew(topup, correction, bank, wallet, now)
    try:
        ledger.reverse(
            key=f"correction:{correction.public_id}",
            journal=correction.journal,
            reason=correction.reason,
            actor=actor,
            now=now,
        )
    except Refused as refused:
        if refused.code != "insufficient_funds":
            raise
        available = refused.params["available_uy"] - correction.to_uy
        needed = correction.from_uy - correction.to_uy
        raise Refused("correction_short", needed_uy=needed, available_uy=available) from None
    if correction.to_uy and all_there:
        _book_anew(topup, correction, bank, wallet, now)


def _book_anew(topup: TopUp, correction: Correction, bank: Account, wallet: Account, now: datetime) -> None:
    ledger.transfer(
        key=f"correction:{correction.public_id}:anew",
        reason=Reason.TOP_UP,
        cause=history.subject_of(topup),
        source=bank,
        target=wallet,
        amount=correction.to_uy,
        now=now,
        memo={"why": correction.reason, "correction": correction.public_id},
    )


def _told(topup: TopUp, correction: Correction) -> dict[str, Any]:
    return {
        "text": correction.reason,
        "from_uy": correction.from_uy,
        "to_uy": correction.to_uy,
        "bank_reference": topup.bank_reference,
        "correction": correction.public_id,
        "asked": f"user:{correction.asked_by_id}",
        "confirmed": f"user:{correction.decided_by_id}" if correction.decided_by_id else "",
    }


def _note(
    topup: TopUp, correction: Correction, reason: str, *, now: datetime, actor: str, text: str = ""
) -> None:
    """A step of the top-up that leaves it booked."""
    told = _told(topup, correction) | ({"text": text} if text else {})
    history.record(topup, before=topup.state, after=topup.state, now=now, actor=actor, reason=reason, **told)
