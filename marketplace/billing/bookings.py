"""What the bank statement says, entered by one member of staff: booked at once, or when a second one confirms it.

Two are needed above policy.TWO_PERSONS_ABOVE_UY, where announced and arrived differ by more than
policy.TWO_PERSONS_DIFFERENCE_UY, and where nobody but staff announced it. Until then nothing moves.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from portal import policy
from portal.accounts.impartial import refuse_own
from portal.accounts.models import Organisation, User
from portal.core.errors import Refused
from portal.core.money import FEN_UY
from portal.history import actions as history

from . import actions
from .models import Booking, TopUp


def needs_two(topup: TopUp, amount_uy: int) -> bool:
    return (
        topup.is_unannounced
        or amount_uy > policy.TWO_PERSONS_ABOVE_UY
        or abs(amount_uy - topup.amount_uy) > policy.TWO_PERSONS_DIFFERENCE_UY
    )


@transaction.atomic
def book(
    *, topup: TopUp, amount_uy: int, bank_reference: str, user: User, now: datetime, reason: str = ""
) -> Booking | None:
    """Put it into the wallet (None), or keep it for a second person (the booking that waits).

    The same request again returns the first one. Refused: bad_amount, difference_needs_reason,
    payment_booked_before, booking_waits, bad_move (booked already), own_company. Stale.
    """
    refuse_own(topup.organisation, user)
    bank_reference, reason = bank_reference.strip(), reason.strip()[:300]
    if not FEN_UY <= amount_uy <= actions.TOPUP_MOST_UY or amount_uy % FEN_UY:
        raise Refused("bad_amount", least_uy=FEN_UY, most_uy=actions.TOPUP_MOST_UY)
    locked = TopUp.objects.select_for_update(no_key=True).get(pk=topup.pk)
    waits = locked.bookings.filter(state=Booking.State.WAITING).first()
    if waits is not None:
        if (waits.amount_uy, waits.bank_reference, waits.asked_by_id) == (amount_uy, bank_reference, user.pk):
            return waits
        raise Refused("booking_waits", booked_uy=waits.amount_uy)
    if not needs_two(locked, amount_uy):
        actions.book_payment(
            topup=topup, amount_uy=amount_uy, bank_reference=bank_reference, reason=reason, now=now,
            actor=f"user:{user.pk}",
        )  # fmt: skip
        return None
    if TopUp.State.BOOKED not in TopUp.MOVES[locked.state]:
        raise Refused("bad_move", what=history.subject_of(locked), before=locked.state, after=TopUp.State.BOOKED)
    if amount_uy != locked.amount_uy and not reason:
        raise Refused("difference_needs_reason", announced_uy=locked.amount_uy, entered_uy=amount_uy)
    return _ask(locked, amount_uy, bank_reference, reason, user, now)


@transaction.atomic
def unannounced(
    *, organisation: Organisation, amount_uy: int, bank_reference: str, reason: str, user: User, now: datetime
) -> Booking:
    """A transfer that came without a code: announced by staff, and always for a second person to confirm.

    Refused: as book, and reason_needed.
    """
    refuse_own(organisation, user)
    if not reason.strip():
        raise Refused("reason_needed")
    topup = actions.request_topup(
        organisation=organisation, amount_uy=amount_uy, user=user, now=now, actor=f"user:{user.pk}"
    )
    made = book(
        topup=topup, amount_uy=amount_uy, bank_reference=bank_reference, user=user, now=now, reason=reason
    )
    if made is None:
        raise RuntimeError("what staff announce needs two")  # needs_two says so
    return made


def _ask(
    topup: TopUp, amount_uy: int, bank_reference: str, reason: str, user: User, now: datetime
) -> Booking:
    if bank_reference and TopUp.objects.filter(bank_reference=bank_reference).exists():
        raise Refused("payment_booked_before", reference=bank_reference)
    try:
        with transaction.atomic():
            made = Booking.objects.create(
                topup=topup, amount_uy=amount_uy, bank_reference=bank_reference, reason=reason, asked_by=user,
                asked_at=now,
            )  # fmt: skip
    except IntegrityError:  # the same payment waits under another code
        raise Refused("payment_booked_before", reference=bank_reference) from None
    actor = f"user:{user.pk}"
    history.record(made, before="", after=Booking.State.WAITING, now=now, actor=actor, text=reason)
    _note(made, "booking_asked", now=now, actor=actor, text=reason)
    return made


@transaction.atomic
def confirm(*, booking: Booking, user: User, now: datetime) -> Booking:
    """The second person's yes: now the money is in the wallet.

    Refused: second_person_needed, own_company, bad_move, payment_booked_before. Stale.
    """
    refuse_own(booking.topup.organisation, user)
    if user.pk == booking.asked_by_id:
        raise Refused("second_person_needed")
    actor = f"user:{user.pk}"
    topup = TopUp.objects.select_for_update(no_key=True).get(pk=booking.topup_id)
    _decide(booking, Booking.State.DONE, user, now)
    actions.book_payment(
        topup=topup, amount_uy=booking.amount_uy, bank_reference=booking.bank_reference, reason=booking.reason,
        now=now, actor=actor, asked=f"user:{booking.asked_by_id}",
    )  # fmt: skip
    return booking


@transaction.atomic
def decline(*, booking: Booking, reason: str, user: User, now: datetime) -> Booking:
    """No, with a reason; from who asked it is a withdrawal. Refused: reason_needed, own_company, bad_move. Stale."""
    refuse_own(booking.topup.organisation, user)
    if not reason.strip():
        raise Refused("reason_needed")
    own = user.pk == booking.asked_by_id
    topup = TopUp.objects.select_for_update(no_key=True).get(pk=booking.topup_id)
    state = Booking.State.WITHDRAWN if own else Booking.State.DECLINED
    _decide(booking, state, user, now, text=reason.strip()[:300])
    booking.topup = topup
    _note(
        booking, "booking_withdrawn" if own else "booking_declined", now=now, actor=f"user:{user.pk}",
        text=reason.strip()[:300],
    )  # fmt: skip
    return booking


def _decide(booking: Booking, state: str, user: User, now: datetime, text: str = "") -> None:
    history.move(
        booking, state, now=now, actor=f"user:{user.pk}", changes={"decided_by": user, "decided_at": now}, text=text
    )


def _note(booking: Booking, reason: str, *, now: datetime, actor: str, text: str) -> None:
    """A step of the top-up that leaves it as it is."""
    topup = booking.topup
    history.record(
        topup, before=topup.state, after=topup.state, now=now, actor=actor, reason=reason, text=text,
        booked_uy=booking.amount_uy, booking=booking.public_id,
    )  # fmt: skip
