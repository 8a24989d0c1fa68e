"""Prices that wait for their owner: quoted, not ordered, and still kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from marketplace.catalogue.models import Offering
from portal import policy
from portal.accounts.models import Organisation

from . import uploads
from .models import Quote, Upload


def kept_quotes(organisation: Organisation, now: datetime, limit: int = 5) -> list[Quote]:
    """Quotes in money that were not ordered and whose price is still kept, newest first. One query."""
    since = now - timedelta(seconds=policy.PRICE_KEPT_S)
    rows = Quote.objects.filter(
        organisation=organisation, asset="CNY", state__in=[Quote.State.OPEN, Quote.State.EXPIRED],
        created_at__gt=since, offering__state=Offering.State.PUBLISHED,
    )
    return list(rows.select_related("offering__package", "upload")[:limit])


def kept_price(
    *, organisation: Organisation, offering: Offering, upload: Upload, units: int, params: dict[str, Any], most: int,
    now: datetime,
) -> Quote | None:
    """The price that is still kept for the same bytes, settings and size at this offering, of `most` micro-yuan."""
    return (
        Quote.objects.filter(
            organisation=organisation, offering=offering, asset="CNY", units=units,
            params=uploads.asked_for(upload.package, params), state__in=[Quote.State.OPEN, Quote.State.EXPIRED],
            created_at__gt=now - timedelta(seconds=policy.PRICE_KEPT_S), cap__lte=most,
            upload__sha256=upload.sha256, upload__package=upload.package_id, upload__deleted_at=None,
        )
        .order_by("-id")
        .first()
    )
