"""A small market: the platform's own machine with two cores, open around the clock, and one thing to buy.

`sof-core` runs the buyer's own script by the core-hour; it needs no libraries, so a real run in the real
sandbox takes a second.
"""

from __future__ import annotations

import io
import shutil
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from marketplace.billing import actions as billing
from marketplace.catalogue.models import Offering, Package, ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site
from marketplace.orders import actions as orders
from marketplace.orders import uploads
from marketplace.orders.models import Order, Quote, Upload
from portal.core.clock import hour_of
from tests.marketplace.catalogue.goods import make_offering, make_package, make_region

ACTOR = "user:1"
HELLO = b"print('hello')\n"
SLEEPY = b"import time\nprint('begun', flush=True)\ntime.sleep(60)\n"


@dataclass
class Market:
    """What the tests of this folder trade in."""

    site: Site
    package: Package
    offering: Offering
    now: datetime

    def upload(self, company, script: bytes = HELLO) -> Upload:
        return uploads.accept(
            package=self.package,
            data=io.BytesIO(script),
            filename="job.py",
            size_bytes=len(script),
            organisation=company,
            params={"core_hours": 1},
            now=self.now,
        )

    def quote(self, company, script: bytes = HELLO, *, now: datetime | None = None, **kwargs) -> Quote:
        return orders.quote(
            organisation=company,
            offering=self.offering,
            upload=self.upload(company, script),
            units=kwargs.pop("units", 1),
            now=now or self.now,
            actor=ACTOR,
            **kwargs,
        )

    def place(self, company, script: bytes = HELLO, **kwargs) -> Order:
        return orders.place(quote=self.quote(company, script, **kwargs), user=None, now=self.now, actor=ACTOR)

    def finish(self, order: Order, seconds: float = 60) -> Order:
        """Advance as the worker would, with real time passing, until the order is over."""
        began = time.monotonic()
        while order.is_open and time.monotonic() - began < seconds:
            passed = timedelta(seconds=time.monotonic() - began)
            order = orders.advance(order_id=order.pk, now=self.now + passed, actor="system:test")
            time.sleep(0.1)
        return order


@pytest.fixture
def cpu(db):
    return ResourceClass.objects.create(
        key="cpu",
        asset="CH:CPU",
        kind="cpu",
        name_zh="通用CPU核",
        name_en="General CPU core",
        unit_zh="核时",
        unit_en="core-hour",
        is_sellable=True,
    )


@pytest.fixture
def market(platform, cpu, now) -> Market:
    region = make_region()
    site = dispatch.register_site(
        organisation=platform,
        name="Hall A",
        region=region,
        resource_class=cpu,
        cards=2,
        now=now,
        actor=ACTOR,
        settings={"runtime": ""},
    )
    Site.objects.filter(pk=site.pk).update(state=Site.State.VERIFIED, availability_ppm=1_000_000)
    site.refresh_from_db()
    dispatch.open_slots(
        site=site,
        hours=[hour_of(now) + timedelta(hours=h) for h in range(-1, 4)],
        source="site:test",
        now=now,
    )
    package = make_package(
        code="sof-core",
        recipe="script",
        industry="software_it",
        unit_key="core_hours",
        unit_en="core-hours",
        unit_zh="核时",
        sizing_default=1,
        sizing_min=1,
        sizing_max=4,
        params={"core_hours": 1, "ask": []},
    )
    platform.refresh_from_db()  # registering a site made it a provider
    offering = make_offering(
        platform,
        package,
        region,
        cpu,
        now - timedelta(days=1),
        base_uy=5_000_000,
        per_unit_uy=0,
        rate_uy_per_hour=10_000_000,
        core_limit_cms=300_000,
        cores=1,
    )
    return Market(site=site, package=package, offering=offering, now=now)


@pytest.fixture
def funded(jiangnan, now):
    """Jiangnan with exactly CNY 100 in its wallet: the welcome credit."""
    billing.ensure_wallet(jiangnan, now)
    return jiangnan


@pytest.fixture
def needs_sandbox():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
