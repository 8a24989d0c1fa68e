"""Quote, place, advance, cancel: an order's life.

`advance` is safe to repeat, to lose and to run twice at once. Money and state that belong together are
written in one transaction; engines are called outside of any.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from marketplace import recipes
from marketplace.billing import actions as billing
from marketplace.billing import rating
from marketplace.billing.models import Charge
from marketplace.catalogue.models import Offering, Package, Plan
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch import listings
from marketplace.dispatch.models import Reservation
from marketplace.engines.base import EngineUnavailable
from marketplace.metering import actions as metering
from marketplace.provisioning import actions as provisioning
from marketplace.provisioning.models import Allocation
from portal import policy
from portal.accounts.models import Organisation, User
from portal.core.enqueue import after_commit
from portal.core.errors import Refused, Stale
from portal.core.failpoints import failpoint
from portal.core.money import CARD_HOUR_CMS, mul_div
from portal.core.words import local
from portal.history import actions as history

from . import kept, queries, uploads
from .models import STOPPED_BY_STAFF, STOPPED_FOR_US, Order, Quote, Upload

LOOK_AGAIN = timedelta(seconds=2)
NO_ROOM = {"no_room", "not_open_now", "never_open"}  # another offering may have it
KEEPS_PRICE = {"expired", "made_way"}  # why a quote loses its room only
BY_THE_HOUR = "core_hours"  # a package whose unit is machine time itself
State = Order.State


def may_buy(organisation: Organisation, cap: int, asset: str) -> None:
    """A new company buys small things at once, dear ones after approval.

    Refused("company_suspended" | "needs_approval").
    """
    if organisation.state == Organisation.State.SUSPENDED:
        raise Refused("company_suspended")
    if (
        organisation.state != Organisation.State.APPROVED
        and asset == "CNY"
        and cap > policy.UNAPPROVED_ORDER_LIMIT_UY
    ):
        raise Refused("needs_approval", cap_uy=cap, limit_uy=policy.UNAPPROVED_ORDER_LIMIT_UY)


def core_limit(plan: Plan, package: Package, units: int) -> int:
    """The most card-time a run of so many units may use: the plan's limit, or the core-hours that are bought."""
    if package.unit_key == BY_THE_HOUR:
        return min(plan.core_limit_cms, units * CARD_HOUR_CMS)
    return plan.core_limit_cms


def run_shape(plan: Plan, recipe_key: str, limit_cms: int) -> tuple[int, int]:
    """(cores, wall seconds) of a run under this plan: whichever is shorter, the recipe's or the plan's limit."""
    manifest = recipes.get(recipe_key).manifest
    cores = min(plan.cores, manifest.cores)
    return cores, max(1, min(manifest.wall_s, limit_cms // 1000 // cores))


@transaction.atomic
def quote(
    *,
    organisation: Organisation,
    offering: Offering,
    upload: Upload,
    units: int | None,
    now: datetime,
    actor: str,
    params: dict[str, Any] | None = None,
    asset: str = "CNY",
    prefer_sites: tuple[int, ...] = (),
) -> Quote:
    """A binding price with the room for it, both until the same instant.

    units: what the customer says the job is; where the file tells it, the file is right.
    Refused: not_available, too_big, company_suspended, and what dispatch.reserve refuses.
    """
    if organisation.state == Organisation.State.SUSPENDED:
        raise Refused("company_suspended")
    package = offering.package
    uploads.claim(upload=upload, organisation=organisation)
    if offering.state != Offering.State.PUBLISHED or upload.package_id != package.pk:
        raise Refused("not_available")
    _make_way(organisation, upload, now, actor)
    units = _sized(package, upload, units)
    plan = offering.plans.at(now).filter(billing_mode=Plan.BillingMode.ON_DEMAND).first()
    if plan is None:
        raise Refused("not_available")
    limit_cms = core_limit(plan, package, units)
    cores, wall_s = run_shape(plan, package.recipe, limit_cms)
    expires_at = now + timedelta(seconds=policy.QUOTE_VALID_S)
    reservation = _room(organisation, offering, cores, wall_s, expires_at, now, prefer_sites)
    terms = _terms(plan, limit_cms)
    if asset == "CNY":
        expected_cms = mul_div(package.expected_cms, units, package.sizing_default)
        rated = rating.quote(terms, units=units, expected_cms=expected_cms)
    else:
        rated = rating.quote_hours(cores=cores, wall_s=wall_s, weight_ppm=reservation.weight_ppm)
    fresh = Quote(
        organisation=organisation, offering=offering, plan=plan, upload=upload, reservation=reservation, asset=asset,
        units=units, params=uploads.asked_for(package, params or {}), cores=cores, wall_s=wall_s, terms=asdict(terms),
        lines=[x.as_dict() for x in rated.lines], cap=rated.cap, expected=rated.expected, created_at=now,
        expires_at=expires_at,
    )
    fresh.save()
    history.record(fresh, before="", after=Quote.State.OPEN, now=now, actor=actor)
    return fresh


def _terms(plan: Plan, limit_cms: int) -> rating.Terms:
    return rating.Terms(
        base_uy=plan.base_uy, per_unit_uy=plan.per_unit_uy, rate_uy_per_hour=plan.rate_uy_per_hour,
        core_limit_cms=limit_cms,
    )


def _room(
    organisation: Organisation, offering: Offering, cores: int, wall_s: int, expires_at: datetime, now: datetime,
    prefer_sites: tuple[int, ...] = (),
) -> Reservation:
    return dispatch.reserve(
        organisation=organisation, resource_class_id=offering.resource_class_id, cores=cores, wall_s=wall_s,
        start=now, latest_start=expires_at, expires_at=expires_at, cause=f"quote:{organisation.public_id}", now=now,
        sites=listings.places_of(offering), region_id=offering.region_id, prefer=prefer_sites,
    )


def quote_lowest(*, upload: Upload, now: datetime, **asked: Any) -> Quote:
    """A quote of the lowest offer that has room at this hour; where none has, what the lowest said."""
    first: Refused | None = None
    for offering, _plan in queries.offerings_for(upload.package, now):
        try:
            return quote(offering=offering, upload=upload, now=now, **asked)
        except Refused as refused:
            if refused.code not in NO_ROOM:
                raise
            first = first or refused
    raise first or Refused("not_available")


@transaction.atomic
def kept_or_quote(
    *, organisation: Organisation, upload: Upload, units: int | None, now: datetime, actor: str,
    params: dict[str, Any], offering: Offering | None = None,
) -> tuple[Quote, bool]:
    """(price, was it kept already): the kept price of these very bytes, sized and set the same, or else a quote.

    Of `offering`, or of the lowest offer that has room; never a kept price above today's. Two at once for one file:
    the second finds the first's. Refused as in `quote`.
    """
    uploads.claim(upload=upload, organisation=organisation)
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    package = upload.package
    units = _sized(package, upload, units)
    asked: dict[str, Any] = {
        "organisation": organisation, "upload": upload, "params": params, "units": units, "now": now,
    }
    offers = queries.offerings_for(package, now)
    if offering is not None:
        offers = [x for x in offers if x[0].pk == offering.pk]
    first: Refused | None = None
    for offered, plan in offers:
        terms = _terms(plan, core_limit(plan, package, units))
        today = rating.quote(terms, units=units, expected_cms=0).cap
        if found := kept.kept_price(offering=offered, most=today, **asked):
            return found, True
        try:
            return quote(offering=offered, actor=actor, **asked), False
        except Refused as refused:
            if refused.code not in NO_ROOM:
                raise
            first = first or refused
    raise first or Refused("not_available")


def _make_way(organisation: Organisation, upload: Upload, now: datetime, actor: str) -> None:
    """One quote at a time of a company, one a file, and few with room: the oldest lets its room go, not its price.

    All of them are locked before any hour is: who places one of them has locked it and waits for hours.
    """
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    of_company = Quote.objects.filter(organisation=organisation, state=Quote.State.OPEN, expires_at__gt=now)
    found = list(of_company.select_for_update(no_key=True).order_by("pk"))
    for same in (old for old in found if old.upload_id == upload.pk):
        cancel_quote(quote=same, now=now, actor=actor)
    others = [old for old in found if old.upload_id != upload.pk]
    for old in others[: max(0, len(others) + 1 - policy.OPEN_QUOTES_PER_COMPANY)]:
        cancel_quote(quote=old, now=now, actor=actor, reason="made_way")


def _sized(package: Package, upload: Upload, units: int | None) -> int:
    units = uploads.units_of(upload) or units or package.sizing_default
    if not package.sizing_min <= units <= package.sizing_max:
        raise Refused("too_big", units=units, least=package.sizing_min, most=package.sizing_max)
    return units


@transaction.atomic
def cancel_quote(*, quote: Quote, now: datetime, actor: str, reason: str = "") -> None:
    """Give the room back before anything was ordered; the price too, unless the reason is one that keeps it."""
    to = Quote.State.EXPIRED if reason in KEEPS_PRICE else Quote.State.CANCELLED
    history.move(quote, to, now=now, actor=actor, reason=reason)
    dispatch.release(reservation=quote.reservation, now=now, actor=actor, reason=reason)


@transaction.atomic
def place(*, quote: Quote, user: User | None, now: datetime, actor: str, is_demo: bool = False) -> Order:
    """Take a quote: the cap is reserved and the room kept, in one transaction.

    Placing a quote that was placed returns its order. A quote whose room has ended but whose price is
    still kept gets new room first. Refused: quote_expired, quote_gone, no_room, not_available,
    insufficient_funds, needs_approval, company_suspended; nothing is reserved then.
    """
    # lock first, join afterwards: a row locked through a join is lost when its room changed while one waited
    Quote.objects.select_for_update(no_key=True).only("pk").get(pk=quote.pk)
    locked = Quote.objects.select_related("reservation", "organisation").get(pk=quote.pk)
    if locked.state == Quote.State.USED:
        return Order.objects.get(quote=locked)
    if locked.state == Quote.State.CANCELLED:
        raise Refused("quote_gone")
    may_buy(locked.organisation, locked.cap, locked.asset)
    if locked.expires_at <= now or locked.reservation.state != Reservation.State.OPEN:
        _room_again(locked, now, actor)
    order = Order(
        organisation=locked.organisation,
        quote=locked,
        placed_by=user,
        placed_at=now,
        due_at=now,
        is_demo=is_demo,
        number=_next_number(now),
    )
    order.save()
    billing.fund(
        cause=order.cause, organisation=locked.organisation, amount=locked.cap, now=now, asset=locked.asset
    )
    failpoint("order.funded")
    dispatch.keep(reservation=locked.reservation, cause=order.cause, now=now, actor=actor)
    history.move(locked, Quote.State.USED, now=now, actor=actor)
    history.record(order, before="", after=State.PLACED, now=now, actor=actor)
    if not is_demo:  # the demonstration moves its orders on itself, on the earlier clock they were placed on
        after_commit("orders.advance", order.pk)
    return order


def _room_again(quote: Quote, now: datetime, actor: str) -> None:
    """New room for a locked quote whose time is over and whose price is kept."""
    if quote.price_until <= now or quote.asset != "CNY":  # in hours the price is that of the room
        raise Refused("quote_expired", cap_uy=quote.cap)
    if quote.offering.state != Offering.State.PUBLISHED:
        raise Refused("not_available")
    if quote.upload.deleted_at is not None:
        raise Refused("file_deleted")
    if quote.state == Quote.State.OPEN:  # the sweep has not been here yet
        cancel_quote(quote=quote, now=now, actor=actor, reason="expired")
    until = now + timedelta(seconds=policy.QUOTE_VALID_S)
    room = _room(quote.organisation, quote.offering, quote.cores, quote.wall_s, until, now)
    history.move(
        quote, Quote.State.OPEN, now=now, actor=actor, reason="price_kept",
        changes={"reservation": room, "expires_at": until},
    )


def _next_number(now: datetime) -> str:
    """`2611-00412`: the platform's month and a count that PostgreSQL hands out."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('orders_number')")
        count = cursor.fetchone()[0]
    return f"{local(now):%y%m}-{count:05d}"


def advance(*, order_id: int, now: datetime, actor: str) -> Order:
    """Move an order on as far as it can go now."""
    order = Order.objects.select_related(
        "quote__offering__package", "quote__reservation__site", "quote__upload", "organisation", "allocation"
    ).get(pk=order_id)
    try:
        if order.state == State.PLACED:
            _provision(order, now, actor)
        if order.state == State.RUNNING and order.allocation is not None:
            allocation = provisioning.advance(allocation_id=order.allocation.pk, now=now, actor=actor)
            order.allocation = allocation
            failpoint("order.looked")
            if allocation.is_ended:
                _settle(order, allocation, now, actor)
            else:
                Order.objects.filter(pk=order.pk, state=State.RUNNING).update(due_at=now + LOOK_AGAIN)
    except Stale:
        order.refresh_from_db()  # somebody else is at it
    return order


def _provision(order: Order, now: datetime, actor: str) -> None:
    quote = order.quote
    with transaction.atomic():
        allocation = provisioning.allocate(
            organisation=order.organisation,
            cause=order.cause,
            site=quote.reservation.site,
            reservation=quote.reservation,
            recipe=quote.offering.package.recipe,
            input_key=quote.upload.storage_key,
            params=_launched(quote, now),
            cores=quote.cores,
            memory_mb=min(
                recipes.get(quote.offering.package.recipe).manifest.memory_mb,
                quote.reservation.site.memory_mb * quote.reservation.site.cards,
            ),
            wall_s=quote.wall_s,
            now=now,
            actor=actor,
        )
        failpoint("order.allocated")
        history.move(
            order,
            State.RUNNING,
            now=now,
            actor=actor,
            changes={"allocation": allocation, "due_at": now + LOOK_AGAIN},
        )


def _launched(quote: Quote, now: datetime) -> dict[str, Any]:
    """The quote's params with what is known when it runs: which day is tomorrow, and the column that is forecast."""
    params = dict(quote.params)
    if uploads.ends_on(quote.upload) is not None:
        params["lead_day"] = uploads.tomorrow(now).isoformat()
    if column := uploads.column_read(quote.upload):
        params["value_column"] = column
    return params


def _settle(order: Order, allocation: Allocation, now: datetime, actor: str) -> None:
    try:
        usage = metering.usage_of(allocation=allocation, now=now)
    except EngineUnavailable:
        Order.objects.filter(pk=order.pk, state=State.RUNNING).update(due_at=now + LOOK_AGAIN * 5)
        return
    failpoint("order.metered")
    used_cms = usage.core_ms if usage else 0
    outcome, to = {
        Allocation.State.SUCCEEDED: (Charge.Outcome.DELIVERED, State.DELIVERED),
        Allocation.State.STOPPED: (Charge.Outcome.STOPPED, State.STOPPED),
    }.get(Allocation.State(allocation.state), (Charge.Outcome.FAILED, State.FAILED))
    site_failed = allocation.reason in ("lost", "site_unreachable", "no_sandbox")
    with transaction.atomic():
        order.refresh_from_db(fields=["reason"])  # the stop that ended the run may have come after we looked
        ended = allocation.ended_at or now
        placed_cms = dispatch.use(
            reservation=order.quote.reservation,
            started_at=allocation.started_at or ended,
            ended_at=ended,
            # a machine that lost the run counted nothing; what it had told until then is what it failed to deliver
            total_cms=max(used_cms, allocation.core_ms) if site_failed else used_cms,
            now=now,
            actor=actor,
            failed=site_failed,
        )
        failpoint("order.used")
        rated = _rate(order, allocation, min(used_cms, placed_cms), outcome)
        package = order.quote.offering.package
        billing.charge(
            cause=order.cause,
            organisation=order.organisation,
            provider=order.quote.offering.provider,
            rated=rated,
            outcome=outcome,
            what=(package.name_en, package.name_zh),
            now=now,
            asset=order.quote.asset,
        )
        failpoint("order.charged")
        reason = order.reason if to == State.STOPPED and order.reason else allocation.reason
        history.move(
            order,
            to,
            now=now,
            actor=actor,
            reason=reason,
            changes={"ended_at": now, "due_at": None, "reason": reason},
        )
    failpoint("order.settled")
    after_commit("orders.tidy", allocation.pk)


def _rate(order: Order, allocation: Allocation, used_cms: int, outcome: str) -> rating.Rated:
    quote = order.quote
    if outcome == Charge.Outcome.FAILED or (
        outcome == Charge.Outcome.STOPPED and order.reason == STOPPED_FOR_US
    ):
        return rating.failed(cap=quote.cap)
    if quote.asset != "CNY":
        return rating.used_hours(used_cms=used_cms, weight_ppm=quote.reservation.weight_ppm, cap=quote.cap)
    terms = rating.Terms(**quote.terms)
    if outcome == Charge.Outcome.STOPPED:
        return rating.stopped(terms, used_cms=used_cms, cap=quote.cap)
    done = (allocation.result or {}).get("units_done", {}).get(quote.offering.package.unit_key, quote.units)
    return rating.delivered(
        terms, units_quoted=quote.units, units_done=int(done), used_cms=used_cms, cap=quote.cap
    )


def stop(*, order: Order, now: datetime, actor: str, by_staff: bool = False, for_us: bool = False) -> Order:
    """Before the machine has it: cancelled, everything back. While it runs: ended, and only the computing is paid.

    The order remembers whether the operator's staff stopped it: its customer must not read that he did. Stopped
    for something on the operator's side (`for_us`), it costs nothing at all.
    """
    kind = STOPPED_FOR_US if for_us else STOPPED_BY_STAFF
    reason = kind if by_staff else "cancelled"
    if order.state == State.PLACED:
        with transaction.atomic():
            history.move(
                order,
                State.CANCELLED,
                now=now,
                actor=actor,
                reason=reason,
                changes={"ended_at": now, "due_at": None, "reason": reason},
            )
            # hours before accounts, as everywhere: two orders of one hour and one wallet must not wait for each other
            dispatch.release(reservation=order.quote.reservation, now=now, actor=actor, reason="cancelled")
            billing.release(cause=order.cause, now=now)
        return order
    if order.state == State.RUNNING and order.allocation is not None:
        provisioning.ask_to_stop(allocation=order.allocation, now=now)
        # a customer's stop after ours leaves ours standing
        Order.objects.filter(pk=order.pk, state=State.RUNNING).update(
            due_at=now, **({"reason": kind} if by_staff else {})
        )
        after_commit("orders.advance", order.pk)
    return order


def expire_quotes(*, now: datetime, limit: int = 200) -> int:
    """Quotes whose time is over. Safe to repeat."""
    due = Quote.objects.filter(state=Quote.State.OPEN, expires_at__lte=now).select_related("reservation")[
        :limit
    ]
    for old in due:
        try:
            cancel_quote(quote=old, now=now, actor="system:sweep", reason="expired")
        except Stale:
            continue  # placed at the last moment
    return len(due)


def due_orders(*, now: datetime, limit: int = 100) -> list[int]:
    """Orders that a lost message forgot. Those of the demonstration are on another clock and its own to finish."""
    return list(
        Order.objects.filter(due_at__lte=now, state__in=Order.OPEN, is_demo=False)
        .order_by("due_at")
        .values_list("pk", flat=True)[:limit]
    )
