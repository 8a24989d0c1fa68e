"""Nobody reaches another company's things: every address with an id, on pages and over REST, is walked.

A new address fails until it says here whose thing its id names.
"""

from __future__ import annotations

import itertools
import re

import pytest
from django.apps import apps
from django.test import Client
from django.urls import get_resolver

from bank.deposits.models import Deposit
from bank.ledger import queries as books
from bank.ledger.chart import Kind
from bank.ledger.models import Journal
from bank.lending.models import Application, Loan, Offer
from marketplace.billing.models import Bill, TopUp, Withdrawal
from marketplace.catalogue.models import Offering
from marketplace.dispatch.models import Reservation, Site
from marketplace.gateway import leases
from marketplace.gateway.models import Call, Endpoint
from marketplace.orders.models import Order, Quote
from marketplace.provisioning.models import Allocation, ResultFile
from portal.accounts.models import ApiKey, Invitation
from tests.conftest import NOW, join, make_organisation, make_user
from tests.portal.world import World, cpu, factory, world

__all__ = ["cpu", "factory", "world"]
BODIES = {
    "catalogue-api:own_price": {"core_limit_cms": "1000", "base_uy": "1000000"},
    "catalogue-api:own_step": {"step": "submit"},
    "dispatch-api:own_listing": {"sites": []},
}
OF_EVERYBODY = {"catalogue-api:package", "catalogue-api:offering"}  # what is on the shelf


def walk(patterns=None, space: str = "", before: str = ""):
    for one in get_resolver().url_patterns if patterns is None else patterns:
        here = before + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from walk(one.url_patterns, f"{space}{one.namespace}:" if one.namespace else space, here)
        else:
            yield f"{space}{one.name}", here


COMPANY = {name: p for name, p in walk() if p.startswith("c/<slug:slug>/")}
WITH_ID = {name: p for name, p in COMPANY.items() if "<" in p.removeprefix("c/<slug:slug>/")}
REST = {name: p for name, p in walk() if re.match(r"[a-z]+-api:", name) and "<" in p and name not in OF_EVERYBODY}


@pytest.fixture
def things(world: World) -> dict[str, tuple[str, dict[str, str]]]:
    """URL name: (whose it is, the parts of its address)."""
    world.grow(1)
    allocation = _a_run(world)
    order = Order.objects.filter(organisation=world.jiangnan).earliest("pk")
    wallet = books.find(owner=world.jiangnan, kind=Kind.WALLET).public_id
    journal = Journal.objects.filter(postings__account__public_id=wallet).earliest("pk")
    offering = Offering.objects.filter(provider=world.yongli).earliest("pk")
    found: dict[str, tuple[str, dict[str, str]]] = {}

    def of(slug: str, names: str, public_id: str, **parts: str) -> None:
        for name in names.split():
            found[name] = slug, {"public_id": public_id, **parts}

    of("jiangnan", "accounts:withdraw_invitation", Invitation.objects.earliest("pk").public_id)
    of("jiangnan", "accounts:revoke_key accounts-api:key", ApiKey.objects.earliest("pk").public_id)
    of("jiangnan", "ledger:journal", journal.public_id)
    of("jiangnan", "ledger:statement ledger:statement_csv", wallet)
    of("jiangnan", "billing:topup_detail", TopUp.objects.filter(state="waiting").earliest("pk").public_id)
    cash = "billing:withdrawal billing-api:withdrawal billing-api:take_back"
    of("jiangnan", cash, Withdrawal.objects.earliest("pk").public_id)
    of("jiangnan", "billing:bill", Bill.objects.earliest("pk").public_id)
    of("jiangnan", "orders:quote orders-api:quote", Quote.objects.latest("pk").public_id)
    of("jiangnan", "orders:detail orders:why orders-api:order orders-api:stop", order.public_id)
    of("jiangnan", "orders:file orders-api:file", order.public_id, file_id=allocation.files.get().public_id)
    called = Call.objects.earliest("pk")
    of("jiangnan", "gateway:key gateway:key_limits gateway:revoke_key", called.key.public_id)
    of("jiangnan", "gateway:call", "", request_id=called.request_id)
    Call.objects.filter(pk=called.pk).update(batch="cbt_1")
    of("jiangnan", "gateway:booked", "", batch="cbt_1")
    lent = leases.borrow(company=world.jiangnan.pk, need_uy=1, pack="", epoch="run", now=NOW)
    of("jiangnan", "gateway:lease", lent[0].public_id)
    of("yongli", "catalogue:offering catalogue:offering_preview catalogue:offering_price", offering.public_id)
    of("yongli", "dispatch:listing dispatch-api:own_listing", offering.public_id)
    of("yongli", "catalogue:offering_step", offering.public_id, step="take-back")
    of("yongli", "catalogue-api:own_offering catalogue-api:own_price catalogue-api:own_step", offering.public_id)
    served = Endpoint.objects.filter(provider=world.yongli, state="submitted").earliest("pk").public_id
    of("yongli", "gateway:endpoint gateway:endpoint_preview gateway:endpoint_price", served)
    of("yongli", "gateway:endpoint_secret gateway:endpoint_test", served)
    of("yongli", "gateway:endpoint_step", served, step="take-back")
    of("yongli", "deposits:site deposits-api:site", Site.objects.filter(organisation=world.yongli)[0].public_id)
    of("yongli", "deposits:take_back", Deposit.objects.earliest("pk").public_id)
    of("yongli", "lending:application", Application.objects.filter(state="open").latest("pk").public_id)
    of("yongli", "lending:answer lending-api:accept", Offer.objects.filter(state="open").latest("pk").public_id)
    of("harbour", "lending:withdraw_offer", Offer.objects.filter(state="open").latest("pk").public_id)
    loan = Loan.objects.earliest("pk").public_id
    of("yongli", "lending:loan lending:repay lending:pledge lending-api:repayments", loan)
    # a lender may answer every open application; a company that is none may not
    asked = Application.objects.filter(state="open").latest("pk").public_id
    of("harbour", "lending:make_offer lending:reject lending-api:offers", asked)
    return found


def _a_run(world: World) -> Allocation:
    """The first order's run, with a file."""
    order = Order.objects.filter(organisation=world.jiangnan).earliest("pk")
    run = Allocation.objects.create(
        organisation=world.jiangnan, cause=order.cause, site=world.factory.site, recipe="script", cores=1,
        memory_mb=64, wall_s=60, give_up_at=NOW, created_at=NOW, state="succeeded",
        reservation=Reservation.objects.get(pk=order.quote.reservation_id),
    )  # fmt: skip
    Order.objects.filter(pk=order.pk).update(allocation=run)
    ResultFile.objects.create(allocation=run, name="page.html", size_bytes=8, sha256="0" * 64, created_at=NOW)
    return run


@pytest.fixture
def neighbour(db) -> Client:
    """The owner of another company that buys, provides and could borrow; and of a bank that lends."""
    user = make_user("xia@xihu.test")
    inns = make_organisation("xihu", "West Lake Inns", "91330106MA27XYHT5M", "accommodation", is_provider=True)
    join(user, inns, "owner")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def other_bank(db) -> Client:
    user = make_user("qian@quay.test")
    join(user, make_organisation("quay", "Quay Bank", "91330200MA2QUAY12H", "other", role="lender"), "owner")
    client = Client()
    client.force_login(user)
    return client


def everything() -> dict[str, list]:
    """All rows of our tables."""
    ours = [m for m in apps.get_models() if m.__module__.split(".")[0] in ("portal", "marketplace", "bank")]
    return {m._meta.label: list(m.objects.order_by("pk").values()) for m in ours if m.__name__ != "User"}


def test_every_address_with_an_id_says_whose_it_is(things):
    assert WITH_ID.keys() | REST.keys() == things.keys()


def test_another_companys_pages_are_not_there(things, neighbour, other_bank):
    before = everything()
    wrong = []
    for client, own in ((neighbour, "xihu"), (other_bank, "quay")):
        for name, pattern in COMPANY.items():
            owner, parts = things.get(name, ("jiangnan", {}))
            slugs = (owner, own) if parts else (owner,)
            if own == "quay" and name in ("lending:application", "lending:make_offer", "lending:reject"):
                slugs = ("harbour", "yongli")  # every lender may look at an open application, under its own name
            for slug in slugs:
                path = "/" + _filled(pattern, {"slug": slug, **parts})
                for method in ("get", "post"):
                    status = getattr(client, method)(path, {"sure": "1", "verb": "accept", "all": "1"}).status_code
                    if status not in (404, 405):
                        wrong.append(f"{method} {path}: {status}")
    assert wrong == []
    assert everything() == before


def test_another_companys_things_are_not_there_over_rest(things, neighbour, other_bank):
    before, numbers, wrong = everything(), itertools.count(1), []
    for client, own in ((neighbour, "xihu"), (other_bank, "quay")):
        for name, pattern in REST.items():
            owner, parts = things[name]
            if own == "quay" and name == "lending-api:offers":
                continue
            for slug in (own, owner):
                for method in ("get", "post", "put", "patch", "delete"):
                    head = {"Suanli-Company": slug, "Idempotency-Key": f"{next(numbers)}"}
                    path = "/" + _filled(pattern, parts)
                    body = {} if method == "get" else {"content_type": "application/json", "data": BODIES.get(name, {})}
                    status = getattr(client, method)(path, headers=head, **body).status_code
                    if status not in (404, 405) and not (slug == owner and status == 403):
                        wrong.append(f"{method} {path} as {slug}: {status}")
    assert wrong == []
    after = everything()
    assert {label: rows for label, rows in after.items() if rows != before[label]} == {}


def _filled(pattern: str, parts: dict[str, str]) -> str:
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: parts[found[1]], pattern)
    assert "<" not in path
    return path
