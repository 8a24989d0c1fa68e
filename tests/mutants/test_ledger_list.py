"""The list of seeded bugs stays one that can be tried."""

import pytest

from tests.mutants.run import ROOT, Mutant, mutants


def test_there_are_forty_and_more_of_different_names():
    names = [mutant.name for mutant in mutants()]
    assert len(names) == len(set(names)) >= 40


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_its_line_still_stands_where_it_says(mutant, tmp_path):
    copy = tmp_path / mutant.path
    copy.parent.mkdir(parents=True)
    copy.write_bytes((ROOT / mutant.path).read_bytes())
    before = mutant.put_into(tmp_path)
    assert copy.read_text(encoding="utf-8") != before


def test_a_line_that_went_away_is_an_error(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    with pytest.raises(ValueError, match="place 1 of 'x = 2'"):
        Mutant("n", "a.py", 1, "x = 2", "x = 3").put_into(tmp_path)
