"""What no vehicle could serve is refused before anything is charged, naming the stop and its line."""

from __future__ import annotations

import ast

import pytest

from marketplace import recipes
from marketplace.recipes.base import InputRefused
from marketplace.recipes.routes import limits

HEAD = "name,x,y,boxes,opens,closes,service_min\n"


def town(*lines: str, depot: str = "仓库,0,0,,07:00,19:00,") -> str:
    return HEAD + depot + "\n" + "近店,1000,0,5,,,10\n" + "".join(line + "\n" for line in lines)


def refused(check, text, code, line, **params) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        check(text, **params)
    assert (caught.value.code, caught.value.line) == (code, line)
    assert "%(" not in caught.value.says + caught.value.what_to_do
    return caught.value


def test_a_stop_heavier_than_a_vehicle(check):
    refusal = refused(check, town("大店,2000,0,61,,,10"), "routes_too_heavy", 4, capacity=60)
    assert refusal.params == {"name": "大店", "demand": "61", "capacity": "60"}
    assert "大店" in refusal.says


def test_exactly_full_is_not_too_heavy(check):
    assert check(town("大店,2000,0,60,,,10"), capacity=60).size["vehicles_least"] == 2


def test_more_goods_than_the_fleet_carries(check):
    refusal = refused(
        check, town("甲,2000,0,55,,,", "乙,0,900,50,,,"), "routes_over_fleet", None, capacity=55, vehicles=1
    )
    assert refusal.params == {"total": "110", "room": "55", "vehicles": 1, "capacity": "55", "least": 2}


def test_without_quantities_every_stop_counts_as_one(check):
    text = "name,x,y\n仓,0,0\n" + "".join(f"s{n},{n},1\n" for n in range(1, 8))
    assert check(text, capacity=3).size["vehicles_least"] == 3
    refused(check, text, "routes_over_fleet", None, capacity=3, vehicles=2)


def test_a_window_that_closes_before_anybody_is_there(check):
    # 30 km at 30 km/h from 07:00: 08:00 on arrival
    assert check(town("远店,30000,0,5,,08:00,10"))
    refusal = refused(check, town("远店,30000,0,5,,07:59,10"), "routes_unreachable", 4)
    assert refusal.params["arrives"] == "08:00"


def test_a_window_after_which_nobody_is_back_in_time(check):
    assert check(town("晚店,15000,0,5,18:00,19:00,30"))
    refusal = refused(check, town("晚店,15000,0,5,18:01,19:00,30"), "routes_back_late", 4)
    assert refusal.params["back"] == "19:01"


def test_a_stop_that_alone_takes_longer_than_a_round(check):
    assert check(town("远店,105000,0,5,,,60"))
    refused(check, town("远店,106000,0,5,,,60"), "routes_too_long", 4)
    assert check(town("远店,106000,0,5,,,60"), shift_hours=9)


def test_a_stop_in_another_country_is_a_wrong_digit(check):
    text = "name,lat,lon\n仓库,30.35,120.27\n甲,30.28,120.16\n乙,3.029,120.20\n"
    refused(check, text, "routes_far", 4)


def test_refused_means_nothing_was_made_ready(check):
    with pytest.raises(InputRefused):
        check(town("大店,2000,0,61,,,10"), capacity=60)


def test_the_check_measures_as_the_program_does():
    tree = ast.parse(recipes.get("routes").program.read_text(encoding="utf-8"))
    told = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        and isinstance(node.targets[0], ast.Name)
    }  # fmt: skip
    assert (told["DETOUR"], told["EARTH_M"]) == (limits.DETOUR, limits.EARTH_M)
