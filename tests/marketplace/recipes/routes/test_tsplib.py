"""TSPLIB files are read as they are published."""

from __future__ import annotations

import pytest

from marketplace.recipes.base import InputRefused


def test_it_reads_berlin52(check, berlin52):
    checked = check(berlin52, "berlin52.tsp")
    assert checked.size["stops"] == 51
    assert checked.clean.decode().splitlines()[1] == "1,1,565.0,575.0,0,00:00,24:00,0"
    assert [note.code for note in checked.notes] == ["routes_tsplib"]


def test_it_is_known_by_its_content_too(check, berlin52):
    assert check(berlin52, "berlin52.txt").size["stops"] == 51


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("EUC_2D", "GEO", "routes_tsplib_kind", 4),
        ("TYPE: TSP", "TYPE: ATSP", "routes_tsplib_kind", 2),
        ("2 25.0 185.0", "2 25.0", "routes_tsplib_line", 7),
        ("2 25.0 185.0", "2 25.0 nan", "routes_tsplib_line", 7),
        ("52 1740.0 245.0\n", "", "routes_tsplib_count", None),
    ],
)
def test_other_kinds_and_broken_files_are_refused(check, berlin52, old, new, code, line):
    assert old in berlin52
    with pytest.raises(InputRefused) as caught:
        check(berlin52.replace(old, new, 1), "berlin52.tsp")
    assert (caught.value.code, caught.value.line) == (code, line)
    assert "%(" not in caught.value.says
