"""The packages that the shelves are filled from: complete, in both languages, with a sample that runs."""

import io
import json
import os
import subprocess
import sys

import pytest

from marketplace import recipes

FILES = sorted(recipes.FOLDER.glob("packages*.json"))
PACKAGES = [
    package
    for path in FILES
    for content in [json.loads(path.read_text(encoding="utf-8"))]
    for package in (content if isinstance(content, list) else content["packages"])
]
FORECASTS = [package for package in PACKAGES if package["recipe"] == "forecast"]
BILINGUAL = ("name", "outcome", "bring", "unit", "sizing", "firm")
EACH = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["code"])


def example(package):
    path = recipes.FOLDER / "samples" / f"{package['code']}.result.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_at_least_twelve_packages_in_ten_industries():
    assert len(PACKAGES) >= 12
    assert len({package["industry"] for package in PACKAGES}) >= 10
    assert len({package["code"] for package in PACKAGES}) == len(PACKAGES)


# owners of restaurants ask for their forecast by the name of their kitchen; its trade's words name every package alike
MANY_WORDS = {"cat-fc": 40}


@EACH
def test_a_package_speaks_both_languages(package):
    for name in BILINGUAL:
        assert package[f"{name}_zh"] and package[f"{name}_en"], name
    assert sum(word.isascii() for word in package["words"]) >= 4
    assert sum(not word.isascii() for word in package["words"]) >= 4
    most = MANY_WORDS.get(package["code"], 15)
    assert 8 <= len(package["words"]) <= most


@EACH
def test_a_package_has_a_size_and_a_price_in_whole_micro_yuan(package):
    assert 1 <= package["sizing_min"] <= package["sizing_default"] <= package["sizing_max"]
    assert all(isinstance(value, int) and value >= 0 for value in package["price"].values())
    assert {"base_uy", "per_unit_uy", "core_hours_limit_cms"} <= set(package["price"])
    assert package["data_class"] in {"public", "internal", "confidential", "personal"}


@EACH
def test_the_sample_passes_its_own_check(package):
    path = recipes.FOLDER / package["sample"]
    assert path.stat().st_size <= 200_000
    with path.open("rb") as data:
        checked = recipes.get(package["recipe"]).check(data, path.name, package["params"])
    if package["price"]["per_unit_uy"]:  # what is paid by the unit is counted in the file
        assert 1 <= checked.size[package["unit_key"]] <= package["sizing_max"]
    assert checked.clean and len(checked.preview) > 1
    assert all(note.text for note in checked.notes)


@EACH
def test_the_example_result_is_in_the_shape_the_portal_shows(package):
    result = example(package)
    assert result["recipe"] == package["recipe"]
    assert all(count > 0 for count in result["units_done"].values())
    assert not package["price"]["per_unit_uy"] or package["unit_key"] in result["units_done"]
    columns = (result["table"] or {"columns": []})["columns"]
    for words in [
        result["headline"]["label"],
        *(each["label"] for each in [*result["stats"], *columns, *result["files"]]),
        *result["notes"],
    ]:
        assert words["en"] and words["zh"]
    assert len(result["stats"]) <= 6
    assert all(len(row) == len(columns) for row in (result["table"] or {"rows": []})["rows"])


@pytest.mark.parametrize("package", FORECASTS, ids=lambda package: package["code"])
def test_a_forecast_was_made_of_as_much_as_the_page_asks_for(package):
    """So that what the example took is what a run of the default size takes."""
    assert example(package)["units_done"] == {"series": package["sizing_default"]}
    manifest = recipes.get("forecast").manifest
    assert package["price"]["core_hours_limit_cms"] >= manifest.cores * manifest.wall_s * 1000
    assert package["value_zh"] and package["value_en"]
    assert len(package["columns_zh"]) == len(package["columns_en"])


@pytest.mark.parametrize("package", FORECASTS, ids=lambda package: package["code"])
def test_the_columns_of_the_trade_are_understood(package):
    """A customer who follows the words of the package, in either language, is not refused for the header."""
    for language in ("zh", "en"):
        names = package[f"columns_{language}"]
        rest = [*(["A"] * (len(names) - 2)), "1"]
        rows = [names, *([f"{2020 + k // 12}-{k % 12 + 1:02d}", *rest] for k in range(40))]
        data = io.BytesIO("\n".join(map(",".join, rows)).encode())
        checked = recipes.get("forecast").check(data, "a.csv", package["params"])
        assert checked.size["series"] == 1
        assert "column_chosen" not in {note.code for note in checked.notes}


def test_restaurants_pay_less_than_79_yuan_for_twenty_outlets():
    price = next(package["price"] for package in PACKAGES if package["code"] == "cat-fc")
    fixed_uy = price["base_uy"] + 20 * price["per_unit_uy"]
    assert 78_000_000 < fixed_uy + price["core_hours_limit_cms"] * 130_000 // 3_600_000 <= 79_000_000


def test_the_samples_are_made_by_the_committed_script(tmp_path):
    script = "import runpy, sys; sys.stdout.buffer.write(runpy.run_path(sys.argv[1])['sample'](sys.argv[2]))"
    for code in ("cat-fc", "ind-spare"):
        command = [sys.executable, "-c", script, str(recipes.FOLDER / "make_samples.py"), code]
        made = subprocess.run(command, capture_output=True, check=True, env=os.environ).stdout
        assert made == (recipes.FOLDER / "samples" / f"{code}.csv").read_bytes()


@pytest.mark.recipe
@pytest.mark.parametrize("code", ["cat-fc", "ret-fc"])
def test_the_example_result_is_what_the_program_gives(code, run_program):
    package = next(package for package in PACKAGES if package["code"] == code)
    path = recipes.FOLDER / package["sample"]
    with path.open("rb") as data:
        checked = recipes.get("forecast").check(data, path.name, package["params"])
    folder = run_program("forecast", checked.clean, package["params"])
    result = json.loads((folder / "out" / "result.json").read_text(encoding="utf-8"))
    assert result["headline"] == example(package)["headline"]
    assert result["stats"] == example(package)["stats"]
