"""The demonstration: people, companies, sites and offerings, then real runs on an earlier clock.

Everything is made by the same actions that people use. Safe to repeat: what is there stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from marketplace import recipes
from marketplace.billing import actions as billing
from marketplace.billing import queries as wallets
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue import reference
from marketplace.catalogue.models import Offering, Package, Region, ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site
from marketplace.orders import actions as orders
from marketplace.orders import uploads
from marketplace.orders.models import Order, Quote
from marketplace.orders.queries import offering_for
from marketplace.provisioning import verification
from portal.accounts.models import Membership, Organisation, User
from portal.accounts.sizing import classify
from portal.core.errors import Stale
from portal.core.words import local

from . import roles

PASSWORD = "suanli-demo"
ACTOR = "system:demo"
BENCHMARK_S = 240  # it is tried again by itself when the machine is busy
CORE_LIMIT_CMS = 600_000  # ten core-minutes: many times what a run of the largest package needs
TOPUP_UY = 500_000_000
RATE_UY = 98_000  # CNY 0.098 a core-hour, inside the published 0.055 to 0.125
Say = Callable[[str], None]


@dataclass(frozen=True)
class Cast:
    """A demonstration company and the person who signs in for it."""

    slug: str
    name: str
    uscc: str
    industry: str
    email: str
    employees: int
    role: str = "company"
    is_provider: bool = False


CAST = (
    Cast(
        "suanli",
        "算力服务平台 Suanli",
        "913301007654321046",
        "software_it",
        "staff@suanli.test",
        40,
        "platform",
    ),
    Cast("jiangnan", "江南小厨 Jiangnan Kitchen", "91330106MA2CFK7X2P", "catering", "buyer@suanli.test", 280),
    Cast(
        "yongli",
        "永利模具 Yongli Mould",
        "91330200MA2Y0NG14J",
        "industry",
        "factory@suanli.test",
        120,
        is_provider=True,
    ),
    Cast(
        "harbour", "港湾银行 Harbour Bank", "91330200MA2HARB12H", "other", "lender@suanli.test", 90, "lender"
    ),
    Cast("xihu", "西湖客栈 West Lake Inns", "91330106MA27XYHT5M", "accommodation", "inn@suanli.test", 60),
    Cast("kuaida", "快达速递 Kuaida Express", "91330108MA28KD5D0U", "post", "post@suanli.test", 240),
    Cast("lvye", "绿野蔬菜 Green Field Produce", "91330109MA29LY5C61", "agriculture", "farm@suanli.test", 35),
    Cast(
        "hexie",
        "和谐物业 Harmony Property",
        "91330105MA2AHXWY4A",
        "property_management",
        "estate@suanli.test",
        310,
    ),
    Cast("baihuo", "百货通 Baihuo Retail", "91330104MA2BBHTL3G", "retail", "shop@suanli.test", 75),
    Cast(
        "yuntong", "云通仓储 Yuntong Storage", "91330110MA2CYTCC0U", "warehousing", "store@suanli.test", 110
    ),
    Cast("jiaoyun", "交运物流 Jiaoyun Haulage", "91330103MA2DJYWL4R", "transport", "haul@suanli.test", 150),
    Cast("huapi", "华批商贸 Huapi Trading", "91330102MA2EHP5M68", "wholesale", "trade@suanli.test", 45),
)
COLLEAGUE = "staff2@suanli.test"  # what needs two persons on the desk can be tried too
SIGN_INS = (
    ("restaurants", "buyer@suanli.test"),
    ("factory", "factory@suanli.test"),
    ("lender", "lender@suanli.test"),
    ("staff", "staff@suanli.test"),
    ("colleague", COLLEAGUE),
)
# who bought what, and how many days ago
RUNS = (
    ("jiangnan", "cat-fc", 9),
    ("xihu", "acc-occ", 8),
    ("kuaida", "pos-vol", 7),
    ("lvye", "agr-fc", 6),
    ("hexie", "pro-energy", 5),
    ("baihuo", "ret-fc", 4),
    ("yuntong", "war-vol", 4),
    ("jiaoyun", "tra-route", 3),
    ("huapi", "who-repl", 2),
    ("yongli", "ind-spare", 2),
    ("lvye", "agr-collect", 1),
    ("jiangnan", "cat-deliver", 1),
)


def people(*, now: datetime) -> None:
    """Companies, each with one person who signs in with the demonstration's password."""
    for who in CAST:
        organisation, _ = Organisation.objects.get_or_create(
            slug=who.slug,
            defaults={
                "name": who.name,
                "uscc": who.uscc,
                "industry": who.industry,
                "employees": who.employees,
                "revenue_wan": 1200,
                "assets_wan": 500,
                "size_class": classify(who.industry, who.employees, 1200, 500).size_class,
                "role": who.role,
                "is_provider": who.is_provider,
                "is_demo": True,
                "created_at": now,
                "state": Organisation.State.APPROVED,
            },
        )
        is_staff = who.role == "platform"
        for email in (who.email, COLLEAGUE) if is_staff else (who.email,):
            user = User.objects.filter(email=email).first()
            if user is None:
                user = User.objects.create_user(email, PASSWORD, is_staff=is_staff)
            if is_staff:  # two clerks of the desk; a superuser is made with createsuperuser
                if user.is_superuser:
                    User.objects.filter(pk=user.pk).update(is_superuser=False)
                user.groups.add(roles.desk())
            Membership.objects.get_or_create(
                user=user,
                organisation=organisation,
                defaults={"role": Membership.Role.OWNER, "created_at": now},
            )
        billing.ensure_wallet(organisation, now)


def platform_site(*, now: datetime, cores: int) -> Site:
    """The platform's own machine: this one."""
    platform = Organisation.objects.get(role=Organisation.Role.PLATFORM)
    site = Site.objects.filter(organisation=platform).first()
    if site is not None:
        return site
    region = (
        Region.objects.filter(key__startswith="zhejiang").first() or Region.objects.order_by("pk").first()
    )
    return dispatch.register_site(
        organisation=platform,
        name="一号机房 Hall A",
        region=region,
        resource_class=ResourceClass.objects.get(key="cpu"),
        cards=cores,
        now=now,
        actor=ACTOR,
        always_open=True,
    )


def offerings(*, now: datetime) -> int:
    """One published offering of the platform for every package that runs. Returns how many are new."""
    platform = Organisation.objects.get(role=Organisation.Role.PLATFORM)
    site = Site.objects.get(organisation=platform)
    cpu = ResourceClass.objects.get(key="cpu")
    made = 0
    prices = {row["code"]: row for row in reference.package_files()}
    for package in Package.objects.filter(is_runnable=True).exclude(offerings__provider=platform):
        price = prices[package.code]["price"]
        offering = catalogue.create_offering(
            provider=platform, package=package, resource_class=cpu, region=site.region, actor=ACTOR, now=now
        )
        limit = price["core_hours_limit_cms"]
        catalogue.set_price(
            offering=offering,
            base_uy=price["base_uy"],
            per_unit_uy=price["per_unit_uy"],
            rate_uy_per_hour=price.get("rate_uy_per_hour", RATE_UY),
            core_limit_cms=limit if package.unit_key == orders.BY_THE_HOUR else min(limit, CORE_LIMIT_CMS),
            cores=1,
            actor=ACTOR,
            now=now,
        )
        catalogue.submit(offering=offering, actor=ACTOR, now=now)
        catalogue.publish(offering=offering, actor=ACTOR, now=now)
        made += 1
    return made


def verify(site: Site, *, now: datetime, say: Say) -> Site:
    """Run the benchmark to its end."""
    if site.state in (Site.State.REGISTERED, Site.State.FAILED):
        verification.start(site=site, now=now, actor=ACTOR)
    began = time.monotonic()
    while site.state == Site.State.VERIFYING and time.monotonic() - began < BENCHMARK_S:
        passed = timedelta(seconds=time.monotonic() - began)
        site = verification.advance(site_id=site.pk, now=now + passed, actor=ACTOR)
        time.sleep(0.3)
    say(f"{site.name}: {site.state}")
    return site


def runs(*, now: datetime, say: Say) -> int:
    """Orders of the cast, really run, as if on the days before. Returns how many are new."""
    for left in Order.objects.filter(is_demo=True, state__in=Order.OPEN):  # this command was killed in the middle
        say(f"{left.number}: {_finish(left, _clock_from(left.placed_at)).state}")
    made = 0
    for slug, code, days in RUNS:
        organisation = Organisation.objects.get(slug=slug)
        package = Package.objects.filter(code=code, is_runnable=True).first()
        if (
            package is None
            or Order.objects.filter(
                organisation=organisation, is_demo=True, quote__offering__package=package
            ).exists()
        ):
            continue
        at = _night(now, days)
        order = _run(organisation, package, at)
        say(f"{order.number} {organisation.slug} {code}: {order.state}")
        made += 1
    return made


def _night(now: datetime, days: int) -> datetime:
    """Five past eleven in the evening so many days ago, when the factory's machine stands idle."""
    return (
        local(now - timedelta(days=days)).replace(hour=23, minute=5, second=0, microsecond=0).astimezone(UTC)
    )


def _run(organisation: Organisation, package: Package, at: datetime) -> Order:
    """One order from the file to the receipt. The clock stands at `at` and moves on with the real seconds."""
    clock = _clock_from(at)
    found = offering_for(package, at) or offering_for(package, clock())
    offering: Offering = (
        found[0] if found else Offering.objects.get(package=package, provider__role="platform")
    )
    path = recipes.FOLDER / package.sample
    with Path(path).open("rb") as f:
        upload = uploads.accept(
            package=package,
            data=f,
            filename=path.name,
            size_bytes=path.stat().st_size,
            organisation=organisation,
            now=at,
        )
    _open_past(at)
    quote = orders.quote(
        organisation=organisation, offering=offering, upload=upload, units=None, now=at, actor=ACTOR
    )
    if wallets.wallet(organisation).available_uy < quote.cap:
        topup = billing.request_topup(
            organisation=organisation, amount_uy=TOPUP_UY, user=None, now=at, actor=ACTOR
        )
        billing.book_payment(
            topup=topup,
            amount_uy=TOPUP_UY,
            bank_reference=f"DEMO-{topup.reference}",
            now=clock(),
            actor=ACTOR,
        )
    return _finish(_place(quote, clock), clock)


def _clock_from(at: datetime) -> Callable[[], datetime]:
    started = time.monotonic()
    return lambda: at + timedelta(seconds=time.monotonic() - started)


def _finish(order: Order, clock: Callable[[], datetime]) -> Order:
    """Advance to the end; no worker does, because its clock is not the order's."""
    until = clock() + timedelta(minutes=5)
    while order.is_open and clock() < until:
        order = orders.advance(order_id=order.pk, now=clock(), actor=ACTOR)
        time.sleep(0.5)
    return order


def _place(quote: Quote, clock: Callable[[], datetime]) -> Order:
    """Place a quote of the past; the sweeps, whose clock is ahead, may be giving its room back just now."""
    for _ in range(5):
        try:
            return orders.place(quote=quote, user=None, now=clock(), actor=ACTOR, is_demo=True)
        except Stale:
            time.sleep(0.2)
    raise Stale(quote.public_id)


def _open_past(at: datetime) -> None:
    """The hours of that day, as they would have been in the pool then."""
    from portal.core.clock import hour_of

    site = Site.objects.get(organisation__role=Organisation.Role.PLATFORM)
    hours = [hour_of(at) + timedelta(hours=n) for n in range(3)]
    dispatch.open_slots(site=site, hours=hours, source=f"site:{site.public_id}", now=at, is_simulated=True)
