"""Lines and cells: what is wrong is named with its line in the customer's own file."""

import pytest

HEAD = "date,outlet,sold\n2026-11-20,A,1\n"


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("2026-11-21,A,-2", "negative", "sold"),
        ("2026-11-21,A,(2)", "negative", "sold"),
        ("2026-11-21,A,\N{MINUS SIGN}2", "negative", "sold"),
        ("2026-11-21,A,many", "not_a_number", "sold"),
        ("2026-11-21,A,nan", "not_a_number", "sold"),
        ("2026-11-21,A,1e400", "not_a_number", "sold"),
        ("2026-11-21,A,", "missing_value", "sold"),
        ("yesterday,A,2", "not_a_date", "date"),
        ("2026-02-30,A,2", "not_a_date", "date"),
        ("0026-11-21,A,2", "not_a_date", "date"),
        ("11/12/2026,A,2", "date_unclear", "date"),
        ("26-11-21,A,2", "date_unclear", "date"),
        ('2026-11-21,A,"=SUM(C1:C2)"', "formula", "sold"),
        ("=TODAY(),A,2", "formula", "date"),
        ("2026-11-21,=cmd|' /C calc'!A1,2", "formula", "outlet"),
        ("2026-11-21,@SUM(1),2", "formula", "outlet"),
        ("2026-11-21,+A1,2", "formula", "outlet"),
        ("2026-11-21,-A1,2", "formula", "outlet"),
        ("2026-11-21," + "n" * 200 + ",2", "long_text", "outlet"),
        ("2026-11-21,A\x7f,2", "control_character", "outlet"),
    ],
)
def test_it_names_the_line_and_the_column(refused, line, code, column):
    refusal = refused(f"{HEAD}{line}\n2026-11-22,A,3\n")
    assert (refusal.code, refusal.line, refusal.column) == (code, 3, column)


@pytest.mark.parametrize(
    ("line", "code"), [("2026-11-21,A,1,500", "extra_cells"), ("2026-11-21,A", "missing_cells")]
)
def test_it_names_the_line_with_too_many_or_too_few_cells(refused, line, code):
    refusal = refused(f"{HEAD}{line}\n2026-11-22,A,3\n")
    assert (refusal.code, refusal.line) == (code, 3)


def test_it_shows_the_lines_around_and_the_cell(refused):
    refusal = refused(f"{HEAD}2026-11-21,A,-2\n2026-11-22,A,3\n2026-11-23,A,4\n")
    assert refusal.excerpt.rows == (
        (2, ("2026-11-20", "A", "1")),
        (3, ("2026-11-21", "A", "-2")),
        (4, ("2026-11-22", "A", "3")),
    )
    assert (refusal.excerpt.line, refusal.excerpt.cell) == (3, 2)


def test_it_shows_the_header_when_the_first_line_is_wrong(refused):
    assert refused("date,sold\n2026-11-21,-2\n").excerpt.rows[0] == (1, ("date", "sold"))


def test_it_caps_the_excerpt(refused):
    names = ",".join(f"c{n}" for n in range(100))
    refusal = refused(f"date,{names},sold\n2026-11-21,{','.join(['w' * 90] * 100)},-2\n")
    cells = refusal.excerpt.rows[1][1]
    assert len(cells) <= 12 and max(map(len, cells)) <= 40
    assert cells[refusal.excerpt.cell] == "-2"


def test_it_counts_lines_as_the_customer_does(refused):
    text = 'date,outlet,sold\n\n2026-11-21,"two\nlines",1\n\n2026-11-22,A,-1\n'
    assert refused(text).line == 6


def test_a_quotation_mark_that_is_never_closed_is_named(refused):
    refusal = refused('date,outlet,sold\n2026-11-21,"A,1\n2026-11-22,B,1\n')
    assert (refusal.code, refusal.line) == ("open_quote", 2)


def test_it_leaves_out_lines_of_nothing_and_of_totals(read):
    rows, table = read("日期,门店,销量\n2026-11-21,武林,1\n,,\n2026-11-22,小计,9\n合计：,,10\n")
    assert [row[0] for row in rows] == [2]
    assert [(note.code, note.params) for note in table.notes()] == [("total_lines", {"count": 2})]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-11-21", "2026-11-21"),
        ("2026/11/1", "2026-11-01"),
        ("2026.11.21", "2026-11-21"),
        ("21.11.2026", "2026-11-21"),
        ("20261121", "2026-11-21"),
        ("2026年11月21日", "2026-11-21"),
        ("２０２６-11-21", "2026-11-21"),
        ("2026-11-21 18:05:33", "2026-11-21"),
        ("2026-11-21T18:05:33+08:00", "2026-11-21"),
        ("2026-11", "2026-11-01"),
        ("2026年11月", "2026-11-01"),
        ("202611", "2026-11-01"),
        ("46347", "2026-11-21"),
    ],
)
def test_it_reads_dates_as_people_write_them(read, written, day):
    assert read(f"date,sold\n{written},1\n")[0][0][1] == day


@pytest.mark.parametrize(
    ("written", "value", "note"),
    [
        ("148", 148.0, None),
        ("1.5", 1.5, None),
        ("0", 0.0, None),
        ("+5", 5.0, None),
        ("￥12.50", 12.5, None),
        ("１２", 12.0, None),
        ("1,234", 1234.0, "thousands"),
        ("1,234,567.8", 1234567.8, "thousands"),
        ("1 234", 1234.0, "thousands"),
        ("1.234,5", 1234.5, "thousands"),
        ("12,5", 12.5, "decimal_comma"),
    ],
)
def test_it_reads_numbers_as_people_write_them(read, written, value, note):
    rows, table = read(f'date,sold\n2026-11-21,"{written}"\n')
    assert rows[0][3] == value
    assert [n.code for n in table.notes()] == ([note] if note else [])


@pytest.mark.parametrize(
    ("staff", "code"), [("2.5", "not_whole"), ("0", "too_small"), ("12", "too_large_number")]
)
def test_it_keeps_a_column_within_its_bounds(refused, staff, code):
    refusal = refused(f"date,sold,staff\n2026-11-21,1,{staff}\n")
    assert (refusal.code, refusal.line, refusal.column) == (code, 2, "staff")


def test_an_optional_column_may_end_early(read):
    assert read("date,sold,staff\n2026-11-21,1\n")[0] == [(2, "2026-11-21", "", 1.0)]


def test_it_does_not_look_at_columns_it_does_not_need(read):
    assert read("date,sold,phone\n2026-11-21,1,+86 571 0000\n")[0][0][3] == 1.0
