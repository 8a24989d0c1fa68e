"""What two members of staff decide: a credit limit that is raised above the policy amount, a lender's large payment."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from portal import policy
from portal.accounts.impartial import refuse_own
from portal.accounts.models import Organisation, User
from portal.core.errors import Refused, Stale
from portal.history import actions as history

from .. import terms
from ..models import CreditLimit, LenderPayment, Proposal
from . import credit, loans
from .applications import check_lender


def limit_of(organisation: Organisation) -> int:
    """The limit in force, micro-yuan."""
    row = CreditLimit.objects.filter(organisation=organisation).first()
    return row.limit_uy if row else 0


def limit_needs_two(before_uy: int, limit_uy: int) -> bool:
    return limit_uy > policy.TWO_PERSONS_ABOVE_UY and limit_uy > before_uy


def payment_needs_two(amount_uy: int) -> bool:
    return amount_uy > policy.TWO_PERSONS_ABOVE_UY


@transaction.atomic
def propose_limit(
    *, organisation: Organisation, limit_uy: int, reason: str, user: User, now: datetime
) -> CreditLimit | Proposal:
    """In force at once, or kept for a second person. The same request again returns the one that waits.

    Refused: own_company, limit_waits, limit_out_of_range, reason_needed, borrower_needed.
    """
    refuse_own(organisation, user)
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    before = limit_of(organisation)
    waits = Proposal.objects.filter(
        organisation=organisation, kind=Proposal.Kind.LIMIT, state=Proposal.State.WAITING
    ).first()
    if waits is not None:
        if (waits.amount_uy, waits.text, waits.asked_by_id) == (limit_uy, reason.strip(), user.pk):
            return waits
        raise Refused("limit_waits")
    if not limit_needs_two(before, limit_uy):
        return credit.set_limit(
            organisation=organisation, limit_uy=limit_uy, reason=reason, now=now, actor=f"user:{user.pk}"
        )
    if organisation.role == Organisation.Role.LENDER:
        raise Refused("borrower_needed")
    if limit_uy > terms.CREDIT_LIMIT_MOST_UY:
        raise Refused("limit_out_of_range", most_uy=terms.CREDIT_LIMIT_MOST_UY)
    if not reason.strip():
        raise Refused("reason_needed")
    return _ask(Proposal.Kind.LIMIT, organisation, limit_uy, before, reason.strip()[:300], user, now)


@transaction.atomic
def propose_payment(
    *, lender: Organisation, amount_uy: int, bank_reference: str, user: User, now: datetime
) -> LenderPayment | Proposal:
    """Booked at once, or kept for a second person. Refused: own_company, and as book_lender_payment."""
    refuse_own(lender, user)
    bank_reference = bank_reference.strip()
    if not payment_needs_two(amount_uy):
        return loans.book_lender_payment(
            lender=lender, amount_uy=amount_uy, bank_reference=bank_reference, now=now, actor=f"user:{user.pk}"
        )
    check_lender(lender)
    if not bank_reference:
        raise Refused("reason_needed")
    if LenderPayment.objects.filter(bank_reference=bank_reference).exists():
        raise Refused("payment_known", reference=bank_reference)
    try:
        with transaction.atomic():
            return _ask(Proposal.Kind.PAYMENT, lender, amount_uy, 0, bank_reference, user, now)
    except IntegrityError:  # it waits already
        known = Proposal.objects.get(text=bank_reference, kind=Proposal.Kind.PAYMENT, state=Proposal.State.WAITING)
        if (known.organisation_id, known.amount_uy, known.asked_by_id) == (lender.pk, amount_uy, user.pk):
            return known
        raise Refused("payment_known", reference=bank_reference) from None


def _ask(
    kind: str, organisation: Organisation, amount_uy: int, before_uy: int, text: str, user: User, now: datetime
) -> Proposal:
    made = Proposal.objects.create(
        kind=kind, organisation=organisation, amount_uy=amount_uy, before_uy=before_uy, text=text, asked_by=user,
        asked_at=now,
    )  # fmt: skip
    history.record(made, before="", after=Proposal.State.WAITING, now=now, actor=f"user:{user.pk}", text=text)
    return made


@transaction.atomic
def confirm(*, proposal: Proposal, user: User, now: datetime) -> Proposal:
    """The second person's yes: now it is in force.

    Refused: second_person_needed, own_company, bad_move, payment_known.
    Stale, also where the limit is another one meanwhile.
    """
    refuse_own(proposal.organisation, user)
    if user.pk == proposal.asked_by_id:
        raise Refused("second_person_needed")
    organisation = Organisation.objects.select_for_update(no_key=True).get(pk=proposal.organisation_id)
    actor = f"user:{user.pk}"
    history.move(
        proposal, Proposal.State.DONE, now=now, actor=actor, changes={"decided_by": user, "decided_at": now}
    )
    if proposal.kind == Proposal.Kind.PAYMENT:
        loans.book_lender_payment(
            lender=organisation, amount_uy=proposal.amount_uy, bank_reference=proposal.text, now=now, actor=actor
        )
        return proposal
    if limit_of(organisation) != proposal.before_uy:
        raise Stale(history.subject_of(proposal))
    credit.set_limit(
        organisation=organisation, limit_uy=proposal.amount_uy, reason=proposal.text, now=now, actor=actor
    )
    return proposal


@transaction.atomic
def give_up(*, proposal: Proposal, reason: str, user: User, now: datetime) -> Proposal:
    """No, with a reason; from who asked it is a withdrawal. Refused: reason_needed, own_company, bad_move. Stale."""
    refuse_own(proposal.organisation, user)
    if not reason.strip():
        raise Refused("reason_needed")
    own = user.pk == proposal.asked_by_id
    history.move(
        proposal,
        Proposal.State.WITHDRAWN if own else Proposal.State.DECLINED,
        now=now,
        actor=f"user:{user.pk}",
        changes={"decided_by": user, "decided_at": now},
        text=reason.strip()[:300],
    )
    return proposal
