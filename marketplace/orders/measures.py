"""What real orders say about an offering: how soon its runs start, and what a run takes. Demonstration orders count.

Medians over the last thirty days: one order that waited for a machine that was away says nothing about the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Aggregate, DurationField, ExpressionWrapper, F, FloatField, Q, QuerySet

from marketplace.catalogue import actions as catalogue
from marketplace.catalogue.models import Offering, Package

from .actions import BY_THE_HOUR
from .models import Order

WINDOW = timedelta(days=30)
WAITED = ExpressionWrapper(F("allocation__started_at") - F("placed_at"), output_field=DurationField())


class Median(Aggregate):
    """PostgreSQL's, of numbers or of durations."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


def started(*, now: datetime) -> QuerySet[Order]:
    """Orders of the window whose run began on a machine."""
    return Order.objects.filter(placed_at__gt=now - WINDOW, placed_at__lte=now, allocation__started_at__isnull=False)


def measure(*, now: datetime) -> int:
    """Write what was measured where buyers see it; returns how many figures changed. Safe to repeat."""
    return _starts(now) + _takes(now)


def _starts(now: datetime) -> int:
    rows = started(now=now).values_list("quote__offering_id").annotate(wait=Median(WAITED))
    seconds = {pk: max(1, round(wait.total_seconds())) for pk, wait in rows.order_by()}
    changed = 0
    for offering in Offering.objects.filter(Q(pk__in=seconds) | Q(starts_in_s__isnull=False)):
        if offering.starts_in_s != seconds.get(offering.pk):
            catalogue.set_start(offering=offering, starts_in_s=seconds.get(offering.pk))
            changed += 1
    return changed


def _takes(now: datetime) -> int:
    """Card-time at the usual size, scaled from each order's own; what is sold by the hour has no usual time."""
    each = ExpressionWrapper(
        F("allocation__usage__core_ms")
        * F("quote__offering__package__sizing_default")
        * 1.0
        / F("quote__units"),
        output_field=FloatField(),
    )
    rows = (
        started(now=now)
        .filter(state=Order.State.DELIVERED, allocation__usage__core_ms__gt=0, quote__units__gt=0)
        .exclude(quote__offering__package__unit_key=BY_THE_HOUR)
        .values_list("quote__offering__package_id")
        .annotate(takes=Median(each))
    )
    found = {pk: max(1, round(takes)) for pk, takes in rows.order_by()}
    changed = 0
    for package in Package.objects.filter(pk__in=found).only("pk", "expected_cms"):
        if package.expected_cms != found[package.pk]:
            catalogue.set_measured(package=package, expected_cms=found[package.pk])
            changed += 1
    return changed
