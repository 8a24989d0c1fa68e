"""Loads what the platform brings with it: regions, classes with dated prices, packages.

Facts stand in data/*.json with their sources; what really runs is described by marketplace.recipes in
packages*.json and lies over them. Loading twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.db import models, transaction

from marketplace import recipes

from . import hooks
from .models import IndexPrice, Package, Region, ResourceClass
from .search import all_terms, sort_key_zh

DATA = Path(__file__).parent / "data"
SELLABLE = {"cpu"}  # what an engine here can really run
SEARCHED = ("name", "outcome", "unit", "value", "sizing", "firm", "bring")


def load() -> list[str]:
    """Bring the tables up to the files; returns one line per row that changed, sorted as it was done."""
    with transaction.atomic():
        own = [*_regions(), *_classes(), *_index_prices(), *_packages()]
        return own + [line for load_room in hooks.references for line in load_room()]


@cache
def industry_words() -> dict[str, str]:
    """Industry → words it is asked for by, in both languages."""
    return _read(DATA / "industries.json")


def search_terms(package: Package) -> list[str]:
    texts = [getattr(package, f"{field}_{language}") for field in SEARCHED for language in ("zh", "en")]
    return all_terms([*texts, *package.words, industry_words().get(package.industry, "")])


def package_files() -> list[dict[str, Any]]:
    """The packages that recipes bring, as they stand in marketplace/recipes/packages*.json."""
    found: list[dict[str, Any]] = []
    for path in sorted(recipes.FOLDER.glob("packages*.json")):
        content = _read(path)
        found.extend(content if isinstance(content, list) else content["packages"])
    return found


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def upsert(model: type[models.Model], key: str, rows: Iterable[dict[str, Any]]) -> list[str]:
    """Create what is missing and change what differs, by a unique column."""
    known = {getattr(row, key): row for row in model._default_manager.all()}
    new, said = [], []
    for values in rows:
        row = known.get(values[key])
        if row is None:
            new.append(model(**values))
            said.append(f"+ {model._meta.model_name} {values[key]}")
            continue
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        if changed:
            model._default_manager.filter(pk=row.pk).update(**{name: values[name] for name in changed})
            said.append(f"~ {model._meta.model_name} {values[key]}: {', '.join(changed)}")
    model._default_manager.bulk_create(new)
    return said


def _regions() -> list[str]:
    return upsert(Region, "key", _read(DATA / "regions.json"))


def _classes() -> list[str]:
    names = ("key", "asset", "kind", "name_zh", "name_en", "unit_zh", "unit_en", "spec")
    rows = _read(DATA / "classes.json")["classes"]
    return upsert(
        ResourceClass,
        "key",
        [{n: row[n] for n in names} | {"is_sellable": row["key"] in SELLABLE} for row in rows],
    )


def _index_prices() -> list[str]:
    """The first index of each class. A dated price that is already there stays as it is."""
    content = _read(DATA / "classes.json")
    on = date.fromisoformat(content["index_date"])
    known = set(IndexPrice.objects.filter(date=on).values_list("resource_class__key", flat=True))
    classes = {row.key: row for row in ResourceClass.objects.all()}
    missing = [
        row for row in content["classes"] if row["index_price_uy"] is not None and row["key"] not in known
    ]
    IndexPrice.objects.bulk_create(
        IndexPrice(
            resource_class=classes[row["key"]],
            date=on,
            price_uy=row["index_price_uy"],
            quotes=row["quotes"],
            source=content["source"],
        )
        for row in missing
    )
    return [f"+ indexprice {row['key']} {on}" for row in missing]


def _packages() -> list[str]:
    known = recipes.keys()
    runnable = {row["code"]: row for row in package_files() if row["recipe"] in known}
    wanted = {row["code"]: _reference_row(row) for row in _read(DATA / "packages.json")["packages"]}
    for code, row in runnable.items():
        below = wanted.get(code, {})
        words = list(dict.fromkeys([*below.get("words", []), *row["words"]]))
        wanted[code] = {**below, **_runnable_row(row), "words": words}
    measured = set(Package.objects.filter(expected_cms__gt=0).values_list("code", flat=True))
    rows = []
    for values in wanted.values():
        if values["code"] in measured:
            values.pop("expected_cms", None)  # what metering measured since is nearer to the truth
        package = Package(**values)
        rows.append({**values, "search": search_terms(package), "sort_zh": sort_key_zh(package.name_zh)})
    gone = Package.objects.filter(is_runnable=True).exclude(code__in=wanted)
    said = [f"- package {code}: no longer runs" for code in gone.values_list("code", flat=True)]
    gone.update(is_runnable=False)
    return said + upsert(Package, "code", rows)


def _reference_row(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in ("workload", "proof")}
    source = f"{row['workload']}. Proof: {row['proof']}. Price: {row['source']}"
    nothing: dict[str, Any] = {
        "recipe": "",
        "sample": "",
        "example_result": None,
        "example_digest": "",
        "price_hint": {},
    }
    return {**kept, **nothing, "source": source, "is_runnable": False}


def _runnable_row(row: dict[str, Any]) -> dict[str, Any]:
    fields = {field.name for field in Package._meta.concrete_fields}
    kept = {name: value for name, value in row.items() if name in fields}
    price = dict(row.get("price", {}))
    if "core_hours_limit_cms" in price:
        price["core_limit_cms"] = price.pop("core_hours_limit_cms")
    # a recipe's real result on its sample lies beside the sample
    path = recipes.FOLDER / (row.get("example") or Path(row["sample"]).with_suffix(".result.json"))
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return {
        **kept,
        "price_hint": price,
        "example_result": json.loads(text) if text else None,
        "example_digest": sha256(text.encode()).hexdigest()[:16] if text else "",
        "is_runnable": True,
    }
