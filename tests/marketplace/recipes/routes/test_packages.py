"""Every package of the routes recipe has a sample that passes, and an example really made from it."""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from marketplace import recipes
from marketplace.recipes.routes import make_samples

PACKAGES = json.loads((recipes.FOLDER / "packages-routes.json").read_text(encoding="utf-8"))
ROUTES = [package for package in PACKAGES if package["recipe"] == "routes"]
both_ways = pytest.mark.parametrize("package", ROUTES, ids=lambda package: package["code"])


def test_they_stand_in_different_industries():
    assert len({package["industry"] for package in PACKAGES}) == len(PACKAGES) >= 7


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["code"])
def test_each_is_complete_in_both_languages(package):
    for field in ("name", "outcome", "bring", "unit", "sizing", "value", "firm"):
        assert package[f"{field}_zh"]
        assert package[f"{field}_en"].isascii()
    assert package["sizing_min"] <= package["sizing_default"] <= package["sizing_max"]
    assert 8 <= len(package["words"]) <= 15
    assert any(word.isascii() for word in package["words"])
    assert any(not word.isascii() for word in package["words"])
    for key in package["params"]["ask"]:
        assert {"key", "kind", "label_zh", "label_en", "min", "max"} <= set(key)
    assert (recipes.FOLDER / package["sample"]).stat().st_size < 100_000
    assert all(isinstance(value, int) for value in package["price"].values())


@both_ways
def test_each_sample_passes_its_check_and_fits_its_sizes(package):
    path = recipes.FOLDER / package["sample"]
    with path.open("rb") as file:
        checked = recipes.get("routes").check(file, path.name, package["params"])
    assert 40 <= checked.size["stops"] <= 100
    assert package["sizing_min"] <= checked.size[package["unit_key"]] <= package["sizing_max"]


@both_ways
def test_each_sample_is_what_its_script_draws(package):
    path = recipes.FOLDER / package["sample"]
    drawn = make_samples.draw(make_samples.TOWNS[package["code"]], package["code"])
    assert path.read_text(encoding="utf-8") == drawn


@both_ways
def test_each_example_visits_every_stop_of_the_sample(package):
    example = json.loads((recipes.FOLDER / package["example"]).read_text(encoding="utf-8"))
    sample = (recipes.FOLDER / package["sample"]).read_text(encoding="utf-8").splitlines()
    assert sorted(stop[2] for stop in example["chart"]["stops"]) == sorted(
        line.split(",")[0] for line in sample[2:]
    )
    assert example["units_done"]["stops"] == len(sample) - 2
    assert example["table"]["columns"][0]["label"] == package["params"]["words"]["vehicle"]


@both_ways
def test_the_columns_named_are_columns_that_are_read(package):
    from marketplace.recipes.intake.header import normal

    known = {normal(name) for column in recipes.get("routes").manifest.columns for name in column.names}
    for name in (*package["columns_zh"], *package["columns_en"]):
        assert normal(name) in known, name


def test_the_folders_own_sample_passes():
    recipe = recipes.get("routes")
    files = list(recipe.sample.iterdir())
    assert files
    for path in files:
        with path.open("rb") as file, translation.override("en"):
            assert recipe.check(file, path.name, {}).size["stops"] >= 2
