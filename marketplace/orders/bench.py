"""Figures of buying: `make bench ONLY=orders`. Quote and place, with every trigger of the books on."""

from __future__ import annotations

import io
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bank.ledger import actions as ledger
from bank.ledger.chart import Kind, Reason
from marketplace.billing import actions as billing
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue.models import Offering, Package, Region, ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site, Slot
from portal import policy
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.clock import hour_of

from . import actions, uploads
from .models import Quote

ORDERS = 200
QUERIES_TARGET = 25
ACTOR = "system:bench"


def run() -> list[dict[str, Any]]:
    """[{name, value, unit, peer, ratio}]; the peer of the queries is the most they may be."""
    now = clock.now()
    offering, company = _market(now)
    quotes = [_quote(offering, company, now) for _ in range(ORDERS + 1)]
    with CaptureQueriesContext(connection) as caught:
        actions.place(quote=quotes[0], user=None, now=now, actor=ACTOR)
    began = time.perf_counter()
    for quote in quotes[1:]:
        actions.place(quote=quote, user=None, now=now, actor=ACTOR)
    per_s = ORDERS / (time.perf_counter() - began)
    return [
        {
            "name": "orders.place_queries",
            "value": len(caught),
            "unit": "queries",
            "peer": f"most {QUERIES_TARGET}",
            "ratio": round(len(caught) / QUERIES_TARGET, 2),
        },
        {"name": "orders.place_per_s", "value": round(per_s, 1), "unit": "orders/s with one client"},
    ]


def _quote(offering: Offering, company: Organisation, now: datetime) -> Quote:
    script = b"print('hello')\n"
    upload = uploads.accept(
        package=offering.package,
        data=io.BytesIO(script),
        filename="job.py",
        size_bytes=len(script),
        organisation=company,
        params={"core_hours": 1},
        now=now,
    )
    return actions.quote(organisation=company, offering=offering, upload=upload, units=1, now=now, actor=ACTOR)


def _market(now: datetime) -> tuple[Offering, Organisation]:
    """A site with room for everything, the script package on it, and a company with money."""
    policy.OPEN_QUOTES_PER_COMPANY, policy.QUOTE_BUCKET_SHARE_PPM = ORDERS * 2, 1_000_000
    size = {
        "industry": "other",
        "employees": 1,
        "revenue_wan": 1,
        "assets_wan": 1,
        "size_class": "micro",
        "state": "approved",
        "created_at": now,
    }
    platform = Organisation.objects.create(
        slug="bench-platform", name="P", uscc="BENCH0000000000001", role="platform", is_provider=True, **size
    )
    company = Organisation.objects.create(slug="bench-buyer", name="B", uscc="BENCH0000000000002", **size)
    region, cpu = Region.objects.order_by("pk")[0], ResourceClass.objects.get(key="cpu")
    site = dispatch.register_site(
        organisation=platform, name="Bench", region=region, resource_class=cpu, cards=1, now=now, actor=ACTOR
    )
    Site.objects.filter(pk=site.pk).update(state=Site.State.VERIFIED)
    site.refresh_from_db()
    dispatch.open_slots(
        site=site, hours=[hour_of(now) + timedelta(hours=n) for n in range(3)], source="site:bench", now=now
    )
    Slot.objects.filter(site=site).update(quantity_cms=10**12, sellable_cms=10**12)
    early = now - timedelta(days=1)
    offering = catalogue.create_offering(
        provider=platform,
        package=Package.objects.get(code="sof-core"),
        resource_class=cpu,
        region=region,
        actor=ACTOR,
        now=early,
    )
    catalogue.set_price(offering=offering, base_uy=1_000_000, core_limit_cms=300_000, actor=ACTOR, now=early)
    catalogue.submit(offering=offering, actor=ACTOR, now=early)
    catalogue.publish(offering=offering, actor=ACTOR, now=early)
    ledger.transfer(
        key="bench:cash",
        reason=Reason.TOP_UP,
        cause="bench:cash",
        amount=10**12,
        now=now,
        source=ledger.open(owner=None, kind=Kind.BANK),
        target=billing.wallet_of(company),
    )
    return offering, company
