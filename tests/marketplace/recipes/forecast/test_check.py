"""The check of a sales file: what it adds up, what it fills, what it refuses before anything is charged."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.utils.translation import override

from marketplace import recipes
from marketplace.recipes.base import InputRefused

FIRST = date(2026, 1, 1)
LAST = date(2026, 3, 1).toordinal()  # of sixty days


def days(count, *, outlets=("Wulin",), value=lambda day, _: 10 + day % 7, step=1, header="date,outlet,sold"):
    lines = [header]
    for day in range(0, count * step, step):
        lines += [f"{FIRST + timedelta(days=day)},{outlet},{value(day, outlet)}" for outlet in outlets]
    return lines


def months(count):
    return ["month,sold", *(f"{2020 + k // 12}-{k % 12 + 1:02d},{100 + k}" for k in range(count))]


def check(lines, **params):
    return recipes.get("forecast").check(io.BytesIO("\n".join(lines).encode()), "sales.csv", params)


def refused(lines, **params):
    with pytest.raises(InputRefused) as caught:
        check(lines, **params)
    assert "%(" not in caught.value.says + caught.value.what_to_do
    return caught.value


def clean(checked):
    return list(csv.DictReader(io.StringIO(checked.clean.decode())))


def test_it_tells_the_plain_sizes():
    checked = check(days(60, outlets=("Wulin", "Hubin")))
    assert checked.size == {"series": 2, "lines": 120, "periods": 60, "items": 0, "gaps": 0, "last_ordinal": LAST}
    assert checked.notes == ()
    assert checked.preview[0] == ("date", "outlet", "sold")
    assert len(checked.preview) == 6


def test_it_adds_up_several_dishes_of_one_outlet_and_day():
    lines = [*days(60), "2026-01-01,Wulin,5"]
    checked = check(lines)
    assert clean(checked)[0] == {"date": "2026-01-01", "series": "Wulin", "item": "", "value": "15"}
    assert [(n.code, n.params) for n in checked.notes] == [("summed", {"count": 1})]


def test_it_keeps_the_dishes_apart_when_there_is_a_column_for_them():
    lines = ["日期,门店,菜品,份数"]
    for day in range(60):
        lines += [f"{FIRST + timedelta(days=day)},武林,{dish},{n}" for dish, n in (("面", 7), ("馄饨", 3))]
    checked = check(lines)
    assert checked.size["series"] == 1 and checked.size["items"] == 2
    assert [row["item"] for row in clean(checked)[:2]] == ["面", "馄饨"]


def test_a_file_without_outlets_is_one_series_and_it_is_said_as_something_taken_for_granted():
    checked = check(months(40), series_names=["outlet", "restaurant", "门店"])
    assert checked.size["series"] == 1
    note = checked.notes[0]
    assert note.is_assumed and "no column “outlet”, so all lines are added up to one" in note.text
    with override("zh-hans"):
        assert "没有“门店”这一列" in note.text
    assert "one_series" not in [note.code for note in check(days(60)).notes]


def test_it_takes_the_articles_for_series_when_there_are_no_outlets():
    lines = days(60, outlets=("A-01", "A-02"), header="date,sku,qty")
    assert check(lines).size == {"series": 2, "lines": 120, "periods": 60, "items": 0, "gaps": 0, "last_ordinal": LAST}


def test_the_trade_says_which_column_its_series_are_in():
    lines = ["date,warehouse,part,qty"]
    lines += [f"{FIRST + timedelta(days=day)},North,P{n},1" for day in range(60) for n in range(3)]
    assert check(lines).size["series"] == 1
    assert check(lines, series_names=["part"]).size["series"] == 3


def test_it_says_how_many_days_have_no_line():
    lines = days(60)
    checked = check([*lines[:10], *lines[13:]])
    assert checked.size["gaps"] == 3
    assert [(n.code, n.params) for n in checked.notes] == [("gaps_days", {"count": 3})]


def test_one_date_in_each_month_is_a_month():
    lines = ["date,sold", *(f"{2020 + k // 12}-{k % 12 + 1:02d}-28,{k + 1}" for k in range(40))]
    checked = check(lines)
    assert clean(checked)[0]["date"] == "2020-01"
    assert [n.code for n in checked.notes] == ["one_series", "months_from_days"]


def test_lines_without_a_number_are_left_out():
    checked = check([*days(60), "2026-03-02,Wulin,"])
    assert checked.size["lines"] == 60
    assert [(n.code, n.params) for n in checked.notes] == [("blank_values", {"count": 1})]


def read_as(checked):
    return [note.params["column"] for note in checked.notes if note.code == "column_read"]


def test_the_only_column_of_numbers_is_taken_and_it_is_said():
    lines = days(60, header="日期,门店,开台数")
    checked = check(lines)
    assert [row["value"] for row in clean(checked)[:3]] == ["10", "11", "12"]
    assert read_as(checked) == ["开台数"]
    with override("zh-hans"):
        assert checked.notes[0].text == "把“开台数”这一列当作要预测的数量。"


@pytest.mark.parametrize(
    "other", ["门店编号", "Store ID", "storeid", "联系电话", "客单价", "price", "unit_price", "星期", "单号"]
)
def test_an_identifier_or_a_price_is_no_quantity(other):
    lines = [f"date,{other},开台数", *(f"{FIRST + timedelta(days=day)},{100 + day % 3},{day}" for day in range(60))]
    assert read_as(check(lines)) == ["开台数"]
    alone = [line.rsplit(",", 1)[0] for line in lines]
    assert refused(alone).code.startswith("missing_column")


@pytest.mark.parametrize("cell", ["007", "20260101"])
def test_numbers_with_zeros_in_front_and_days_are_no_quantity(cell):
    lines = ["date,branch,which,tables", *(f"{FIRST + timedelta(days=day)},A,{cell},{day}" for day in range(60))]
    assert read_as(check(lines)) == ["tables"]


def test_where_more_than_one_might_be_meant_it_asks_and_names_them():
    lines = ["date,branch,tables,开台数", *(f"{FIRST + timedelta(days=day)},A,{day},{day}" for day in range(60))]
    refusal = refused(lines)
    assert (refusal.code, refusal.params["found"]) == ("missing_column_several", ["tables", "开台数"])
    assert "tables, 开台数" in refusal.says and "“sold”" in refusal.what_to_do
    with override("zh-hans"):
        assert "tables、开台数" in refusal.says and "“销量”" in refusal.what_to_do


def test_a_column_of_words_is_no_quantity():
    lines = ["date,branch,weather", *(f"{FIRST + timedelta(days=day)},A,sunny" for day in range(60))]
    assert refused(lines).code == "missing_column"


@pytest.mark.parametrize("word", ["客单数", "客流", "客数", "订单数", "单量", "出餐数", "orders", "covers", "guests"])
def test_what_counts_in_its_own_word_is_known_and_said(word):
    lines = [f"营业日期,门店,{word},tables", *(f"{FIRST + timedelta(days=day)},A,{day},7" for day in range(60))]
    checked = check(lines)
    assert read_as(checked) == [word]
    assert clean(checked)[-1]["value"] == "59"


def test_what_counts_in_the_words_of_the_package_needs_no_saying():
    assert read_as(check(days(60))) == []
    assert read_as(check(days(60, header="date,outlet,orders"), value_names=["orders"])) == []


@pytest.mark.parametrize(
    ("word", "is_money"),
    [("销售额", True), ("实收金额", True), ("revenue", True), ("Sales amount", True), ("营业额（元）", True),
     ("客单数", False), ("orders", False)],
)  # fmt: skip
def test_money_is_said_to_be_money_and_no_portions(word, is_money):
    notes = check(days(60, header=f"date,outlet,{word}")).notes
    assert [n.params["column"] for n in notes if n.code == "money_column"] == [word] * is_money
    assert all(n.is_assumed for n in notes)


def test_ten_rows_are_too_few_and_it_says_how_many_are_needed():
    refusal = refused(days(10))
    assert (refusal.code, refusal.params["has"], refusal.params["needed"]) == ("too_few_days", 10, 56)
    assert "56" in refusal.says
    refusal = refused(months(10))
    assert (refusal.code, refusal.params["needed"]) == ("too_few_months", 36)


def test_a_header_without_lines_is_refused():
    assert refused(["date,outlet,sold"]).code == "no_lines"


def test_weeks_are_refused():
    assert refused(days(60, step=7)).code == "not_daily"


def test_days_and_months_in_one_file_are_refused_at_the_line():
    refusal = refused([*days(60), "2026-03,Wulin,1"])
    assert (refusal.code, refusal.line, refusal.column) == ("mixed_periods", 62, "date")


def test_a_mistyped_year_is_refused():
    lines = days(2000)
    assert refused([*lines, "1996-01-01,Wulin,1"]).code in {"too_long_ago", "not_daily"}


def test_a_negative_number_is_refused_at_its_line():
    lines = days(60)
    lines[17] = "2026-01-17,Wulin,-4"
    refusal = refused(lines)
    assert (refusal.code, refusal.line, refusal.column) == ("negative", 18, "sold")


def test_a_line_without_its_outlet_is_refused():
    lines = days(60)
    lines[5] = "2026-01-05,,4"
    assert (refused(lines).code, refused(lines).line) == ("missing_value", 6)


def test_nothing_but_zeros_is_refused():
    assert refused(days(60, value=lambda day, outlet: 0)).code == "nothing_sold"


def test_too_many_series_are_refused():
    lines = ["date,sku,qty", *(f"2026-01-01,A{n},1" for n in range(2001))]
    assert refused(lines).code == "too_many_series"
