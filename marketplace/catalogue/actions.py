"""What changes on the shelves: one function per verb, atomic, refusing without having changed anything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction

from portal import policy
from portal.accounts.models import Organisation, User
from portal.core.enqueue import after_commit
from portal.core.errors import Refused, Stale
from portal.core.money import share
from portal.history.actions import move, record

from . import hooks
from .models import IndexPrice, Interest, Offering, Package, Plan, Region, ResourceClass
from .pricing import cap_uy

State = Offering.State
EDITABLE = {"package", "resource_class", "region", "name", "notes"}


def lock(offering: Offering) -> Offering:
    """The one lock of this room: price, submission and shelf of an offering change one at a time."""
    return Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)


def create_offering(
    *,
    provider: Organisation,
    package: Package,
    resource_class: ResourceClass,
    region: Region,
    name: str = "",
    notes: str = "",
    actor: str,
    now: datetime,
) -> Offering:
    """A draft that only its provider sees.

    Refused: not_a_provider, package_not_runnable, class_not_sellable.
    """
    if not provider.is_provider:
        raise Refused("not_a_provider")
    _check_goods(package, resource_class)
    with transaction.atomic():
        offering = Offering.objects.create(
            provider=provider,
            package=package,
            resource_class=resource_class,
            region=region,
            name=name.strip(),
            notes=notes.strip(),
            created_at=now,
        )
        record(offering, before="", after=State.DRAFT, now=now, actor=actor)
    return offering


def update_draft(*, offering: Offering, actor: str, now: datetime, **fields: Any) -> None:
    """Change package, resource_class, region, name or notes. Refused: offering_not_draft, and as above."""
    unknown = set(fields) - EDITABLE
    if unknown:
        raise TypeError(f"not a field of a draft: {', '.join(sorted(unknown))}")
    if offering.state != State.DRAFT:
        raise Refused("offering_not_draft")
    changes: dict[str, Any] = {
        key: value.strip() if isinstance(value, str) else value for key, value in fields.items()
    }
    changes = {key: value for key, value in changes.items() if getattr(offering, key) != value}
    _check_goods(
        changes.get("package", offering.package), changes.get("resource_class", offering.resource_class)
    )
    if not changes:
        return
    with transaction.atomic():
        if Offering.objects.filter(pk=offering.pk, state=State.DRAFT).update(**changes) != 1:
            raise Stale(offering.public_id)
        record(
            offering,
            before=State.DRAFT,
            after=State.DRAFT,
            now=now,
            actor=actor,
            reason="draft_changed",
            fields=sorted(changes),
        )
    for key, value in changes.items():
        setattr(offering, key, value)


def submit(*, offering: Offering, actor: str, now: datetime) -> None:
    """Hand a draft to the staff.

    Refused: company_not_approved, price_needed, package_not_runnable, bad_move, and what the room of the sites
    refuses (site_needed).
    """
    if offering.provider.state != Organisation.State.APPROVED:
        raise Refused("company_not_approved")
    _check_goods(offering.package, offering.resource_class)
    with transaction.atomic():
        lock(offering)  # a price is never ended beside the submission that looks at it
        if not offering.plans.at(now).exists():
            raise Refused("price_needed")
        for check in hooks.before_submit:
            check(offering)
        changes = {"submitted_at": now, "returned_reason": ""}
        move(offering, State.SUBMITTED, now=now, actor=actor, changes=changes)


def publish(*, offering: Offering, seen: datetime | None = None, actor: str, now: datetime) -> None:
    """Staff approve what was submitted; buyers see it from now on, and whoever waited for it is told.

    `seen`: the submission that was looked at. Stale when it was taken back and handed in again since.
    """
    if offering.state != State.SUBMITTED:
        raise Refused("bad_move", what=offering.public_id, before=offering.state, after=State.PUBLISHED)
    _check_goods(offering.package, offering.resource_class)
    with transaction.atomic():
        _as_seen(offering, seen)
        changes = {"published_at": now, "price_seen_at": now, "price_raised_at": None}
        move(offering, State.PUBLISHED, now=now, actor=actor, changes=changes)
        after_commit("catalogue.tell_interested")
        after_commit("orders.open_pool")


def return_to_draft(
    *, offering: Offering, reason: str, seen: datetime | None = None, actor: str, now: datetime
) -> None:
    """Staff give a submitted offering back, with a sentence that the provider reads. `seen`: as in publish."""
    if not reason.strip():
        raise Refused("reason_needed")
    if offering.state != State.SUBMITTED:
        raise Refused("bad_move", what=offering.public_id, before=offering.state, after=State.DRAFT)
    with transaction.atomic():
        _as_seen(offering, seen)
        changes = {"returned_reason": reason.strip(), "submitted_at": None}
        move(
            offering,
            State.DRAFT,
            now=now,
            actor=actor,
            reason="returned",
            changes=changes,
            text=reason.strip(),
        )


def withdraw_submission(*, offering: Offering, actor: str, now: datetime) -> None:
    """The provider takes a submitted offering back to work on it."""
    move(offering, State.DRAFT, now=now, actor=actor, reason="taken_back", changes={"submitted_at": None})


def pause(*, offering: Offering, actor: str, now: datetime) -> None:
    """No new orders; running ones go on."""
    move(offering, State.PAUSED, now=now, actor=actor)


def resume(*, offering: Offering, actor: str, now: datetime) -> None:
    """Sell a paused offering again; it was approved before, so nobody needs to approve it anew.

    Refused("taken_off") while the staff keep it off the shelf; they put it back.
    """
    with transaction.atomic():
        if offering.state == State.PAUSED and (reason := lock(offering).returned_reason):
            raise Refused("taken_off", reason=reason)
        _sell_again(offering, now=now, actor=actor)


def take_off(*, offering: Offering, reason: str, actor: str, now: datetime) -> None:
    """Staff take a published offering off the shelf, with a sentence that the provider reads; running ones go on."""
    if not reason.strip():
        raise Refused("reason_needed")
    changes = {"returned_reason": reason.strip()}
    move(
        offering,
        State.PAUSED,
        now=now,
        actor=actor,
        reason="taken_off",
        changes=changes,
        text=reason.strip(),
    )


def put_back(*, offering: Offering, actor: str, now: datetime) -> None:
    """Staff put on the shelf again what they had taken off. Refused("paused_by_provider") for anything else paused."""
    with transaction.atomic():
        if offering.state == State.PAUSED and not lock(offering).returned_reason:
            raise Refused("paused_by_provider")
        changes = {"returned_reason": "", "price_seen_at": now, "price_raised_at": None}
        _sell_again(offering, now=now, actor=actor, reason="put_back", changes=changes)


def accept_price(*, offering: Offering, seen: datetime | None = None, actor: str, now: datetime) -> None:
    """Staff have looked at a price that was raised since review. Stale when it was raised again since they `seen` it.

    Refused("price_not_raised").
    """
    with transaction.atomic():
        locked = lock(offering)
        if locked.price_raised_at is None:
            raise Refused("price_not_raised")
        if seen is not None and locked.price_raised_at != seen:
            raise Stale(offering.public_id)
        Offering.objects.filter(pk=locked.pk).update(price_seen_at=now, price_raised_at=None)
        record(locked, before=locked.state, after=locked.state, now=now, actor=actor, reason="price_accepted")
    offering.price_seen_at, offering.price_raised_at = now, None


def _sell_again(offering: Offering, *, now: datetime, actor: str, **more: Any) -> None:
    if offering.state != State.PAUSED:
        raise Refused("bad_move", what=offering.public_id, before=offering.state, after=State.PUBLISHED)
    _check_goods(offering.package, offering.resource_class)
    move(offering, State.PUBLISHED, now=now, actor=actor, **more)
    after_commit("catalogue.tell_interested")
    after_commit("orders.open_pool")


def archive(*, offering: Offering, actor: str, now: datetime) -> None:
    """For good: an archived offering is kept for its orders and never sold again."""
    move(offering, State.ARCHIVED, now=now, actor=actor)


def set_price(
    *,
    offering: Offering,
    billing_mode: str = Plan.BillingMode.ON_DEMAND,
    base_uy: int = 0,
    per_unit_uy: int = 0,
    rate_uy_per_hour: int = 0,
    core_limit_cms: int,
    cores: int = 1,
    actor: str,
    now: datetime,
) -> Plan:
    """From now on an offering costs this; what was quoted before keeps its plan. Returns the plan that holds.

    Refused: price_negative, price_is_zero, limit_needed, cores_needed, waits_for_approval, bad_move (archived).
    Stale when a plan already holds from a later instant. The same price again changes nothing.
    """
    prices = {
        "base_uy": base_uy,
        "per_unit_uy": per_unit_uy,
        "rate_uy_per_hour": rate_uy_per_hour,
        "core_limit_cms": core_limit_cms,
        "cores": cores,
    }
    _check_price(**prices)
    with transaction.atomic():
        locked = _priceable(offering)
        if locked.state == State.ARCHIVED:
            raise Refused("bad_move", what=offering.public_id, before=locked.state, after="priced")
        before = Plan.objects.filter(offering=locked, billing_mode=billing_mode, effective_to=None).first()
        if before is not None:
            if all(getattr(before, key) == value for key, value in prices.items()):
                return before
            if before.effective_from > now:
                raise Stale(offering.public_id)
            Plan.objects.filter(pk=before.pk).update(effective_to=now)
        plan = Plan.objects.create(offering=locked, billing_mode=billing_mode, effective_from=now, **prices)
        record(
            locked,
            before=locked.state,
            after=locked.state,
            now=now,
            actor=actor,
            reason="price_set",
            billing_mode=str(billing_mode),
            **prices,
        )
        _note_raise(locked, plan, now)
    return plan


def _note_raise(offering: Offering, plan: Plan, now: datetime) -> None:
    """A price far above the one that staff saw is listed at the desk; back below it, it no longer is."""
    reviewed_at = offering.price_seen_at or offering.published_at
    if offering.state not in (State.PUBLISHED, State.PAUSED) or reviewed_at is None:
        return
    units = offering.package.sizing_default
    seen = list(Plan.objects.at(reviewed_at).filter(offering=offering))
    same = [row for row in seen if row.billing_mode == plan.billing_mode] or seen
    most = max((cap_uy(row, units) for row in same), default=0)
    is_raised = cap_uy(plan, units) > most + share(most, policy.PRICE_RAISED_PPM, "down")
    Offering.objects.filter(pk=offering.pk).update(price_raised_at=now if is_raised else None)


def end_price(*, offering: Offering, billing_mode: str, actor: str, now: datetime) -> None:
    """Stop selling in this way from now on. What was approved keeps at least one price.

    Refused: price_needed, waits_for_approval.
    """
    with transaction.atomic():
        locked = _priceable(offering)
        open_plans = list(Plan.objects.filter(offering=locked, effective_to=None))
        ending = [plan for plan in open_plans if plan.billing_mode == billing_mode]
        if not ending:
            return
        if len(open_plans) == 1 and locked.state in (State.PUBLISHED, State.PAUSED):
            raise Refused("price_needed")
        if ending[0].effective_from > now:
            raise Stale(offering.public_id)
        Plan.objects.filter(pk=ending[0].pk).update(effective_to=now)
        record(
            locked,
            before=locked.state,
            after=locked.state,
            now=now,
            actor=actor,
            reason="price_ended",
            billing_mode=str(billing_mode),
        )


def set_start(*, offering: Offering, starts_in_s: int | None) -> None:
    """How long buyers have been waiting for their run to start, as dispatch measured it; None: not known."""
    Offering.objects.filter(pk=offering.pk).update(starts_in_s=starts_in_s)
    offering.starts_in_s = starts_in_s


def set_measured(*, package: Package, expected_cms: int) -> None:
    """Card-time that a run of `sizing_default` units takes, as metering measured it; 0: not known."""
    if expected_cms < 0:
        raise ValueError("card-time is not negative")
    Package.objects.filter(pk=package.pk).update(expected_cms=expected_cms)
    package.expected_cms = expected_cms


def record_index_price(
    *,
    resource_class: ResourceClass,
    date: date,
    price_uy: int,
    quotes: Iterable[dict[str, Any]] = (),
    source: str,
) -> IndexPrice:
    """The market price of a class on a day. The first record stands: Refused index_price_stands."""
    row, created = IndexPrice.objects.get_or_create(
        resource_class=resource_class,
        date=date,
        defaults={"price_uy": price_uy, "quotes": list(quotes), "source": source},
    )
    if not created and row.price_uy != price_uy:
        raise Refused("index_price_stands", date=date.isoformat(), price_uy=row.price_uy)
    return row


def tell_me_when(
    *, package: Package, email: str, user: User | None = None, language: str = "", now: datetime
) -> Interest:
    """Remember who wants to be told when a package can be bought. Asking twice is asking once."""
    interest, _created = Interest.objects.get_or_create(
        package=package,
        email=email.strip().lower(),
        defaults={"user": user, "language": language, "created_at": now},
    )
    return interest


def forget_interest(*, interest_id: int) -> None:
    """Undo tell_me_when; a second time changes nothing."""
    Interest.objects.filter(pk=interest_id).delete()


def claim_telling(*, interest: Interest, now: datetime) -> bool:
    """True for exactly one caller: it now sends the message."""
    return Interest.objects.filter(pk=interest.pk, told_at=None).update(told_at=now) == 1


def give_back_telling(*, interest: Interest) -> None:
    """The message could not be sent; somebody else may try."""
    Interest.objects.filter(pk=interest.pk).update(told_at=None)


def _priceable(offering: Offering) -> Offering:
    """Locked. While the staff look at it, it costs what they see."""
    locked = lock(offering)
    if locked.state == State.SUBMITTED:
        raise Refused("waits_for_approval")
    return locked


def _as_seen(offering: Offering, seen: datetime | None) -> None:
    if seen is not None and lock(offering).submitted_at != seen:
        raise Stale(offering.public_id)


def _check_goods(package: Package, resource_class: ResourceClass) -> None:
    if not package.is_runnable:
        raise Refused("package_not_runnable", package=package.name)
    if not resource_class.is_sellable:
        raise Refused("class_not_sellable", resource_class=resource_class.name)


def _check_price(
    *, base_uy: int, per_unit_uy: int, rate_uy_per_hour: int, core_limit_cms: int, cores: int
) -> None:
    if min(base_uy, per_unit_uy, rate_uy_per_hour) < 0:
        raise Refused("price_negative")
    if base_uy + per_unit_uy + rate_uy_per_hour == 0:
        raise Refused("price_is_zero")
    if core_limit_cms < 1:
        raise Refused("limit_needed")
    if cores < 1:
        raise Refused("cores_needed")
