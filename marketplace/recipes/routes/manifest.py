"""The routes recipe: stops (a CSV or TSPLIB), vehicles and what they carry -> rounds, map, driver sheets.

A CSV has one line a stop: a name, a place (latitude and longitude, or x and y in metres), and if wanted
what is to be delivered, from when to when, and how long it takes. One line is the depot: the one marked in a
column "depot", otherwise the first. Every round begins and ends there. Params: see stops.Settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import BinaryIO

from django.utils.translation import gettext_lazy as _

from marketplace.recipes.base import Checked, Column, Manifest, Note, Params, Step
from marketplace.recipes.intake import open_source
from marketplace.recipes.intake.table import table_of
from marketplace.recipes.routes import limits, tsplib
from marketplace.recipes.routes.stops import Settings, Stops, clean, read_table

PREVIEW_LINES = 5


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MANIFEST = Manifest(
    key="routes",
    title=_("Route planning"),
    accepts=(".csv", ".txt", ".tsv", ".tsp"),
    columns=(
        Column(
            key="name",
            names=_names(
                "name stop customer store outlet site farm estate address id "
                "名称 站点 客户 门店 网点 点位 项目 小区 农户 地址 编号"
            ),
            kind="text",
        ),
        Column(key="lat", names=_names("lat latitude 纬度"), kind="number", required=False, maximum=90),
        Column(key="lon", names=_names("lon lng long longitude 经度"), kind="number", required=False),
        Column(key="lonlat", names=_names("lnglat lonlat 坐标 经纬度"), kind="text", required=False),
        Column(key="x", names=_names("x x坐标 横坐标"), kind="number", required=False),
        Column(key="y", names=_names("y y坐标 纵坐标"), kind="number", required=False),
        Column(
            key="demand",
            names=_names(
                "demand quantity qty load weight boxes crates parcels portions "
                "需求量 货量 数量 件数 箱数 筐数 份数 重量"
            ),
            kind="number",
            required=False,
            minimum=0,
            maximum=1e9,
        ),
        Column(
            key="opens", names=_names("opens open from earliest 最早 开始时间"), kind="text", required=False
        ),
        Column(
            key="closes", names=_names("closes close to latest 最晚 结束时间"), kind="text", required=False
        ),
        Column(
            key="window",
            names=_names("window time_window 时间窗 时段 收货时间 预约时间"),
            kind="text",
            required=False,
        ),
        Column(
            key="service_min",
            names=_names("service_min service minutes 停留时间 停留分钟 服务时间 作业时间 卸货时间 分钟"),
            kind="number",
            required=False,
            minimum=0,
            maximum=1440,
        ),
        Column(key="depot", names=_names("depot is_depot 仓库 起点 是否仓库"), kind="text", required=False),
    ),
    steps=(
        Step(key="read", label=_("Stops read, distances measured")),
        Step(key="solve", label=_("Looking for shorter rounds")),
        Step(key="write", label=_("Map, table and driver sheets")),
    ),
    cores=1,
    memory_mb=1024,
    wall_s=600,
    max_bytes=2_000_000,
    min_rows=3,
    packages=("numpy", "pyvrp"),
)


def check(data: BinaryIO, filename: str, params: Params) -> Checked:
    """The file made ready for the program, or InputRefused with the line and what to do.

    Beside a file's own faults it refuses what no vehicle could serve: a stop heavier than a vehicle, a window
    that nobody reaches from the depot, more goods than the fleet carries. (Whether everything together fits
    into the hours is found by the program.)

    size: {"stops", "lines", "vehicles_least": fewest that could carry it all}
    """
    settings = Settings.of(params)
    source = open_source(data, filename, accepts=MANIFEST.accepts, max_bytes=MANIFEST.max_bytes)
    first = list(islice(source.lines, tsplib.LOOK_AT_LINES))
    lines: Iterator[str] = chain(first, source.lines)
    if tsplib.is_tsplib(filename, first):
        stops, notes = tsplib.read(lines), (*source.notes, Note(code="routes_tsplib"))
        preview: tuple[tuple[str, ...], ...] = (("NODE", "X", "Y"), *_preview(stops))
    else:
        table = table_of(replace(source, lines=lines), MANIFEST)
        stops = read_table(table, settings)
        notes, preview = (*table.notes(), *stops.notes), (table.header.names, *_preview(stops))
    least = limits.fewest_vehicles(stops, settings)
    found = len(stops.entries)
    return Checked(
        clean=clean(stops),
        size={"stops": found - 1, "lines": found, "vehicles_least": least},
        notes=notes,
        preview=preview,
    )


def _preview(stops: Stops) -> Iterator[tuple[str, ...]]:
    return (entry.cells for entry in islice(stops.entries, PREVIEW_LINES))
