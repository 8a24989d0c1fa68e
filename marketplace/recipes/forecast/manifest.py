"""Demand forecast: what it takes, and the check of the customer's file.

params read here: `series_names` and `value_names`, the headers of this trade, tried before the general ones.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain
from typing import BinaryIO

from django.utils.translation import gettext_lazy as _

from marketplace.recipes.base import Checked, Column, InputRefused, Manifest, Note, Params, Step
from marketplace.recipes.intake import Row, Table, normal, open_table
from marketplace.recipes.intake.header import NAME_CHARS, called

MIN_DAYS = 56  # eight weeks: two to hold back, six to learn from
MIN_MONTHS = 36  # three years: half a year to hold back, two seasons and a bit to learn from
MAX_DAYS = 366 * 15
MAX_SERIES = 2_000
MAX_CELLS = 1_000_000  # different (day, series, item) after summing
PREVIEW_LINES = 5

# headers of quantities that are counted in their own word, whatever the package speaks of; counts before money
OWN_WORDS = (
    "dishes", "出餐数", "出餐量", "covers", "guests", "customers", "visitors", "客数", "客单数", "客流", "客流量",
    "来客数", "就餐人数", "人数", "orders", "transactions", "订单数", "订单量", "单量", "单数",
    "amount", "revenue", "turnover", "销售额", "金额", "营业额",
)  # fmt: skip
_MONEY = re.compile(  # in a header: amounts of money, whatever the package speaks of
    "金额|销售额|营业额|总额|营收|收入|流水|实收|应收|[（(]元[)）]|￥|¥|amount|revenue|turnover|takings|income|cny|rmb|yuan"
)

MANIFEST = Manifest(
    key="forecast",
    title=_("Demand forecast"),
    accepts=(".csv", ".txt", ".tsv"),
    columns=(
        Column(
            key="date",
            names=(
                "date", "day", "month", "period", "business date", "日期", "营业日期", "销售日期", "月份",
                "时间", "业务日期", "年月", "统计日期", "入住日期", "出库日期", "time",
                "timestamp", "datetime",
            ),
            kind="date",
        ),
        Column(
            key="series",
            names=(
                "outlet", "store", "shop", "branch", "restaurant", "depot", "hotel", "building", "warehouse",
                "market", "site", "station", "node", "circuit", "region", "series", "location", "门店",
                "店铺", "分店", "餐厅", "店名", "网点", "酒店", "楼宇", "楼栋", "仓库", "市场", "站点",
                "节点", "线路", "区域", "门店名称", "网点名称", "名称", "part", "sku", "product", "item",
                "crop", "备件", "配件", "物料", "商品", "品种", "货号", "产品",
            ),
            kind="text",
            required=False,
        ),
        Column(
            key="item",
            names=(
                "dish", "item", "product", "sku", "article", "room type", "菜品", "菜名", "商品", "品名",
                "商品名称", "房型", "产品", "货号", "品类",
            ),
            kind="text",
            required=False,
        ),
        Column(
            key="value",
            names=(
                "sold", "portions", "quantity", "qty", "units", "sales", "demand", "volume", "parcels",
                "room nights", "rooms", "rooms occupied", "kwh", "energy", "traffic", "gb", "pallets",
                "passengers", "count", "value", "销量", "份数", "销售数量", "数量",
                "件量", "件数", "间夜", "入住间数", "用电量", "能耗", "流量", "托盘数", "出库量", "需求量",
                "用量", "领用量", "吨数", *OWN_WORDS,
            ),
            kind="number",
            minimum=0,
            is_guessable=True,
        ),
    ),
    steps=(
        Step(key="read", label=_("Read the file")),
        Step(key="test", label=_("Choose a method and test it on days held back")),
        Step(key="forecast", label=_("Forecast")),
        Step(key="write", label=_("Write the plan")),
    ),
    cores=1,
    memory_mb=1024,
    wall_s=1800,
    max_bytes=50_000_000,
    min_rows=MIN_MONTHS,
    packages=("numpy",),
    modules=("methods.py",),
)  # fmt: skip


@dataclass
class Tally:
    """What the lines add up to: value by (date, series, item), and what was seen on the way."""

    values: dict[tuple[date, str, str], float] = field(default_factory=dict)
    lines: int = 0
    summed: int = 0
    is_month: bool | None = None
    preview: list[tuple[str, ...]] = field(default_factory=list)


def check(data: BinaryIO, filename: str, params: Params) -> Checked:
    """Sum the file to one value a date, series and item, or refuse it.

    size: series, lines, periods, items, gaps; of days also last_ordinal (date.fromordinal).
    Notes: one_series, column_read, money_column; what intake repaired; months_from_days, summed, gaps.
    Raises InputRefused, see words.py here and in marketplace/recipes.
    """
    table = open_table(data, filename, _for_trade(params))
    tally = _tally(table)
    if not tally.values:
        raise InputRefused("no_lines")
    is_month = _is_monthly(tally)
    series, gaps = _spans(tally, is_month=is_month)
    periods = max(last - first + 1 for first, last, _ in series.values())
    _refuse_short(periods, tally, is_month=is_month)
    notes = [*_assumed(table, params), *table.notes()]
    if is_month and not tally.is_month:
        notes.append(Note(code="months_from_days"))
    if tally.summed and not table.has("item"):
        notes.append(Note(code="summed", params={"count": tally.summed}))
    if gaps:
        notes.append(Note(code="gaps_months" if is_month else "gaps_days", params={"count": gaps}))
    return Checked(
        clean=_clean(tally, series, is_month=is_month),
        size={
            "series": len(series),
            "lines": tally.lines,
            "periods": periods,
            "items": len({item for _, _, item in tally.values if item}),
            "gaps": gaps,
        }
        | ({} if is_month else {"last_ordinal": max(day for day, _, _ in tally.values).toordinal()}),
        notes=tuple(notes),
        preview=(table.header.names, *tally.preview),
    )


def _assumed(table: Table, params: Params) -> Iterator[Note]:
    """What was taken for granted about the columns."""
    value = table.header.names[table.header.places["value"]]
    own = {normal(word) for word in OWN_WORDS} - {normal(str(name)) for name in params.get("value_names", ())}
    if not table.has("series"):
        names = next(column for column in table.manifest.columns if column.key == "series").names
        yield Note(code="one_series", params={"series": called(names), "series_zh": called(names, zh=True)})
    if normal(value) in own:
        yield Note(code="column_read", params={"column": value[:NAME_CHARS]})
    if _MONEY.search(value.lower()):
        yield Note(code="money_column", params={"column": value[:NAME_CHARS]})


def _for_trade(params: Params) -> Manifest:
    """The manifest with the trade's own headers tried first."""
    columns = tuple(
        replace(column, names=(*(str(name).lower() for name in first), *column.names))
        for column in MANIFEST.columns
        for first in [params.get(f"{column.key}_names", ())]
    )
    return replace(MANIFEST, columns=columns)


def _tally(table: Table) -> Tally:
    tally = Tally()
    names: set[str] = set()
    for row in table:
        if len(tally.preview) < PREVIEW_LINES:
            tally.preview.append(tuple(cell[:40] for cell in row.cells))
        if not row.raw("value"):
            table.count("blank_values")
            continue
        key = _key(table, row, tally)
        tally.lines += 1
        tally.summed += key in tally.values
        tally.values[key] = tally.values.get(key, 0.0) + row.number("value")
        names.add(key[1])
        if len(names) > MAX_SERIES:
            raise table.refused("too_many_series", row, "series", limit=MAX_SERIES)
        if len(tally.values) > MAX_CELLS:
            raise table.refused("too_much", row, limit=MAX_CELLS)
    return tally


def _key(table: Table, row: Row, tally: Tally) -> tuple[date, str, str]:
    moment = row.date("date")
    if tally.is_month is None:
        tally.is_month = moment.is_month
    elif tally.is_month != moment.is_month:
        raise table.refused("mixed_periods", row, "date", value=row.raw("date")[:60])
    series = row.text("series")
    if not series and table.has("series"):
        raise table.refused("missing_value", row, "series")
    return moment.day, series, row.text("item")


def _is_monthly(tally: Tally) -> bool:
    """Months, when written so or when there is one date in each month; else days. Refuses weeks."""
    if tally.is_month:
        return True
    days = sorted({day for day, _, _ in tally.values})
    span = (days[-1] - days[0]).days + 1
    months = {(day.year, day.month) for day in days}
    if len(days) >= 3 and len(months) == len(days) and span < 32 * len(days):
        return True
    if len(days) >= 3 and span > 3 * len(days):
        raise InputRefused("not_daily", dates=len(days), span=span)
    if span > MAX_DAYS:
        raise InputRefused("too_long_ago", first=days[0].isoformat(), last=days[-1].isoformat(), limit=15)
    return False


def _index(day: date, *, is_month: bool) -> int:
    return day.year * 12 + day.month - 1 if is_month else day.toordinal()


def _spans(tally: Tally, *, is_month: bool) -> tuple[dict[str, tuple[int, int, int]], int]:
    """First period, last period and place in the file of each series; and how many periods lack a line."""
    seen: dict[str, set[int]] = {}
    for day, series, _item in tally.values:
        seen.setdefault(series, set()).add(_index(day, is_month=is_month))
    spans = {name: (min(at), max(at), place) for place, (name, at) in enumerate(seen.items())}
    gaps = sum(spans[name][1] - spans[name][0] + 1 - len(at) for name, at in seen.items())
    return spans, gaps


def _refuse_short(periods: int, tally: Tally, *, is_month: bool) -> None:
    needed = MIN_MONTHS if is_month else MIN_DAYS
    if periods < needed:
        code = "too_few_months" if is_month else "too_few_days"
        raise InputRefused(code, has=periods, needed=needed, lines=tally.lines)
    if not any(tally.values.values()):
        raise InputRefused("nothing_sold", lines=tally.lines)


def _clean(tally: Tally, series: Iterable[str], *, is_month: bool) -> bytes:
    """date,series,item,value; series in the order of the file, then by date."""
    place = {name: number for number, name in enumerate(series)}
    rows = (
        (day.isoformat()[: 7 if is_month else 10], name, item, f"{value:.12g}")
        for (day, name, item), value in sorted(
            tally.values.items(), key=lambda kv: (place[kv[0][1]], kv[0][0], kv[0][2])
        )
    )
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(chain([("date", "series", "item", "value")], rows))
    return text.getvalue().encode()
