"""Whatever is dropped in: a table, or a refusal with words. Never another exception."""

import io

from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketplace.recipes import intake
from marketplace.recipes.base import InputRefused
from marketplace.recipes.forecast.manifest import MANIFEST
from marketplace.recipes.intake import is_formula

CELL = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["2026-11-21", "46347", "1,234", "-1", "=A1", "A", "", '"', "合计", "1e9", "²", "\x00"]),
)
TABLE = st.lists(st.lists(CELL, max_size=5).map(",".join), max_size=6).map(
    lambda lines: "\n".join(["date,outlet,sold", *lines]).encode(errors="ignore")
)
CHINESE = TABLE.map(lambda data: data.decode().encode("gb18030", errors="ignore"))


@given(st.one_of(st.binary(max_size=400), TABLE, CHINESE))
@example(b"\xff\xfe\x00")
@example(b"sep=")
@example(b"sep=\xef\xbb\xbf")
@example(b"date,sold\n2026-11-21,--1")
@settings(max_examples=300, deadline=None)
def test_it_reads_or_refuses(content):
    try:
        table = intake.open_table(io.BytesIO(content), "sales.csv", MANIFEST)
        for row in table:
            row.date("date")
            assert row.number("value") >= 0
            assert not is_formula(row.text("series"))
        assert all(note.text for note in table.notes())
    except InputRefused as refusal:
        assert refusal.says and refusal.what_to_do
        if refusal.excerpt:
            assert len(refusal.excerpt.rows) <= 3
            assert all(len(cell) <= 40 for _, cells in refusal.excerpt.rows for cell in cells)
