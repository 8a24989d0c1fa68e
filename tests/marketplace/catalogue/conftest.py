"""Goods for the shelves: a region, the CPU class, a package, and an offering of Yongli's."""

import pytest

from marketplace.catalogue import actions
from marketplace.catalogue.models import ResourceClass
from tests.marketplace.catalogue.goods import make_offering, make_package, make_region, place_somewhere


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
def region(db):
    return make_region()


@pytest.fixture
def package(db):
    return make_package()


@pytest.fixture
def draft(yongli, package, region, cpu, now):
    made = actions.create_offering(
        provider=yongli, package=package, resource_class=cpu, region=region, actor="user:1", now=now
    )
    place_somewhere(made, now)
    return made


@pytest.fixture
def offering(yongli, package, region, cpu, now):
    return make_offering(yongli, package, region, cpu, now)
