"""What is read from a customer's list, and what is refused with its line."""

from __future__ import annotations

import csv
import io

import pytest
from django.utils import translation

from marketplace import recipes
from marketplace.recipes.base import InputRefused
from marketplace.recipes.routes.stops import parse_clock

HEAD = "name,lat,lon,boxes,opens,closes,service_min\n"
DEPOT = "仓库,30.35,120.27,,06:00,19:00,\n"
TOWN = HEAD + DEPOT + "甲店,30.28,120.16,5,,,8\n乙店,30.29,120.20,7,09:00,12:00,\n丙店,30.31,120.12,4,,,10\n"


def rows(checked) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(checked.clean.decode())))


def refused(check, text, code, line=None, filename="stops.csv", **params) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        check(text, filename, **params)
    refusal = caught.value
    assert refusal.code == code, str(refusal)
    assert refusal.line == line
    assert "%(" not in refusal.says + refusal.what_to_do
    return refusal


def test_it_reads_a_list_and_takes_the_first_line_as_depot(check):
    checked = check(TOWN, capacity=10, service_min=6)
    assert checked.size == {"stops": 3, "lines": 4, "vehicles_least": 2}
    assert [note.code for note in checked.notes] == ["routes_depot_first"]
    assert rows(checked)[0] == {
        "name": "仓库", "unit": "deg", "x": "120.27", "y": "30.35", "demand": "0", "opens": "06:00",
        "closes": "19:00", "service_min": "0",
    }  # fmt: skip
    assert rows(checked)[2] == {
        "name": "乙店", "unit": "deg", "x": "120.2", "y": "30.29", "demand": "7", "opens": "09:00",
        "closes": "12:00", "service_min": "6",
    }  # fmt: skip
    assert checked.preview[0][:3] == ("name", "lat", "lon")


def test_a_marked_depot_comes_first_wherever_it_stands(check):
    checked = check("名称,纬度,经度,仓库\n甲,30.28,120.16,\n乙,30.29,120.2,\n总仓,30.35,120.27,是\n")
    assert [row["name"] for row in rows(checked)] == ["总仓", "甲", "乙"]
    assert [note.code for note in checked.notes] == ["routes_no_demand"]


def test_two_depots_are_refused_with_the_line_of_the_second(check):
    text = "名称,纬度,经度,仓库\n甲,30.28,120.16,是\n乙,30.29,120.2,\n总仓,30.35,120.27,1\n"
    assert refused(check, text, "routes_two_depots", 4).params["first_line"] == 2


def test_it_reads_metres_and_kilometres(check):
    text = "name,x,y\ndepot,0,0\na,3,4\nb,6,8\n"
    assert rows(check(text))[1]["x"] == "3.0"
    assert rows(check(text, xy_unit="km"))[1]["x"] == "3000.0"
    assert {row["unit"] for row in rows(check(text))} == {"m"}


def test_it_reads_a_place_copied_from_a_map_in_one_cell(check):
    checked = check('名称,坐标\n仓,"120.27,30.35"\n甲,"120.16, 30.28"\n乙,"30.29,120.2"\n')
    assert [(row["x"], row["y"]) for row in rows(checked)[1:]] == [("120.16", "30.28"), ("120.2", "30.29")]


def test_it_reads_gbk_semicolons_and_one_column_windows(check):
    text = (
        "客户;纬度;经度;箱数;收货时间\n仓;30.35;120.27;;\n甲;30.28;120.16;3;8:30－11点\n乙;30.29;120.2;4;\n"
    )
    checked = check(text.encode("gb18030"))
    assert rows(checked)[1]["opens"] == "08:30"
    assert rows(checked)[1]["closes"] == "11:00"
    assert {"from_gb18030", "delimiter_semicolon"} <= {note.code for note in checked.notes}


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *[(text, 510) for text in ("8:30", "08:30:00", "8点30分", "0830", "0.354166", "８：３０")],
        *[("8点", 480), ("8", 480), ("24:00", 1440)],
        *[(text, None) for text in ("25:00", "8:75", "noon", "")],
    ],
)
def test_times_of_day(text, minutes):
    assert parse_clock(text) == minutes


def test_a_stop_without_a_quantity_carries_nothing_and_is_noted(check):
    checked = check(HEAD + DEPOT + "甲店,30.28,120.16,,,,\n乙店,30.29,120.20,7,,,\n")
    assert rows(checked)[1]["demand"] == "0"
    assert ("routes_blank_demand", {"count": 1}) in [(note.code, note.params) for note in checked.notes]
    assert all(note.text for note in checked.notes)


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("甲店,30.28,,5,,,", "missing_value", "lon"),
        (",30.28,120.16,5,,,", "missing_value", "name"),
        ("甲店,here,120.16,5,,,", "not_a_number", "lat"),
        ("甲店,30.28,120.16,-5,,,", "negative", "boxes"),
        ("甲店,30.28,120.16,=1+1,,,", "formula", "boxes"),
        ("=cmd(),30.28,120.16,5,,,", "formula", "name"),
        ("甲店,120.16,30.28,5,,,", "routes_swapped", "lat"),
        ("甲店,0,0,5,,,", "routes_no_such_place", "lat"),
        ("甲店,30.28,120.16,5,early,,", "routes_clock", "opens"),
        ("甲店,30.28,120.16,5,,late,", "routes_clock", "closes"),
        ("甲店,30.28,120.16,5,12:00,09:00,", "routes_backwards", "opens"),
        ("甲店,30.28,120.16,5,,,2000", "too_large_number", "service_min"),
    ],
)
def test_a_faulty_cell_is_refused_with_its_line_and_column(check, line, code, column):
    text = HEAD + DEPOT + "乙店,30.29,120.20,7,,,\n" + line + "\n"
    refusal = refused(check, text, code, 4)
    assert refusal.column == column
    assert refusal.excerpt is not None
    assert refusal.excerpt.line == 4


def test_a_list_without_places_says_what_to_add(check):
    refusal = refused(check, "name,boxes\na,1\nb,2\nc,3\n", "routes_no_places", 1)
    assert "lat" in refusal.what_to_do


def test_two_lines_are_no_round(check):
    refused(check, "name,x,y\ndepot,0,0\na,3,4\n", "routes_too_few")


def test_more_than_2000_stops_are_refused(check):
    text = "name,x,y\n" + "".join(f"s{n},{n},{n}\n" for n in range(2003))
    refused(check, text, "routes_too_many", 2003)


def test_more_stops_than_bought_are_refused(check):
    assert refused(check, TOWN, "routes_stops_bought", stops=2).params == {"found": 3, "bought": 2}


@pytest.mark.parametrize("data", [b"\x89PNG\r\n", b"PK\x03\x04" + bytes(60), b"", b"\x00\x01\x02"])
def test_a_picture_an_archive_and_nothing_are_refused(check, data):
    with pytest.raises(InputRefused):
        check(data)


def test_a_file_over_two_megabytes_is_refused(check):
    refused(check, TOWN + "x,30,120,1,,,\n" * 200_000, "too_large")


@pytest.mark.parametrize(
    ("key", "value"),
    [("vehicles", 0), ("vehicles", 2.5), ("capacity", -1), ("speed_kmh", "fast"), ("shift_hours", 30)],
)
def test_a_setting_out_of_bounds_is_refused(check, key, value):
    refused(check, TOWN, f"routes_setting_{key}", **{key: value})


def test_every_refusal_and_note_has_words_in_both_parts():
    from marketplace.recipes.routes import words

    with translation.override("en"):
        for says, what_to_do in words.REFUSALS.values():
            assert str(says).endswith(".")
            assert str(what_to_do)
    assert recipes.get("routes").manifest.key == "routes"
