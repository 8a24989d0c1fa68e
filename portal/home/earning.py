"""What idle machines bring, for somebody who has not signed up: a worked example from the platform's own figures."""

from __future__ import annotations

from datetime import datetime

from bank.deposits.estimates import Estimate, reckon
from bank.deposits.nights import EVERY_NIGHT
from marketplace.catalogue.models import ResourceClass
from portal import policy

CORES = 8  # of a machine for instance, where nobody knows how many there are


def example(*, cores: int, now: datetime) -> Estimate | None:
    """A week of so many cores of a new site from 22:00 to 08:00, always kept ready.

    None while no class that is sold has a price index.
    """
    sellable = ResourceClass.objects.filter(is_sellable=True).order_by("pk").first()
    if sellable is None:
        return None
    found = reckon(
        resource_class_id=sellable.pk,
        hours=EVERY_NIGHT,
        cards=cores,
        is_firm=True,
        availability_ppm=policy.NEWCOMER_AVAILABILITY_PPM,
        now=now,
    )
    return found if found.index_date else None
