"""Figures of a catalogue page of 50 cards: `make bench ONLY=catalogue`. Undoes what it wrote."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import Industry, Organisation
from portal.core import clock

from . import actions
from .models import Offering, Package, Region, ResourceClass
from .reference import search_terms

CARDS = 50
ROUNDS = 20
QUERIES_TARGET = 8
CPU_TARGET_MS = 60
INDUSTRY = Industry.OTHER


def run() -> list[dict[str, Any]]:
    """[{name, value, unit, peer, ratio}]; the peer is the target of the issue."""
    with transaction.atomic():
        _goods()
        queries, cpu_ms = _measure()
        transaction.set_rollback(True)
    return [
        _row("catalogue.page_queries", queries, "queries", QUERIES_TARGET),
        _row("catalogue.page_cpu_ms", cpu_ms, "ms", CPU_TARGET_MS),
    ]


def _measure() -> tuple[int, float]:
    client, url = Client(SERVER_NAME="127.0.0.1"), f"/industry/{INDUSTRY}/"
    with CaptureQueriesContext(
        connection,
    ) as caught:
        response = client.get(url)
    count = len(caught)  # the next request empties the log
    assert response.content.count(b'class="item"') >= CARDS, "the page does not show its cards"
    client.get(url)
    spent = []
    for _round in range(ROUNDS):
        began = time.process_time()
        client.get(url)
        spent.append(time.process_time() - began)
    return count, round(sorted(spent)[ROUNDS // 2] * 1000, 1)


def _goods() -> None:
    """Fifty packages of one trade, each with a published offering and the picture of a real package."""
    now = clock.now()
    region, _made = Region.objects.get_or_create(key="bench", defaults={"name_zh": "测", "name_en": "Bench"})
    names = {"kind": "cpu", "name_en": "core", "unit_en": "core-hour"}
    cpu, _made = ResourceClass.objects.get_or_create(
        key="cpu", defaults={"asset": "CH:CPU", "is_sellable": True, **names}
    )
    size = {"employees": 1, "revenue_wan": 1, "assets_wan": 1, "size_class": "micro"}
    provider = Organisation.objects.create(
        slug="bench-provider",
        name="Bench",
        uscc="BENCH0000000000000",
        industry=INDUSTRY,
        state="approved",
        is_provider=True,
        created_at=now,
        **size,
    )
    model = Package.objects.filter(is_runnable=True).exclude(example_result=None).first()
    for number in range(CARDS):
        package = _package(number, model)
        by: dict[str, Any] = {"actor": "system:bench", "now": now}
        offering = actions.create_offering(
            provider=provider, package=package, resource_class=cpu, region=region, **by
        )
        actions.set_price(offering=offering, base_uy=1_000_000 * (number + 1), core_limit_cms=1, **by)
        offering.state = Offering.State.SUBMITTED  # the room of the sites, which looks at machines, is not measured
        offering.save(update_fields=["state"])
        actions.publish(offering=offering, **by)


def _package(number: int, model: Package | None) -> Package:
    package = Package(
        code=f"bench-{number}",
        recipe="forecast",
        industry=INDUSTRY,
        name_zh=f"基准{number}",
        name_en=f"Bench {number}",
        outcome_zh="测量",
        outcome_en="For measuring",
        unit_key="series",
        unit_zh="家",
        unit_en="outlets",
        data_class="internal",
        sizing_default=20,
        sizing_max=60,
        is_runnable=True,
        example_result=model.example_result if model else None,
        example_digest=f"bench-{number}" if model else "",
    )
    package.search = search_terms(package)
    package.save()
    return package


def _row(name: str, value: float, unit: str, target: int) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "peer": "target", "ratio": round(value / target, 2)}
