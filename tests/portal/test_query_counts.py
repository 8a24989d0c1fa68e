"""What every page costs: exactly so many queries, and not one more when there are thirty of everything."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bank.ledger import queries as books
from bank.ledger.chart import Kind
from bank.ledger.models import Journal
from bank.lending.models import Application, Loan
from marketplace.dispatch.models import Slot
from marketplace.gateway.models import Call, Endpoint
from marketplace.orders.models import Order
from tests.portal.world import FEW, MANY, World, cpu, factory, world

__all__ = ["cpu", "factory", "world"]


def cost(client: Client, path: str, **kwargs) -> int:
    """Queries of a page that was opened before (sessions and content types are in the cache then)."""
    assert client.get(path, **kwargs).status_code == 200, path
    with CaptureQueriesContext(connection) as seen:
        client.get(path, **kwargs)
    return len(seen)


def of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def paths(world: World) -> dict[str, dict[str, str]]:
    """Who opens what; the things are those that were there first."""
    return {
        "lin": {name: f"/c/jiangnan/{path}" for name, path in of_the_buyer(world).items()}
        | {"dashboard": "/dashboard/", "you": "/you/"},
        "zhao": {name: f"/c/yongli/{path}" for name, path in of_the_factory(world).items()}
        | {"borrower's dashboard": "/dashboard/"},
        "song": {
            "lender's dashboard": "/dashboard/",
            "lender": "/c/harbour/loans/",
            "review": f"/c/harbour/loans/applications/{asked()}/",
        },
        "chen": {name: f"/admin/{path}" for name, path in of_the_desk(world).items()},
        "": {
            "front": "/",
            "shop": "/shop/",
            "industry": "/industry/catering/",
            "search": "/search/?q=forecast",
            "package": "/p/cat-01/",
            "figures": "/figures/",
            "models": "/models/",
            "model": "/models/model-01/",
            "rankings": "/rankings/",
        },
    }


def asked() -> str:
    return Application.objects.filter(state="open").earliest("pk").public_id


def of_the_buyer(world: World) -> dict[str, str]:
    order = Order.objects.filter(state="delivered").earliest("pk").public_id
    wallet = books.find(owner=world.jiangnan, kind=Kind.WALLET).public_id
    journal = Journal.objects.filter(postings__account__public_id=wallet).earliest("pk").public_id
    return {
        "company": "",
        "people": "people/",
        "keys": "keys/",
        "wallet": "wallet/",
        "cash out": "wallet/withdraw/",
        "cash outs": "wallet/withdrawals/",
        "cash out of one": f"wallet/withdrawals/{world.jiangnan.withdrawals.earliest('pk').public_id}/",
        "bill": f"bills/{world.jiangnan.bills.earliest('pk').public_id}/",
        "orders": "orders/",
        "orders under way": "orders/?state=open",
        "order": f"orders/{order}/",
        "why": f"orders/{order}/why/",
        "books": "books/",
        "statement": f"books/{wallet}/",
        "journal": f"books/journals/{journal}/",
        "credit": "loans/",
        "model keys": "model-keys/",
        "model key": f"model-keys/{Call.objects.earliest('pk').key.public_id}/",
        "model use": "model-use/",
        "model calls": "model-use/calls/",
        "model call": f"model-use/{Call.objects.earliest('pk').request_id}/",
    }


def of_the_factory(world: World) -> dict[str, str]:
    return {
        "bank": "bank/",
        "withdraw": "bank/withdraw/",
        "earnings": "bank/earnings/",
        "sites": "sites/",
        "site": f"sites/{world.factory.site.public_id}/",
        "offerings": "offerings/",
        "models served": "models/",
        "model served": f"models/{Endpoint.objects.earliest('pk').public_id}/",
        "loans": "loans/",
        "apply": "loans/apply/",
        "loan": f"loans/{Loan.objects.earliest('pk').public_id}/",
        "application": f"loans/applications/{asked()}/",
    }


def of_the_desk(world: World) -> dict[str, str]:
    return {
        "desk": "",
        "find": "find/?q=bakery",
        "money": f"company/{world.jiangnan.pk}/money/",
        "companies to approve": "accounts/organisation/?state__exact=registered",
        "offerings to approve": "catalogue/offering/?state__exact=submitted",
        "models to approve": "gateway/endpoint/?state__exact=submitted",
        "sites to verify": "dispatch/site/?state__in=registered,failed",
        "payments to book": "billing/topup/?state__exact=waiting",
        "withdrawals to pay": "billing/withdrawal/?state__in=asked,paying",
        "stuck orders": "orders/order/?stuck=yes",
        "trial balance": "ledger/account/trial-balance/",
        "reserved by age": "ledger/hold/by-age/",
        "closed days": "ledger/dayclose/",
        "a closed day": "ledger/dayclose/1/change/",
    }


COSTS = {
    "company": 9,
    "people": 9,
    "keys": 8,
    "wallet": 24,
    "cash out": 14,
    "cash outs": 8,
    "cash out of one": 8,
    "bill": 10,
    "orders": 10,
    "orders under way": 10,
    "order": 9,
    "why": 15,
    "books": 9,
    "statement": 20,
    "journal": 16,
    "credit": 17,
    "model keys": 11,
    "model key": 13,
    "model use": 11,
    "model calls": 8,
    "model call": 9,
    "dashboard": 15,
    "borrower's dashboard": 18,
    "lender's dashboard": 16,
    "you": 5,
    "bank": 49,
    "withdraw": 16,
    "earnings": 31,
    "sites": 8,
    "site": 12,
    "offerings": 9,
    "models served": 9,
    "model served": 10,
    "loans": 22,
    "apply": 11,
    "loan": 13,
    "application": 14,
    "lender": 17,
    "review": 20,
    "desk": 18,
    "find": 13,
    "money": 28,
    "companies to approve": 7,
    "offerings to approve": 10,
    "models to approve": 8,
    "sites to verify": 7,
    "payments to book": 7,
    "withdrawals to pay": 5,
    "stuck orders": 5,
    "trial balance": 7,
    "reserved by age": 7,
    "closed days": 5,
    "a closed day": 6,
    "front": 11,
    "shop": 1,
    "industry": 2,
    "search": 2,
    "package": 3,
    "figures": 11,
    "models": 2,
    "model": 3,
    "rankings": 2,
    "api company": 2,
    "api keys": 3,
    "api packages": 1,
    "api offerings": 2,
    "api wallet/": 10,
    "api topups/": 3,
    "api withdrawals/": 3,
    "api charges/": 3,
    "api bills/": 3,
    "api orders/": 3,
    "api model-use/": 3,
    "api model-calls/": 3,
    "api provider/offerings": 4,
    "api sites/": 3,
    "api deposits/": 3,
    "api slots/": 3,
    "api banked-hours/": 9,
    "api loans/": 5,
    "api loan-applications/": 5,
}
REST = {
    "jiangnan": ["company", "keys", "packages", "offerings", "wallet/", "topups/", "withdrawals/", "charges/", "bills/",
                 "orders/", "model-use/", "model-calls/"],
    "yongli": ["provider/offerings", "sites/", "deposits/", "slots/", "banked-hours/", "loans/", "loan-applications/"],
}  # fmt: skip
TABLES = sorted(f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_pages_lists_and_tables_cost_the_same_for_three_and_for_thirty(world, lin, zhao, song, chen):
    clients = {"lin": of(lin), "zhao": of(zhao), "song": of(song), "chen": of(chen), "": Client()}
    programs = {"jiangnan": clients["lin"], "yongli": clients["zhao"]}

    def measure() -> dict[str, int]:
        found = {n: cost(clients[who], p) for who, mine in opened.items() for n, p in mine.items()}
        for slug, doors in REST.items():
            for door in doors:
                found[f"api {door}"] = cost(programs[slug], f"/api/v1/{door}", headers={"Suanli-Company": slug})
        return found | {table: cost(clients["chen"], table) for table in TABLES}

    def grow(number: int) -> None:
        world.grow(number)
        with connection.cursor() as c:
            c.execute("ANALYZE")  # as autovacuum does; plans for empty tables walk all that tests left

    grow(FEW)
    opened = paths(world)
    few = measure()
    grow(MANY)
    many = measure()
    assert Slot.objects.filter(site__organisation=world.yongli).count() > MANY
    for rows in (world.jiangnan.orders, world.jiangnan.bills, world.jiangnan.memberships, world.yongli.sites):
        assert rows.count() >= MANY
    # a page of the journal may show fewer kinds of causes when there are many rows, and names are one query a kind
    assert {n: (few[n], many[n]) for n in few if few[n] < many[n]} == {}, "grows with the rows"
    found = {n: c for n, c in few.items() if n not in TABLES}
    assert {n: (COSTS.get(n), found.get(n)) for n in {**COSTS, **found} if COSTS.get(n) != found.get(n)} == {}
