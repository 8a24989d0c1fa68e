"""Size classes by 工信部联企业〔2011〕300号, at and around the published thresholds."""

import pytest
from django.utils import translation

from portal.accounts.models import Industry, SizeClass
from portal.accounts.sizing import Check, classify, measures_of, standard, wan_words

# industry, employees, revenue, assets (10,000 CNY), class
VECTORS = [
    ("industry", 1000, 39999, 0, "medium"),
    ("industry", 1000, 40000, 0, "large"),
    ("industry", 299, 50000, 0, "small"),
    ("industry", 19, 50000, 0, "micro"),
    ("agriculture", 0, 500, 0, "medium"),
    ("agriculture", 0, 49, 0, "micro"),
    ("agriculture", 100_000, 20_000, 0, "large"),
    ("real_estate", 0, 150000, 9999, "medium"),
    ("real_estate", 0, 99, 500000, "micro"),
    ("property_management", 99, 9000, 0, "micro"),
    ("software_it", 10, 50, 0, "small"),
    ("leasing_business", 300, 0, 119999, "medium"),
    ("other", 100, 0, 0, "medium"),
    ("catering", 280, 900, 0, "small"),
    ("catering", 300, 10000, 0, "large"),
]


@pytest.mark.parametrize(("industry", "employees", "revenue", "assets", "expected"), VECTORS)
def test_it_classifies_by_the_official_thresholds(industry, employees, revenue, assets, expected):
    assert classify(industry, employees, revenue, assets).size_class == expected


def test_the_standard_covers_exactly_our_industries():
    assert set(standard()["industries"]) == set(Industry.values)


def test_every_class_reaches_at_least_what_the_class_below_reaches():
    for key, trade in standard()["industries"].items():
        bounds = trade["lower_bounds"]
        for measure in bounds["large"]:
            assert bounds["large"][measure] > bounds["medium"][measure] > bounds["small"][measure] > 0, key


@pytest.mark.parametrize("industry", Industry.values)
def test_a_number_is_of_its_class_and_one_less_is_not(industry):
    bounds = standard()["industries"][industry]["lower_bounds"]
    for level in ("large", "medium", "small"):
        at = {"employees": 0, "revenue_wan": 0, "assets_wan": 0, **bounds[level]}
        assert classify(industry, *at.values()).size_class == level
        for measure in bounds[level]:
            below = {**at, measure: at[measure] - 1}
            assert classify(industry, *below.values()).size_class != level


def test_it_shows_which_lines_of_the_rule_are_met():
    result = classify("catering", 280, 900, 0)
    assert [(line.size_class, line.met) for line in result.lines] == [
        ("large", False),
        ("medium", False),
        ("small", True),
    ]
    medium = result.lines[1]
    assert medium.checks == (Check("employees", 100, 280), Check("revenue_wan", 2000, 900))
    assert [check.met for check in medium.checks] == [True, False]
    assert result.is_sme


def test_a_large_company_is_no_sme():
    assert not classify("catering", 300, 10000, 0).is_sme


def test_the_rule_is_written_in_both_languages():
    check = classify("catering", 280, 900, 0).lines[1].checks[1]
    with translation.override("en"):
        assert check.text == "CNY 20,000,000 of revenue or more"
    with translation.override("zh-hans"):
        assert wan_words(2000) == "2,000 万元"


def test_what_the_rule_of_a_trade_does_not_count_need_not_be_known():
    assert measures_of("catering") == ("employees", "revenue_wan")
    assert measures_of("leasing_business") == ("employees", "assets_wan")
    assert classify("catering", 280, 900).size_class == "small"
    assert measures_of("banking") == ()


def test_what_it_counts_must_be_known():
    with pytest.raises(ValueError, match="assets_wan"):
        classify("construction", 10, 900)


def test_an_unknown_trade_is_an_error():
    with pytest.raises(KeyError):
        classify("banking", 1, 1, 1)


def test_classes_have_names():
    assert {line.size_class for line in classify("other", 1, 1, 1).lines} | {"micro"} == set(SizeClass.values)
