"""A factory's machine with deposited hours, and customers' runs there whose counters the test chooses.

Quotes, orders, room and charges are the real ones; only the engine is left out, so that every amount is exact.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from bank.deposits import actions, closing
from bank.deposits.models import Deposit, SlotClose
from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind
from marketplace.billing import actions as billing
from marketplace.billing import rating
from marketplace.billing.models import Charge
from marketplace.catalogue.models import IndexPrice, Offering, Package, ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Reservation, Site, Slot
from marketplace.orders import actions as orders
from marketplace.orders import uploads
from marketplace.orders.models import Order
from portal.core.clock import hour_of
from tests.bank.ledger.conftest import at_once, own_database  # noqa: F401
from tests.marketplace.catalogue.goods import make_offering, make_package, make_region

ACTOR = "user:1"
HOUR = timedelta(hours=1)
CMS = 3_600_000
INDEX_UY = 100_000  # CNY 0.10 an hour
CORE = "CH:CPU"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    """The machine of the local engine, whatever the one is on which the tests run."""
    monkeypatch.setattr("marketplace.engines.local.engine.LocalEngine.machine_cores", lambda _engine: 8)


@dataclass
class Factory:
    """Yongli's site with two cores, deposits on it, and a thing that runs there."""

    site: Site
    package: Package
    offering: Offering
    cpu: ResourceClass
    now: datetime

    def deposit(self, **fields) -> Deposit:
        values = {
            "hours": range(168),
            "cards": 2,
            "from_date": date(2026, 11, 23),
            "to_date": date(2026, 12, 31),
            "payout": Deposit.Payout.CASH,
            **fields,
        }
        return actions.deposit(
            organisation=self.site.organisation, site=self.site, now=self.now, actor=ACTOR, **values
        )

    def slot(self, hours: int = 1) -> Slot:
        """The slot that begins so many hours after this one."""
        return Slot.objects.get(site=self.site, hour=hour_of(self.now) + hours * HOUR)

    def order(self, company, *, at: datetime, asset: str = "CNY", rate: int | None = None) -> Order:
        upload = uploads.accept(
            package=self.package,
            data=io.BytesIO(b"print(1)\n"),
            filename="job.py",
            size_bytes=9,
            organisation=company,
            params={"core_hours": 1},
            now=at,
        )
        quote = orders.quote(
            organisation=company,
            offering=self.offering,
            upload=upload,
            units=1,
            now=at,
            actor=ACTOR,
            asset=asset,
        )
        if rate is not None:
            quote.terms["rate_uy_per_hour"] = rate
            quote.save()
        return orders.place(quote=quote, user=None, now=at, actor=ACTOR)

    def run(
        self,
        order: Order,
        *,
        used_cms: int,
        at: datetime,
        outcome: str = "delivered",
        site_failed: bool = False,
        lasts: timedelta = timedelta(minutes=1),
    ) -> Charge:
        """What orders does when a run has ended, with a counter of our choice."""
        reservation = Reservation.objects.get(pk=order.quote.reservation_id)
        placed = dispatch.use(
            reservation=reservation,
            started_at=at,
            ended_at=at + lasts,
            total_cms=used_cms,
            now=at + lasts,
            actor=ACTOR,
            failed=site_failed,
        )
        quote = order.quote
        if outcome == "failed":
            rated = rating.failed(cap=quote.cap)
        elif quote.asset != "CNY":
            rated = rating.used_hours(used_cms=placed, weight_ppm=quote.reservation.weight_ppm, cap=quote.cap)
        else:
            rated = rating.delivered(
                rating.Terms(**quote.terms), units_quoted=1, units_done=1, used_cms=placed, cap=quote.cap
            )
        return billing.charge(
            cause=order.cause,
            organisation=order.organisation,
            provider=self.offering.provider,
            rated=rated,
            outcome=outcome,
            what=("run", "run"),
            now=at + lasts,
            asset=quote.asset,
        )

    def beat(self, slot: Slot, minutes: int) -> None:
        Slot.objects.filter(pk=slot.pk).update(live_minutes=minutes)

    def close(self, slot: Slot, *, after: timedelta = HOUR) -> SlotClose | None:
        return closing.close_hour(slot_id=slot.pk, now=slot.hour + after)


def posted(kind: str, owner=None, asset: str = "CNY", ref: str = "") -> int:
    account = books.find(owner=owner, kind=kind, asset=asset, ref=ref)
    return books.balance(account).posted if account else 0


def clearing(order: Order) -> int:
    return posted(Kind.CLEARING_ORDER, asset=order.quote.asset, ref=order.cause)


@pytest.fixture
def cpu(db) -> ResourceClass:
    made = ResourceClass.objects.create(
        key="cpu",
        asset=CORE,
        kind="cpu",
        name_zh="通用CPU核",
        name_en="General CPU core",
        unit_zh="核时",
        unit_en="core-hour",
        is_sellable=True,
    )
    IndexPrice.objects.create(resource_class=made, date=date(2026, 11, 1), price_uy=INDEX_UY, source="test")
    return made


@pytest.fixture
def factory(platform, yongli, cpu, now) -> Factory:
    type(platform).objects.filter(pk=platform.pk).update(is_provider=True)
    platform.refresh_from_db()
    region = make_region()
    site = dispatch.register_site(
        organisation=yongli,
        name="Night shop",
        region=region,
        resource_class=cpu,
        cards=2,
        now=now,
        actor=ACTOR,
    )
    Site.objects.filter(pk=site.pk).update(state=Site.State.VERIFIED, availability_ppm=1_000_000)
    site.refresh_from_db()
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
    offering = make_offering(
        platform,
        package,
        region,
        cpu,
        now - timedelta(days=1),
        base_uy=0,
        per_unit_uy=0,
        rate_uy_per_hour=10_000_000,
        core_limit_cms=1_800_000,
        cores=1,
    )
    return Factory(site=site, package=package, offering=offering, cpu=cpu, now=now)


@pytest.fixture
def buyer(jiangnan, now):
    """Jiangnan with CNY 100."""
    billing.ensure_wallet(jiangnan, now)
    return jiangnan


@pytest.fixture
def reserve(now):
    """The reserve holds CNY 1,000."""
    actions.fund_reserve(amount_uy=1_000_000_000, key="test", now=now, actor=ACTOR)
    return ledger.open(owner=None, kind=Kind.RESERVE)
