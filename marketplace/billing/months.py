"""Closing a month into a bill: once per company, safe to repeat."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction

from portal.accounts.models import Organisation
from portal.core.errors import Refused

from . import queries
from .models import Bill, Charge


def close_month(*, organisation: Organisation, month: date, now: datetime) -> Bill:
    """The bill of a month that is over. Refused("month_not_over")."""
    start, end = queries.month_bounds(month)
    if now < end:
        raise Refused("month_not_over", month=f"{month:%Y-%m}")
    known = Bill.objects.filter(organisation=organisation, month=month).first()
    if known:
        return known
    try:
        with transaction.atomic():
            bill = Bill.objects.create(
                organisation=organisation,
                month=month,
                closed_at=now,
                **queries.month_figures(organisation, month),
            )
            bill.charges.set(
                Charge.objects.filter(organisation=organisation, settled_at__gte=start, settled_at__lt=end)
            )
            return bill
    except IntegrityError:
        return Bill.objects.get(organisation=organisation, month=month)


def close_due(*, now: datetime) -> int:
    """Close last month for every company that has none yet. Returns how many bills there are new."""
    this = queries.month_of(now)
    last = date(this.year - (this.month == 1), 12 if this.month == 1 else this.month - 1, 1)
    done = 0
    for organisation in (
        Organisation.objects.exclude(bills__month=last)
        .exclude(role=Organisation.Role.PLATFORM)
        .filter(created_at__lt=queries.month_bounds(last)[1])
    ):
        close_month(organisation=organisation, month=last, now=now)
        done += 1
    return done
