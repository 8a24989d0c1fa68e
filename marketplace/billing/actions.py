"""Writes of this room: funding, charging, topping up, closing a month.

Money moves only through bank.ledger, each time with a key made of the cause, so that every function
here may be called twice.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Hold
from portal import policy
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.core.money import FEN_UY, share
from portal.history import actions as history

from .models import Charge, Correction, Funding, TopUp
from .purses import clearing_of, payers_of, wallet_of
from .rating import Rated

REFERENCE_ALPHABET = "23456789ACDEFGHJKLMNPQRTUVWXY"  # nothing that is misread or misheard
TOPUP_MOST_UY = 10_000_000 * policy.CNY


def ensure_wallet(organisation: Organisation, now: datetime) -> Account:
    """The company's wallet, opened at the first call with the welcome credit (a grant of the platform's)."""
    wallet = wallet_of(organisation)
    if policy.WELCOME_CREDIT_UY and organisation.role == Organisation.Role.COMPANY:
        ledger.transfer(
            key=f"welcome:{organisation.public_id}",
            reason=Reason.WELCOME_CREDIT,
            cause=history.subject_of(organisation),
            source=ledger.open(owner=None, kind=Kind.GRANTS),
            target=wallet,
            amount=policy.WELCOME_CREDIT_UY,
            now=now,
        )
    return wallet


@transaction.atomic
def fund(
    *, cause: str, organisation: Organisation, amount: int, now: datetime, asset: str = "CNY"
) -> list[Funding]:
    """Reserve the amount for a cause.

    Refused("insufficient_funds", needed, available, missing): nothing is reserved then.
    """
    known = list(Funding.objects.filter(cause=cause).select_related("hold"))
    if known or amount == 0:
        return known
    payers = payers_of(organisation, asset)
    # one buyer of a company at a time: the parts are computed from balances that must not move meanwhile
    ledger.lock(*payers)
    left, funded = amount, []
    for position, account in enumerate(payers):
        part = min(left, books.balance(account).available or 0)
        if part <= 0:
            continue
        hold = ledger.hold(key=f"fund:{cause}:{position}", account=account, amount=part, cause=cause, now=now)
        funded.append(Funding.objects.create(cause=cause, position=position, hold=hold))
        left -= part
    if left:
        unit = "uy" if asset == "CNY" else "cms"
        raise Refused(
            "insufficient_funds" if asset == "CNY" else "insufficient_hours",
            **{f"needed_{unit}": amount, f"available_{unit}": amount - left, f"missing_{unit}": left},
        )
    return funded


@transaction.atomic
def release(*, cause: str, now: datetime) -> int:
    """Give everything reserved for a cause back; returns how much. Safe to repeat."""
    returned = 0
    for funding in Funding.objects.filter(cause=cause).select_related("hold"):
        if funding.hold.state == Hold.State.OPEN:
            returned += funding.hold.left
            ledger.release(key=f"release:{cause}:{funding.position}", hold=funding.hold, now=now)
    return returned


@transaction.atomic
def charge(
    *,
    cause: str,
    organisation: Organisation,
    provider: Organisation | None,
    rated: Rated,
    outcome: str,
    what: tuple[str, str],
    now: datetime,
    asset: str = "CNY",
) -> Charge:
    """Settle a cause once: what it came to leaves the reserved money, the rest goes back.

    The package's part goes to its provider (less the platform's fee), the computing's part stays in
    clearing until the close of the hour gives it to the site.
    """
    try:
        with transaction.atomic():
            written = Charge.objects.create(
                organisation=organisation,
                cause=cause,
                what_en=what[0][:200],
                what_zh=what[1][:200],
                asset=asset,
                outcome=outcome,
                lines=[x.as_dict() for x in rated.lines],
                total=rated.total,
                computing=rated.computing,
                cap=rated.cap,
                settled_at=now,
            )
    except IntegrityError:
        return Charge.objects.get(cause=cause)
    clearing = clearing_of(cause, asset)
    fundings = list(Funding.objects.filter(cause=cause).select_related("hold__account").order_by("position"))
    left, credit = rated.total, 0
    for funding in fundings:
        part = min(left, funding.hold.left)
        if part:
            ledger.settle(
                key=f"charge:{cause}:{funding.position}",
                hold=funding.hold,
                target=clearing,
                amount=part,
                reason=Reason.ORDER_CHARGE if asset == "CNY" else Reason.CLAIM_SPENT,
                now=now,
                final=True,
            )
        else:
            ledger.release(key=f"release:{cause}:{funding.position}", hold=funding.hold, now=now)
        left -= part
        credit += part if funding.hold.account.kind == Kind.CREDIT_LINE else 0
    if left:
        raise RuntimeError(f"{cause}: charge above what is reserved")  # the cap is reserved, so this is a bug
    if credit:
        Charge.objects.filter(pk=written.pk).update(credit_used=credit)
        written.credit_used = credit
    _pay_package(written, provider, now)
    return written


def _pay_package(charge: Charge, provider: Organisation | None, now: datetime) -> None:
    amount = charge.total - charge.computing
    if charge.asset != "CNY" or amount <= 0:
        return
    clearing = clearing_of(charge.cause)
    if provider is None or provider.role == Organisation.Role.PLATFORM:
        legs = [
            ledger.Leg(clearing, -amount),
            ledger.Leg(ledger.open(owner=None, kind=Kind.PACKAGE_INCOME), amount),
        ]
    else:
        fee = share(amount, policy.PLATFORM_FEE_PPM, "up")
        legs = [
            ledger.Leg(clearing, -amount),
            ledger.Leg(ledger.open(owner=provider, kind=Kind.PROVIDER_DUE), amount - fee),
            ledger.Leg(ledger.open(owner=None, kind=Kind.FEES), fee),
        ]
    ledger.post(
        key=f"package:{charge.cause}",
        reason=Reason.DISTRIBUTION,
        cause=charge.cause,
        legs=[x for x in legs if x.amount],
        now=now,
    )


def request_topup(
    *, organisation: Organisation, amount_uy: int, user, now: datetime, actor: str, return_to: str = ""
) -> TopUp:
    """Announce a bank transfer; its reference code goes into the transfer's text. Refused("bad_amount")."""
    if not FEN_UY <= amount_uy <= TOPUP_MOST_UY or amount_uy % FEN_UY:
        raise Refused("bad_amount", least_uy=FEN_UY, most_uy=TOPUP_MOST_UY)
    while True:
        code = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(6))
        try:
            with transaction.atomic():
                topup = TopUp.objects.create(
                    organisation=organisation,
                    reference=f"SL-{code[:4]}-{code[4:]}",
                    amount_uy=amount_uy,
                    requested_by=user,
                    return_to=return_to,
                    created_at=now,
                )
                history.record(topup, before="", after=TopUp.State.WAITING, now=now, actor=actor)
                return topup
        except IntegrityError:
            continue  # the code is taken


@transaction.atomic
def book_payment(
    *, topup: TopUp, amount_uy: int, bank_reference: str, now: datetime, actor: str, reason: str = "", asked: str = ""
) -> TopUp:
    """The transfer has arrived: what arrived goes into the wallet, cancelled or not.

    Staff come through bookings.book, which knows what needs two of them; `asked` is the first. An amount other
    than the announced one needs a reason. Refused: bad_amount, difference_needs_reason, payment_booked_before,
    bad_move (booked already). Stale.
    """
    if amount_uy <= 0:
        raise Refused("bad_amount", least_uy=FEN_UY, most_uy=TOPUP_MOST_UY)
    if amount_uy != topup.amount_uy and not reason.strip():
        raise Refused("difference_needs_reason", announced_uy=topup.amount_uy, entered_uy=amount_uy)
    try:
        with transaction.atomic():
            history.move(
                topup,
                TopUp.State.BOOKED,
                now=now,
                actor=actor,
                changes={"booked_uy": amount_uy, "bank_reference": bank_reference.strip(), "booked_at": now},
                text=reason.strip(),
                announced_uy=topup.amount_uy,
                booked_uy=amount_uy,
                **({"asked": asked} if asked else {}),
            )
    except IntegrityError:
        raise Refused("payment_booked_before", reference=bank_reference) from None
    # booked, taken back and booked again: each booking has a key of its own (the row is locked by now)
    before = topup.corrections.filter(state=Correction.State.DONE).count()
    ledger.transfer(
        key=f"topup:{topup.public_id}" + (f":{before}" if before else ""),
        reason=Reason.TOP_UP,
        cause=history.subject_of(topup),
        source=ledger.open(owner=None, kind=Kind.BANK),
        target=wallet_of(topup.organisation),
        amount=amount_uy,
        now=now,
    )
    return topup


def cancel_topup(*, topup: TopUp, now: datetime, actor: str) -> TopUp:
    history.move(topup, TopUp.State.CANCELLED, now=now, actor=actor)
    return topup
