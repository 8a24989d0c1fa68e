import json
from statistics import median

import pytest
from django.core.management import call_command

from marketplace.catalogue import reference
from marketplace.catalogue.models import IndexPrice, Package, Region, ResourceClass
from portal.accounts.models import Industry
from tests.marketplace.catalogue.goods import make_package


def classes():
    return json.loads((reference.DATA / "classes.json").read_text(encoding="utf-8"))


def packages():
    return json.loads((reference.DATA / "packages.json").read_text(encoding="utf-8"))["packages"]


def test_every_index_is_the_median_of_its_quotes_without_carrier_lists():
    quotes = {
        row["key"]: [q["price_uy"] for q in row["quotes"] if q["kind"] != "carrier_list"]
        for row in classes()["classes"]
    }
    quotes["a100_80g"] = quotes["a800_80g"] = quotes["a100_80g"] + quotes["a800_80g"]  # one reference class
    for row in classes()["classes"]:
        if not quotes[row["key"]]:
            assert row["index_price_uy"] is None, row["key"]
        else:
            assert abs(row["index_price_uy"] - median(quotes[row["key"]])) <= 5_000, row[
                "key"
            ]  # shown to a fen


def test_every_quote_and_specification_names_its_source():
    for row in classes()["classes"]:
        assert row["spec"]["source"] and row["spec"]["confidence"], row["key"]
        assert all(quote["source"] and quote["price_uy"] > 0 for quote in row["quotes"]), row["key"]


def test_all_47_packages_speak_both_languages():
    rows = packages()
    assert len({row["code"] for row in rows}) == len(rows) == 47
    for row in rows:
        assert all(
            row[f"{field}_{lang}"] for field in ("name", "outcome", "unit", "firm") for lang in ("zh", "en")
        ), row
        assert any(word.isascii() for word in row["words"]) and any(
            not word.isascii() for word in row["words"]
        ), row
        assert 0 < row["reference_price_low_uy"] < row["reference_price_high_uy"]


def test_all_15_industries_have_packages_and_words():
    assert {row["industry"] for row in packages()} == {*Industry.values}
    assert set(reference.industry_words()) == {*Industry.values}


@pytest.mark.django_db
def test_it_loads_everything_and_a_second_time_changes_nothing(capsys):
    first = reference.load()
    assert Region.objects.count() == 15
    assert ResourceClass.objects.count() == len(classes()["classes"]) == 21
    assert list(ResourceClass.objects.filter(is_sellable=True).values_list("asset", flat=True)) == ["CH:CPU"]
    assert IndexPrice.objects.get(resource_class__key="cpu").price_uy == 90_000
    assert Package.objects.count() >= 47
    assert f"+ package {packages()[0]['code']}" in first
    call_command("load_reference")
    assert capsys.readouterr().out == "0 changed\n"


@pytest.mark.django_db
def test_it_says_which_field_it_changed():
    reference.load()
    Region.objects.filter(key="zhejiang").update(name_en="Chekiang")
    assert reference.load() == ["~ region zhejiang: name_en"]


@pytest.mark.django_db
def test_it_does_not_touch_what_was_measured():
    reference.load()
    Package.objects.filter(code="cat-fc").update(expected_cms=1234)
    assert reference.load() == []
    assert Package.objects.get(code="cat-fc").expected_cms == 1234


@pytest.mark.django_db
def test_what_no_longer_runs_is_no_longer_sold():
    make_package("old-one")
    said = reference.load()
    assert "- package old-one: no longer runs" in said, said
    assert not Package.objects.get(code="old-one").is_runnable
