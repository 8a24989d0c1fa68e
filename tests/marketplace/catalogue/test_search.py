import pytest

from marketplace.catalogue import search


def test_it_makes_overlapping_pairs_of_chinese():
    assert search.terms("销量预测") == ["销量", "量预", "预测"]


def test_it_keeps_a_single_character():
    assert search.terms("货") == ["货"]


def test_it_leaves_out_what_only_makes_a_question_polite():
    assert search.terms("我想知道明天备多少货") == search.terms("知道明天备货")
    assert search.terms("how much should I prepare?") == ["prepar"]


def test_it_reads_full_width_letters():
    assert search.terms("ＢＩＭ渲染") == ["bim", "渲染"]


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("plans", "plan"),
        ("planning", "plan"),
        ("planned", "plan"),
        ("routes", "rout"),
        ("routing", "rout"),
        ("deliveries", "delivery"),
        ("boxes", "box"),
        ("glass", "glass"),
        ("sales", "sal"),
        ("sale", "sal"),
        ("forecasting", "forecast"),
        ("cell", "cell"),
        ("cells", "cell"),
        ("gas", "gas"),
    ],
)
def test_it_finds_the_stem(word, stem):
    assert search.stem(word) == stem


@pytest.mark.parametrize(
    ("typed", "meant"), [("forcast", "forecast"), ("tomorow", "tomorrow"), ("delivary", "delivery")]
)
def test_it_corrects_a_slip_of_the_finger(typed, meant):
    assert search.corrected([typed], ["forecast", "tomorrow", "delivery", "hotel"]) == [meant]


def test_it_leaves_a_word_that_resembles_nothing():
    assert search.corrected(["zzzzzz"], ["forecast"]) == ["zzzzzz"]


def test_it_ranks_the_title_over_a_passing_word():
    ranked = search.ranked(["rout"], {"a": [("plan your routes", 1)], "b": [("Routes", 3)]})
    assert [key for key, _score in ranked] == ["b", "a"]


def test_it_leaves_out_what_only_shares_a_common_word():
    fields = {"hit": [("parcel volume forecast tomorrow depot", 3)]} | {
        f"x{i}": [("tomorrow", 1)] for i in range(9)
    }
    assert [key for key, _ in search.ranked(["parcel", "volum", "tomorrow"], fields)] == ["hit"]


def test_it_sorts_common_names_by_pinyin():
    names = ["餐饮", "运输", "备货", "酒店", "安全"]
    assert sorted(names, key=search.sort_key_zh) == ["安全", "备货", "餐饮", "酒店", "运输"]


def test_nearest_finds_names_that_share_characters():
    assert search.nearest("备料", {"a": "备货预测", "b": "路线"}) == ["a"]
    assert search.nearest("xyz", {"a": "备货"}) == []
