"""Pledging hours and asking for a loan; offers; and every way in which that ends without one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Hold
from marketplace.catalogue.models import ResourceClass
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.history import actions as history

from .. import queries, terms
from ..models import Application, Offer, Rejection


@transaction.atomic
def apply(
    *,
    organisation: Organisation,
    resource_class: ResourceClass,
    pledge_cms: int,
    amount_uy: int,
    months: int,
    purpose: str,
    now: datetime,
    actor: str,
) -> Application:
    """Pledge hours (they cannot be spent from now on) and ask lenders for a loan against them.

    Refused: amount_not_positive, bad_terms, purpose_needed, class_without_index, above_ltv (most_uy),
    insufficient_hours, borrower_needed.
    """
    if organisation.role == Organisation.Role.LENDER:
        raise Refused("borrower_needed")
    if pledge_cms <= 0 or amount_uy <= 0:
        raise Refused("amount_not_positive")
    check_terms(months, 0)
    if not purpose.strip():
        raise Refused("purpose_needed")
    made = Application.objects.create(
        organisation=organisation,
        resource_class=resource_class,
        pledged_cms=pledge_cms,
        amount_uy=amount_uy,
        months=months,
        purpose=purpose.strip()[:300],
        created_at=now,
        expires_at=now + timedelta(seconds=terms.APPLICATION_VALID_S),
    )
    claims, pledged = accounts_of(made)
    ledger.transfer(
        key=f"pledge:{made.public_id}",
        reason=Reason.PLEDGE,
        cause=history.subject_of(made),
        source=claims,
        target=pledged,
        amount=pledge_cms,
        now=now,
    )
    check_ltv(made, amount_uy, now)
    history.record(made, before="", after=made.state, now=now, actor=actor)
    return made


@transaction.atomic
def withdraw(*, application: Application, now: datetime, actor: str) -> Application:
    """The borrower thinks better of it: the pledge is released, open offers are declined."""
    return _end(lock(application), Application.State.WITHDRAWN, Offer.State.DECLINED, now, actor)


@transaction.atomic
def reject(*, application: Application, lender: Organisation, reason: str, now: datetime, actor: str) -> Rejection:
    """One lender's no, with its reason; its open offer is withdrawn. Safe to repeat."""
    check_lender(lender)
    if not reason.strip():
        raise Refused("reason_needed")
    row = lock(application)
    refuse_unless_open(row, now)
    for offer in row.offers.filter(lender=lender, state=Offer.State.OPEN):
        close_offer(offer, Offer.State.WITHDRAWN, now, actor)
    made, fresh = Rejection.objects.get_or_create(
        application=row, lender=lender, defaults={"reason": reason.strip()[:300], "created_at": now}
    )
    if fresh:
        history.record(row, before="", after="", now=now, actor=actor, reason="lender_said_no", why=made.reason)
    return made


@transaction.atomic
def add_offer(
    *,
    application: Application,
    lender: Organisation,
    amount_uy: int,
    rate_ppm: int,
    months: int,
    now: datetime,
    actor: str,
) -> Offer:
    """A binding offer: the money is reserved in the lender's account until it ends.

    Refused: lender_needed, application_over, above_ltv (most_uy), bad_terms, offered_before,
    insufficient_funds, class_without_index.
    """
    check_lender(lender)
    if amount_uy <= 0:
        raise Refused("amount_not_positive")
    check_terms(months, rate_ppm)
    row = lock(application)
    refuse_unless_open(row, now)
    if row.organisation_id == lender.pk:
        raise Refused("own_application")
    check_ltv(row, amount_uy, now)
    try:
        with transaction.atomic():
            made = Offer.objects.create(
                application=row,
                lender=lender,
                amount_uy=amount_uy,
                rate_ppm=rate_ppm,
                months=months,
                created_at=now,
                expires_at=now + timedelta(seconds=terms.OFFER_VALID_S),
            )
    except IntegrityError:
        raise Refused("offered_before") from None
    ledger.hold(
        key=hold_key(made),
        account=ledger.open(owner=lender, kind=Kind.LENDER_CASH),
        amount=amount_uy,
        cause=history.subject_of(made),
        now=now,
    )
    history.record(made, before="", after=made.state, now=now, actor=actor)
    return made


@transaction.atomic
def withdraw_offer(*, offer: Offer, now: datetime, actor: str) -> Offer:
    """The lender takes it back; its money is free again."""
    return _answer(offer, Offer.State.WITHDRAWN, now, actor)


@transaction.atomic
def decline(*, offer: Offer, now: datetime, actor: str) -> Offer:
    """The borrower says no; the application stays open for others."""
    return _answer(offer, Offer.State.DECLINED, now, actor)


def expire(*, now: datetime) -> int:
    """End offers and applications whose time is over; returns how many."""
    done = 0
    overdue = Application.objects.filter(offers__state=Offer.State.OPEN, offers__expires_at__lte=now)
    ids = set(overdue.values_list("pk", flat=True)) | set(
        Application.objects.filter(state=Application.State.OPEN, expires_at__lte=now).values_list("pk", flat=True)
    )
    for pk in sorted(ids):
        with transaction.atomic():
            row = lock(Application(pk=pk))
            for offer in row.offers.filter(state=Offer.State.OPEN, expires_at__lte=now):
                close_offer(offer, Offer.State.EXPIRED, now, "system:lending")
                done += 1
            if row.state == Application.State.OPEN and row.expires_at <= now:
                _end(row, Application.State.EXPIRED, Offer.State.EXPIRED, now, "system:lending")
                done += 1
    return done


# ---- what other files of this folder need too


def lock(application: Application) -> Application:
    """The row afresh, held until the transaction ends."""
    rows = Application.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("organisation", "resource_class").get(pk=application.pk)


def accounts_of(application: Application) -> tuple[Account, Account]:
    """(banked hours, pledged hours of this application)."""
    asset, owner = application.resource_class.asset, application.organisation
    return (
        ledger.open(owner=owner, kind=Kind.CLAIMS, asset=asset),
        ledger.open(owner=owner, kind=Kind.PLEDGED, asset=asset, ref=application.public_id),
    )


def release_pledge(application: Application, now: datetime) -> None:
    """Everything pledged goes back to the banked hours, with its lots. The caller holds both accounts."""
    claims, pledged = accounts_of(application)
    left = books.balance(pledged).posted
    if left:
        ledger.transfer(
            key=f"unpledge:{application.public_id}",
            reason=Reason.PLEDGE_RELEASED,
            cause=history.subject_of(application),
            source=pledged,
            target=claims,
            amount=left,
            now=now,
        )


def lock_money(application: Application, *more: Account) -> None:
    """The books' accounts that ending an application touches, in the one order that cannot deadlock."""
    lenders = application.offers.filter(state=Offer.State.OPEN).values("lender_id")
    cash = Account.objects.filter(kind=Kind.LENDER_CASH, owner__in=lenders)
    ledger.lock(*cash, *accounts_of(application), *more)


def close_offer(offer: Offer, state: str, now: datetime, actor: str) -> None:
    """End an open offer and free the lender's money."""
    history.move(offer, state, now=now, actor=actor)
    ledger.release(key=f"release:{hold_key(offer)}", hold=Hold.objects.get(key=hold_key(offer)), now=now)


def hold_key(offer: Offer) -> str:
    return f"offer:{offer.public_id}"


def check_lender(organisation: Organisation) -> None:
    if organisation.role != Organisation.Role.LENDER:
        raise Refused("lender_needed")


def check_terms(months: int, rate_ppm: int) -> None:
    if not 1 <= months <= terms.MONTHS_MOST or not 0 <= rate_ppm <= terms.RATE_MOST_PPM:
        raise Refused("bad_terms", most_months=terms.MONTHS_MOST, most_percent=terms.RATE_MOST_PPM // 10_000)


def check_ltv(application: Application, amount_uy: int, now: datetime) -> None:
    """Refused("above_ltv") beyond 55 % of what the pledge is worth today."""
    found = queries.asked([application], now)[0]
    if found.index is None:
        raise Refused("class_without_index")
    if amount_uy > found.most_uy:
        raise Refused("above_ltv", most_uy=found.most_uy)


def refuse_unless_open(application: Application, now: datetime) -> None:
    if application.state != Application.State.OPEN or application.expires_at <= now:
        raise Refused("application_over")


def _answer(offer: Offer, state: str, now: datetime, actor: str) -> Offer:
    lock(offer.application)
    offer.refresh_from_db(fields=["state"])
    if offer.state == state:
        return offer
    if offer.state != Offer.State.OPEN:
        raise Refused("offer_over")
    close_offer(offer, state, now, actor)
    return offer


def _end(row: Application, state: str, offers: str, now: datetime, actor: str) -> Application:
    if row.state == state:
        return row
    if row.state != Application.State.OPEN:
        raise Refused("application_over")
    lock_money(row)
    for offer in row.offers.filter(state=Offer.State.OPEN).order_by("pk"):
        close_offer(offer, offers, now, actor)
    release_pledge(row, now)
    history.move(row, state, now=now, actor=actor)
    return row
