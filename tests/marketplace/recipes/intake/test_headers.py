"""Finding the header: separators, titles above it, missing and doubled columns."""

import pytest
from django.utils.translation import override


def test_it_sniffs_the_separator_and_says_so(read):
    for mark, name in ((";", "semicolon"), ("\t", "tab"), ("|", "bar"), ("，", "chinese_comma")):
        rows, table = read(f"日期{mark}门店{mark}销量\n2026-11-21{mark}武林{mark}1\n")
        assert rows == [(2, "2026-11-21", "武林", 1.0)]
        assert [note.code for note in table.notes()] == [f"delimiter_{name}"]


def test_it_heeds_the_separator_excel_names_in_the_first_line(read):
    assert read("sep=;\ndate;sold\n2026-11-21;1\n")[0] == [(3, "2026-11-21", "", 1.0)]


def test_it_takes_a_comma_inside_quotation_marks_for_text(read):
    assert read('date,outlet,sold\n2026-11-21,"Wulin, north",1\n')[0][0][2] == "Wulin, north"


def test_it_reads_headers_in_any_order_case_width_and_with_units(read):
    rows, _ = read("ＳＯＬＤ (portions), Outlet ,note,DATE\n5,Wulin,x,2026-11-21\n")
    assert rows == [(2, "2026-11-21", "Wulin", 5.0)]


def test_it_leaves_out_titles_above_the_header(read):
    rows, table = read("门店销售日报,,\n\n制表：小王,,\n日期,门店,销量\n2026-11-21,武林,1\n")
    assert rows == [(5, "2026-11-21", "武林", 1.0)]
    assert [(note.code, note.params) for note in table.notes()] == [("title_lines", {"count": 2})]


def test_it_says_which_column_is_missing_and_which_were_found(refused):
    refusal = refused("date,outlet,weather\n2026-11-21,A,sunny\n")
    assert (refusal.code, refusal.line) == ("missing_column", 1)
    assert "“sold”" in refusal.says and "销量" not in refusal.says
    with override("zh-hans"):
        assert "“销量”" in refusal.says and "sold" not in refusal.says
    assert refusal.params["found"] == ["date", "outlet", "weather"]
    assert "weather" in refusal.says


def test_it_suggests_the_nearest_header(refused):
    refusal = refused("dates,outlet,sold\n2026-11-21,A,1\n")
    assert refusal.code == "missing_column_near"
    assert refusal.params["nearest"] == "dates"
    assert "“dates”" in refusal.what_to_do and "“date”" in refusal.what_to_do


def test_it_sees_that_there_is_no_header(refused):
    refusal = refused("2026-11-21,A,1\n2026-11-22,A,1\n")
    assert (refusal.code, refusal.line) == ("no_header", 1)
    assert "date, sold" in refusal.what_to_do


def test_it_refuses_a_doubled_header_it_needs(refused):
    refusal = refused("date,outlet,sold,Sold\n2026-11-21,A,1,2\n")
    assert (refusal.code, refusal.line, refusal.excerpt.cell) == ("duplicate_header", 1, 3)


def test_it_does_not_mind_a_doubled_header_it_does_not_need(read):
    assert read("date,sold,note,note\n2026-11-21,1,a,b\n")[0] == [(2, "2026-11-21", "", 1.0)]


def test_it_says_which_of_two_fitting_columns_it_took(read):
    rows, table = read("日期,销售额,销量\n2026-11-21,900,12\n")
    assert rows[0][3] == 12.0
    (note,) = table.notes()
    assert (note.code, note.params) == ("column_chosen", {"chosen": "销量", "left": "销售额"})


@pytest.mark.parametrize("content", ["date,sold\n", "date,sold"])
def test_a_header_alone_has_no_rows(read, content):
    assert read(content)[0] == []
