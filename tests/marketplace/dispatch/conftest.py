"""A package that Yongli offers: the draft, two sites of its own, and the market's house machine beside it."""

from dataclasses import dataclass

import pytest

from marketplace.catalogue import actions as catalogue
from marketplace.catalogue.models import Offering
from marketplace.dispatch import listings
from marketplace.dispatch.models import Site
from tests.bank.ledger.conftest import at_once, own_database  # noqa: F401
from tests.marketplace.catalogue.goods import make_site

ACTOR = "user:1"


@dataclass
class Shop:
    offering: Offering
    night: Site
    day: Site

    def choose(self, hours, now, offering=None):
        return listings.list_offering(offering=offering or self.offering, hours=hours, now=now, actor=ACTOR)

    def publish(self, now):
        catalogue.submit(offering=self.offering, actor=ACTOR, now=now)
        catalogue.publish(offering=self.offering, actor="user:2", now=now)
        listings.open_listed(now=now)


@pytest.fixture
def shop(market, yongli, now) -> Shop:
    where = {"region": market.site.region, "resource_class": market.site.resource_class}
    night = make_site(yongli, now=now, name="Night shop", **where)
    day = make_site(yongli, now=now, name="Day shop", **where)
    offering = catalogue.create_offering(
        provider=yongli, package=market.package, actor=ACTOR, now=now, **where
    )
    catalogue.set_price(
        offering=offering, base_uy=1_000_000, core_limit_cms=300_000, actor=ACTOR, now=now
    )
    return Shop(offering=offering, night=night, day=day)
