"""The next run of the same: how far one reaches, what running all the time would cost, where a newer file goes."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from marketplace.catalogue.models import Package
from marketplace.provisioning.models import ResultFile
from portal.core.words import local

from . import uploads
from .models import Order, Upload


@dataclass(frozen=True)
class Reach:
    """How far ahead one run of a forecast looks, and what it would cost to run it again every period of that."""

    ahead: int
    is_month: bool
    every_uy: int


def reach_of(package: Package, price_uy: int, upload: Upload | None = None) -> Reach | None:
    """None for a package that looks at no days ahead. price_uy: of one run, micro-yuan.

    A file of days for a package that counts in months is forecast by days.
    """
    ahead, is_month = int(package.params.get("horizon", 0)), package.params.get("period") == "month"
    if package.recipe != "forecast" or not ahead:
        return None
    if is_month and upload is not None and uploads.ends_on(upload) is not None:
        ahead, is_month = uploads.DAYS_AHEAD, False
    return Reach(ahead, is_month, ahead * price_uy)


def dated(row: ResultFile) -> str:
    """The name under which a result file is taken home: plan-2026-11-29.csv, of the day that its plan is for.

    Results that are for no day carry the day of their run, so that two runs do not overwrite each other.
    """
    head = (row.allocation.result or {}).get("headline") or {}
    ended = row.allocation.ended_at
    day = head.get("on") or (local(ended).date().isoformat() if ended else "")
    stem, dot, kind = row.name.rpartition(".")
    return f"{stem}-{day}.{kind}" if day and dot and stem else row.name


def address_of(order: Order) -> str:
    """The place for a newer file: the same package, offer, size and settings as this order."""
    quote = order.quote
    package, asked = quote.offering.package, uploads.asked_for(quote.offering.package, quote.params)
    kept_too = {entry["key"]: asked[entry["key"]] for entry in package.params.get("ask", []) if entry["key"] in asked}
    query = urlencode({"offering": quote.offering.public_id, "units": quote.units, **kept_too})
    return f"{reverse('orders:package', args=[package.code])}?{query}#job"
