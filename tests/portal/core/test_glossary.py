"""The glossary says what pages say: its words are those of the catalogue."""

import re
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| ([^|]*`[^|]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = [tuple(cell.strip() for cell in row) for row in ROW.findall((ROOT / "docs/glossary.md").read_text("utf-8"))]


@pytest.fixture(scope="module")
def catalogue() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for entry in polib.pofile(str(ROOT / "locale/zh_Hans/LC_MESSAGES/django.po")):
        found.setdefault(entry.msgid, set()).add(entry.msgstr)
    return found


def test_it_has_the_terms_that_pages_avoid():
    code = " ".join(row[0] for row in ROWS)
    assert all(f"`{term}`" in code for term in ("hold", "settle", "claims", "lease", "journal"))


@pytest.mark.parametrize(("term", "english", "chinese", "what"), ROWS)
def test_its_words_are_those_of_the_pages(catalogue, term, english, chinese, what):
    assert chinese in catalogue.get(english, set())
