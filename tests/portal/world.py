"""The cast with things of every kind, as many as a test asks for; made by the real actions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from django.core.cache import cache

from bank.ledger import actions as ledger
from bank.lending import actions as lending
from marketplace.billing import actions as billing
from marketplace.billing import months, withdrawals
from marketplace.dispatch.models import Site
from marketplace.gateway import key_actions
from marketplace.orders.models import Order, SampleRun
from portal import policy
from portal.accounts import actions as accounts
from portal.core import clock
from portal.core.words import local
from tests.bank.deposits.conftest import ACTOR, HOUR, Factory, cpu, factory
from tests.bank.ledger.conftest import Books
from tests.conftest import join, make_organisation, make_user
from tests.marketplace.catalogue.goods import make_offering, make_package
from tests.marketplace.gateway.models_for_sale import make_endpoint, make_model
from tests.marketplace.gateway.use_cast import Use, make_use

__all__ = ["FEW", "MANY", "World", "cpu", "factory", "world"]
YUAN = 1_000_000
FEW, MANY = 3, 30


@dataclass
class World:
    """The cast with things of every kind; `grow` makes more of each."""

    factory: Factory
    books: Books
    jiangnan: object
    yongli: object
    harbour: object
    lin: object
    wang: object
    use: Use
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def grow(self, until: int) -> None:
        n = next(self.numbers)
        while True:
            self.one(n)
            if n == until:
                return
            n = next(self.numbers)

    def one(self, n: int) -> None:
        self.money(n)
        self.cash_out(n)
        self.people(n)
        self.order(n)
        self.supply(n)
        self.loans(n)
        self.calls(n)

    def calls(self, n: int) -> None:
        """A key that called a model, and one that was revoked."""
        use, now = self.use, self.factory.now
        use.call(use.key(f"model {n}", prefer={"only": ["yongli"]}), at=now + timedelta(hours=n % 48))
        key_actions.revoke_key(key=use.key(f"old {n}"), now=now, actor=ACTOR)

    def money(self, n: int) -> None:
        now = self.factory.now
        ledger.close_day(now=now + timedelta(days=n))
        for booked in (True, False):
            topup = billing.request_topup(
                organisation=self.jiangnan, amount_uy=100 * YUAN, user=None, now=now, actor=ACTOR
            )
            if booked:
                billing.book_payment(topup=topup, amount_uy=100 * YUAN, bank_reference=f"B-{n}", now=now, actor=ACTOR)
        months.close_month(organisation=self.jiangnan, month=date(2020 + n // 12, n % 12 + 1, 1), now=now)
        lending.set_limit(organisation=self.jiangnan, limit_uy=n * YUAN, reason="more", now=now, actor=ACTOR)
        lending.book_lender_payment(
            lender=self.harbour, amount_uy=900 * YUAN, bank_reference=f"L-{n}", now=now, actor=ACTOR
        )

    def cash_out(self, n: int) -> None:
        """One that waits, and one that was paid."""
        now = self.factory.now
        for what in ("waits", "paid"):
            row = withdrawals.ask(
                organisation=self.jiangnan, amount_uy=YUAN, bank_name="ICBC", account_number="62220211",
                key=f"{what}-{n}", user=None, now=now, actor=ACTOR,
            )  # fmt: skip
        withdrawals.begin(withdrawal=row, user=self.wang, now=now)
        withdrawals.pay(
            withdrawal=row, bank_reference=f"W-{n}", paid_on=local(now).date(), user=self.wang, now=now
        )

    def people(self, n: int) -> None:
        now = self.factory.now
        join(make_user(f"colleague{n}@jiangnan.test"), self.jiangnan, "buyer")
        key, _secret = accounts.create_key(
            organisation=self.jiangnan, user=self.lin, name=f"till {n}", scopes=["read"], now=now, actor=ACTOR
        )
        if n > FEW:  # a company has at most twenty that work
            accounts.revoke_key(key=key, now=now, actor=ACTOR)
        accounts.invite_member(
            organisation=self.jiangnan, email=f"guest{n}@x.test", role="buyer", user=self.lin, now=now
        )
        waits = make_organisation(f"bakery-{n}", f"Bakery {n}", f"9133010{n:011d}", "catering", state="registered")
        join(self.lin, waits, "finance")

    def order(self, n: int) -> None:
        """One that is delivered and closed, and one that is under way."""
        slot = self.factory.slot(n)
        at = slot.hour + timedelta(minutes=1)
        order = self.factory.order(self.jiangnan, at=at)
        self.factory.run(order, used_cms=36_000, at=at)
        Order.objects.filter(pk=order.pk).update(state="delivered", ended_at=at, due_at=None)
        self.factory.close(slot)
        SampleRun.objects.create(package=self.factory.package, created_at=at)
        self.factory.order(self.jiangnan, at=self.factory.slot(n + 40).hour)

    def supply(self, n: int) -> None:
        f, now = self.factory, self.factory.now
        region, platform = f.site.region, f.offering.provider
        package = make_package(code=f"cat-{n:02d}", name_en=f"Forecast {n}")
        place = {"package": package, "region": region, "resource_class": f.cpu, "now": now - timedelta(days=1)}
        make_offering(platform, **place)
        make_offering(self.yongli, state="submitted", **place)
        model = make_model(f"model-{n:02d}", name=f"Model {n}")
        for state in ("submitted", "published"):
            make_endpoint(self.yongli, model, region, now, state=state)
        site = Site.objects.create(
            organisation=self.yongli, name=f"Hall {n}", region=region, resource_class=f.cpu, cards=2,
            state=Site.State.VERIFIED, availability_ppm=1_000_000, created_at=now,
        )  # fmt: skip
        Factory(site, f.package, f.offering, f.cpu, now).deposit(hours=[1, 2, 3])

    def loans(self, n: int) -> None:
        now = self.factory.now
        self.books.earn(self.yongli, 60 * 3_600_000, days=100 + n)

        def ask():
            return lending.apply(
                organisation=self.yongli, resource_class=self.factory.cpu, pledge_cms=20 * 3_600_000,
                amount_uy=YUAN // 2, months=6, purpose=f"Mould {n}", now=now, actor=ACTOR,
            )  # fmt: skip

        def offer(application):
            return lending.add_offer(
                application=application, lender=self.harbour, amount_uy=YUAN // 2, rate_ppm=60_000, months=6,
                now=now, actor=ACTOR,
            )  # fmt: skip

        loan = lending.accept(offer=offer(ask()), now=now, actor=ACTOR)
        lending.repay(loan=loan, amount_uy=YUAN // 100, key="1", now=now, actor=ACTOR)
        offer(ask())
        ask()


@pytest.fixture
def world(factory, jiangnan, yongli, harbour, lin, wang, zhao, song, now, monkeypatch) -> World:
    monkeypatch.setattr(clock, "now", lambda: now + 50 * HOUR)
    monkeypatch.setattr(policy, "OPEN_QUOTES_PER_COMPANY", 99)
    cache.clear()
    billing.ensure_wallet(jiangnan, now)
    factory.deposit(payout="hours")
    return World(factory, Books(now), jiangnan, yongli, harbour, lin, wang, make_use(jiangnan, lin, yongli))
