"""Withdrawing banked hours: an order paid in card-time. The order itself is marketplace.orders' business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, BinaryIO

from django.db.models import Q, Sum

from marketplace.billing import rating
from marketplace.catalogue.models import Offering, Plan
from marketplace.dispatch import weights
from marketplace.orders import actions as orders
from marketplace.orders import uploads
from marketplace.orders.models import Order, Quote
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.core.money import CARD_HOUR_CMS

REMEMBERED = 300  # of the newest runs, what an hour is measured by


@dataclass(frozen=True)
class Cost:
    """What a run takes at most: most core-hours × the weight of this hour = banked hours; and the same run in cash.

    Card-milliseconds, ppm, micro-yuan. asked_cms: core-hours of a run that is bought by the hour.
    """

    offering: Offering
    cores: int
    wall_s: int
    most_cms: int
    weight_ppm: int
    now_cms: int
    least_cms: int
    cash_uy: int
    units: int
    asked_cms: int | None

    @property
    def is_shorter(self) -> bool:
        """The package runs for less than was asked, whatever is bought."""
        return self.asked_cms is not None and self.most_cms < self.asked_cms

    @property
    def minutes(self) -> int:
        return -(-self.wall_s // 60)


@dataclass(frozen=True)
class Usual:
    """What runs of a package took: the middle one of the last. most_cms: banked hours reserved for it now.

    cash_uy: the same run in cash, at most.
    """

    offering: Offering
    runs: int
    taken_cms: int
    most_cms: int
    cash_uy: int


def usual(offerings: Sequence[Offering], now: datetime, most: int = 3) -> list[Usual]:
    """Packages of these that ran most, for an hour's price to be laid beside. One query, and two for each shown."""
    took: dict[int, list[int]] = {}
    done = (
        Order.objects.filter(state=Order.State.DELIVERED, quote__offering__in=offerings)
        .annotate(used=Sum("quote__reservation__lines__used_cms"))
        .order_by("-id")
        .values_list("quote__offering_id", "used")[:REMEMBERED]
    )
    for offering_id, used in done:
        if used:
            took.setdefault(offering_id, []).append(used)
    often = sorted((o for o in offerings if o.pk in took), key=lambda o: -len(took[o.pk]))[:most]
    found = []
    for offering in often:
        price = cost(offering, None, now)
        if price is not None:
            runs = took[offering.pk]
            found.append(Usual(offering, len(runs), int(median(runs)), price.now_cms, price.cash_uy))
    return found


def payable(organisation: Organisation, now: datetime) -> list[Offering]:
    """What banked hours can pay for: the platform's and one's own offerings, and what costs only computing.

    A package of somebody else has a price of its own, which hours do not pay.
    """
    plain = Plan.objects.at(now).filter(base_uy=0, per_unit_uy=0).values("offering_id")
    rows = (
        Offering.objects.filter(state=Offering.State.PUBLISHED, package__is_runnable=True)
        .filter(Q(provider__role=Organisation.Role.PLATFORM) | Q(provider=organisation) | Q(pk__in=plain))
        .select_related("package", "provider", "resource_class")
    )
    # one's own script first, then in the order of the shelf
    return sorted(rows, key=lambda o: (o.package.unit_key != orders.BY_THE_HOUR, o.package.code, o.pk))


def cost(offering: Offering, units: int | None, now: datetime) -> Cost | None:
    """The most a run may take; None without a price today."""
    plan = offering.plans.at(now).filter(billing_mode=Plan.BillingMode.ON_DEMAND).first()
    if plan is None:
        return None
    package = offering.package
    bought = units or package.sizing_default
    limit = orders.core_limit(plan, package, bought)
    cores, wall_s = orders.run_shape(plan, package.recipe, limit)
    weight, least = weights.default_weight_ppm(now), min(weights.week_of_weights())
    terms = rating.Terms(
        base_uy=plan.base_uy, per_unit_uy=plan.per_unit_uy, rate_uy_per_hour=plan.rate_uy_per_hour, core_limit_cms=limit
    )
    return Cost(
        offering=offering,
        cores=cores,
        wall_s=wall_s,
        most_cms=cores * wall_s * 1000,
        weight_ppm=weight,
        now_cms=rating.quote_hours(cores=cores, wall_s=wall_s, weight_ppm=weight).cap,
        least_cms=rating.quote_hours(cores=cores, wall_s=wall_s, weight_ppm=least).cap,
        cash_uy=rating.quote(terms, units=bought).cap,
        units=bought,
        asked_cms=bought * CARD_HOUR_CMS if package.unit_key == orders.BY_THE_HOUR else None,
    )


def quote(
    *,
    organisation: Organisation,
    offering: Offering,
    file: BinaryIO,
    filename: str,
    size_bytes: int,
    units: int | None,
    now: datetime,
    actor: str,
) -> Quote:
    """A binding price in banked hours, with the room. Raises InputRefused for the file.

    Refused: not_for_hours, and what orders.quote refuses.
    """
    if offering.pk not in {o.pk for o in payable(organisation, now)}:
        raise Refused("not_for_hours")
    package = offering.package
    params: dict[str, Any] = (
        {package.unit_key: units} if units and package.unit_key == orders.BY_THE_HOUR else {}
    )
    upload = uploads.accept(
        package=package,
        data=file,
        filename=filename,
        size_bytes=size_bytes,
        organisation=organisation,
        params=params,
        now=now,
    )
    return orders.quote(
        organisation=organisation,
        offering=offering,
        upload=upload,
        units=units,
        now=now,
        actor=actor,
        params=params,
        asset=offering.resource_class.asset,
    )
