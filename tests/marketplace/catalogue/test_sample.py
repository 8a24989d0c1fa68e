"""The sample to take home: its header in the reader's language, its lines and what comes of them the same."""

import io

import pytest
from django.utils.translation import override

from marketplace import recipes
from marketplace.catalogue import sample
from marketplace.catalogue.models import Package
from marketplace.catalogue.reference import package_files

FILES = [row for row in package_files() if row["sample"].endswith(".csv")]


def package_of(row):
    return Package(sample=row["sample"], columns_zh=row["columns_zh"], columns_en=row["columns_en"])


@pytest.mark.parametrize("row", FILES, ids=lambda row: row["code"])
def test_it_speaks_both_languages_and_means_the_same(row):
    recipe, cleans = recipes.get(row["recipe"]), set()
    for language, columns in (("en", row["columns_en"]), ("zh-hans", row["columns_zh"])):
        with override(language):
            found = sample.of(package_of(row))
        assert list(found.rows[0]) == columns
        assert found.content.decode("utf-8-sig").split("\n")[0] == ",".join(columns)
        cleans.add(recipe.check(io.BytesIO(found.content), found.name, row["params"]).clean)
    with (recipes.FOLDER / row["sample"]).open("rb") as file:
        cleans.add(recipe.check(file, "sample.csv", row["params"]).clean)
    assert len(cleans) == 1


def test_excel_is_told_where_there_is_chinese_and_only_there():
    row = next(row for row in FILES if row["code"] == "cat-fc")
    with override("zh-hans"):
        assert sample.of(package_of(row)).content.startswith("\ufeff日期,门店,份数\n".encode())
    with override("en"):
        assert sample.of(package_of(row)).content.startswith(b"date,outlet,sold\n")


def test_a_sample_that_is_no_table_stays_as_it_is():
    path = "script/sample/spare_part_stock.py"
    found = sample.of(Package(sample=path, columns_en=["date"]))
    assert found.content == (recipes.FOLDER / path).read_bytes()
    assert found.rows[0] == (found.content.decode().split("\n")[0],)
