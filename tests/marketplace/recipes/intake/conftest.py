import io

import pytest

from marketplace.recipes import intake
from marketplace.recipes.base import Column, InputRefused, Manifest

SALES = Manifest(
    key="sales",
    title="Sales",
    accepts=(".csv", ".txt"),
    columns=(
        Column(key="date", names=("date", "日期"), kind="date"),
        Column(key="series", names=("outlet", "门店"), kind="text", required=False),
        Column(key="value", names=("sold", "销量", "销售额"), kind="number", minimum=0),
        Column(key="staff", names=("staff",), kind="integer", required=False, minimum=1, maximum=9),
    ),
    steps=(),
    cores=1,
    memory_mb=1,
    wall_s=1,
    max_bytes=2_000_000,
    min_rows=1,
    packages=(),
)


@pytest.fixture
def read():
    """(bytes or text, filename) -> (rows of (line, date, outlet, sold), table), all of it read."""

    def read(content, filename="sales.csv"):
        data = io.BytesIO(content if isinstance(content, bytes) else content.encode())
        table = intake.open_table(data, filename, SALES)
        rows = []
        for row in table:
            staff = row.number("staff") if row.raw("staff") else None
            rows.append((row.line, row.date("date").day.isoformat(), row.text("series"), row.number("value")))
            assert staff is None or staff == int(staff)
        return rows, table

    return read


@pytest.fixture
def refused(read):
    """Like read, for what must be refused: the refusal, whose words exist in full."""

    def refused(content, filename="sales.csv"):
        with pytest.raises(InputRefused) as caught:
            read(content, filename)
        refusal = caught.value
        assert refusal.says and refusal.what_to_do and "%(" not in refusal.says + refusal.what_to_do
        return refusal

    return refused
