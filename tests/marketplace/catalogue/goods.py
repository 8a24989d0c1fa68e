"""Makes goods for the shelves through the real actions."""

from marketplace.catalogue import actions
from marketplace.catalogue.models import Package, Region
from marketplace.catalogue.reference import search_terms
from marketplace.catalogue.search import sort_key_zh
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch import listings
from marketplace.dispatch.models import Site

CNY = 1_000_000


def make_package(code="cat-fc", **fields):
    values = {
        "code": code,
        "recipe": "forecast",
        "industry": "catering",
        "name_zh": "备货与销量预测",
        "name_en": "Demand forecast",
        "outcome_zh": "预测每家门店明天卖多少",
        "outcome_en": "What each outlet will sell tomorrow",
        "unit_key": "series",
        "unit_zh": "家门店",
        "unit_en": "outlets",
        "data_class": "confidential",
        "sizing_default": 20,
        "sizing_min": 1,
        "sizing_max": 60,
        "is_runnable": True,
        **fields,
    }
    package = Package(**values)
    package.search, package.sort_zh = search_terms(package), sort_key_zh(package.name_zh)
    package.save()
    return package


def make_region(key="zhejiang", name_zh="浙江", name_en="Zhejiang"):
    return Region.objects.create(key=key, name_zh=name_zh, name_en=name_en)


def make_site(provider, region, resource_class, now, *, name="Hall 1", state="verified", cards=2):
    site = dispatch.register_site(
        organisation=provider,
        name=name,
        region=region,
        resource_class=resource_class,
        cards=cards,
        now=now,
        actor="user:1",
    )
    Site.objects.filter(pk=site.pk).update(state=state, availability_ppm=1_000_000)
    site.refresh_from_db()
    return site


def place_somewhere(offering, now):
    """List a draft at a verified site of its provider, made if there is none."""
    where = {"region": offering.region, "resource_class": offering.resource_class}
    site = Site.objects.filter(organisation=offering.provider, state="verified", **where).first()
    if site is None:
        site = make_site(offering.provider, now=now, name=f"Hall {offering.pk}", **where)
    listings.list_offering(offering=offering, hours={site: ()}, now=now, actor="user:1")


def make_offering(provider, package, region, resource_class, now, *, state="published", **price):
    offering = actions.create_offering(
        provider=provider,
        package=package,
        resource_class=resource_class,
        region=region,
        actor="user:1",
        now=now,
    )
    price = {
        "base_uy": 19 * CNY,
        "per_unit_uy": 2 * CNY,
        "rate_uy_per_hour": 90_000,
        "core_limit_cms": 36_000_000,
        **price,
    }
    actions.set_price(offering=offering, actor="user:1", now=now, **price)
    if state != "draft":
        if provider.role != "platform":
            place_somewhere(offering, now)
        actions.submit(offering=offering, actor="user:1", now=now)
    if state in ("published", "paused"):
        actions.publish(offering=offering, actor="user:2", now=now)
    if state == "paused":
        actions.pause(offering=offering, actor="user:1", now=now)
    return offering
