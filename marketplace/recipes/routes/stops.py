"""Stops out of a customer's table: places, times and loads, as people write them."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field, fields, replace
from typing import Any

from marketplace.recipes.base import Excerpt, InputRefused, Note, Params
from marketplace.recipes.intake import Row, Table

MAX_STOPS = 2000  # the square distance matrix of more does not fit the program's memory
DAY_MIN = 1440
BLANK = -1.0  # a quantity left empty, until it is known which line is the depot
YES = {"1", "y", "yes", "true", "depot", "warehouse", "hub", "start", "x", "√", "✓"} | {
    "是", "仓", "仓库", "总仓", "配送中心", "起点", "车场", "中央厨房", "总部", "基地"
}  # fmt: skip

_CLOCK = re.compile(r"(\d{1,2})[:点时](?:(\d{1,2})分?(?::\d{2})?)?|(\d{2})(\d{2})|(\d{1,2})")
_DAY_SHARE = re.compile(r"0?\.\d+")  # Excel's own: 0.354166 is 08:30
_UNTIL = re.compile(r"\s*[-~–—至到]+\s*")
_APART = re.compile(r"[,;，；、\s]+")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The recipe's params, with their defaults. Every number above 0.

    vehicles:    how many may go out; None: as many as it takes
    capacity:    what one carries, in the unit of the demand column; None: as much as there is.
                 Without that column every stop counts as 1
    shift_hours: longest round; None: no limit
    day_start:   when the depot opens; its own opens and closes in the file come first
    speed_kmh:   average speed
    service_min: minutes at a stop where the file says nothing (may be 0)
    xy_unit:     "m" or "km", of the columns x and y
    stops:       most stops bought; None: as many as the program takes
    """

    vehicles: int | None = None
    capacity: float | None = None
    shift_hours: float | None = 8
    day_start: str = "07:00"
    speed_kmh: float = 30
    service_min: float = 0
    xy_unit: str = "m"
    stops: int | None = None

    LIMITS = {
        "vehicles": (1, 500), "capacity": (0.001, 1e9), "shift_hours": (0.5, 24), "speed_kmh": (1, 130),
        "service_min": (0, 480), "stops": (1, MAX_STOPS),
    }  # fmt: skip

    @classmethod
    def of(cls, params: Params) -> Settings:
        """Settings from params; other keys (words, solve_s) are for the program. Refuses routes_setting_*."""
        known = {each.name for each in fields(cls)}
        given = {key: value for key, value in params.items() if key in known and value not in (None, "")}
        for key, (least, most) in cls.LIMITS.items():
            if key in given:
                given[key] = _setting(key, given[key], least, most)
        settings = cls(**given)
        if parse_clock(settings.day_start) is None:
            raise InputRefused("routes_setting_clock", value=str(settings.day_start)[:20])
        return settings


def _setting(key: str, value: Any, least: float, most: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not least <= number <= most or (key in ("vehicles", "stops") and number != int(number)):
        shown = str(value)[:20]
        raise InputRefused(f"routes_setting_{key}", value=shown, least=f"{least:g}", most=f"{most:g}")
    return int(number) if key in ("vehicles", "stops") else number


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A stop: x, y in degrees (longitude, latitude), metres, or TSPLIB's unit; minutes after midnight."""

    line: int
    cells: tuple[str, ...]
    name: str
    x: float
    y: float
    demand: float = 1
    opens_min: int = 0
    closes_min: int = DAY_MIN
    service_min: float = 0

    def refused(self, code: str, **params: Any) -> InputRefused:
        excerpt = Excerpt(rows=((self.line, self.cells[:12]),), line=self.line)
        return InputRefused(code, line=self.line, excerpt=excerpt, name=self.name, **params)


@dataclass(kw_only=True)
class Stops:
    """All entries, the depot first. unit: "deg", "m" or "1" (TSPLIB: no unit, no clock)."""

    unit: str
    entries: list[Entry]
    notes: list[Note] = field(default_factory=list)


def read_table(table: Table, settings: Settings) -> Stops:
    """Entries of a table. Refuses routes_no_places, routes_too_many, routes_too_few, routes_two_depots,
    and every faulty cell with its line."""
    if not (_has(table, "lat", "lon") or _has(table, "lonlat") or _has(table, "x", "y")):
        raise _no_places(table)
    unit = "m" if not (_has(table, "lat", "lon") or _has(table, "lonlat")) else "deg"
    entries: list[Entry] = []
    depots: list[int] = []
    for row in table:
        if len(entries) > MAX_STOPS:
            raise table.refused("routes_too_many", row, limit=MAX_STOPS)
        if _plain(row.raw("depot")).lower() in YES:
            if depots:
                first = entries[depots[0]]
                raise table.refused(
                    "routes_two_depots", row, "depot", first=first.name, first_line=first.line
                )
            depots.append(len(entries))
        entries.append(_entry(table, row, settings))
    if len(entries) < table.manifest.min_rows:
        raise InputRefused("routes_too_few", found=len(entries), least=table.manifest.min_rows)
    notes = [] if depots else [Note(code="routes_depot_first", params={"name": entries[0].name})]
    depot = entries.pop(depots[0] if depots else 0)
    if not table.has("demand"):
        notes.append(Note(code="routes_no_demand"))
    blank = [number for number, entry in enumerate(entries) if entry.demand == BLANK]
    for number in blank:
        entries[number] = replace(entries[number], demand=0)
    if blank:
        notes.append(Note(code="routes_blank_demand", params={"count": len(blank)}))
    return Stops(unit=unit, entries=[_as_depot(depot, settings), *entries], notes=notes)


def clean(stops: Stops) -> bytes:
    """The program's input.csv."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["name", "unit", "x", "y", "demand", "opens", "closes", "service_min"])
    for entry in stops.entries:
        times = clock(entry.opens_min), clock(entry.closes_min)
        figures = f"{entry.demand:g}", *times, f"{entry.service_min:g}"
        out.writerow([entry.name, stops.unit, repr(entry.x), repr(entry.y), *figures])
    return text.getvalue().encode()


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse_clock(text: str) -> int | None:
    """Minutes after midnight of 8:30, 08:30:00, 8点30分, 0830, 8, 0.354166 (Excel), 24:00; else None."""
    text = _plain(text).replace(" ", "")
    if _DAY_SHARE.fullmatch(text):
        return round(float(text) * DAY_MIN)
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    hours, minutes = int(found[1] or found[3] or found[5]), int(found[2] or found[4] or 0)
    total = hours * 60 + minutes
    return total if minutes < 60 and total <= DAY_MIN else None


def _entry(table: Table, row: Row, settings: Settings) -> Entry:
    name = row.text("name")
    if not name:
        raise table.refused("missing_value", row, "name")
    x, y = _place(table, row, settings)
    opens, closes = _times(table, row)
    demand = 1.0
    if table.has("demand"):
        demand = row.number("demand") if row.raw("demand") else BLANK
    service = row.number("service_min") if row.raw("service_min") else settings.service_min
    return Entry(
        line=row.line,
        cells=tuple(row.cells),
        name=name,
        x=x,
        y=y,
        demand=demand,
        opens_min=opens,
        closes_min=closes,
        service_min=service,
    )


def _as_depot(entry: Entry, settings: Settings) -> Entry:
    """The depot needs nothing itself; where it says no hours it opens when the day starts."""
    told = (entry.opens_min, entry.closes_min) != (0, DAY_MIN)
    opens = entry.opens_min if told else parse_clock(settings.day_start) or 0
    return replace(entry, demand=0, service_min=0, opens_min=opens)


def _place(table: Table, row: Row, settings: Settings) -> tuple[float, float]:
    """(longitude, latitude) in degrees or (x, y) in metres."""
    if _has(table, "lat", "lon"):
        # swapped columns are the commonest mistake: say so, rather than "the most is 90"
        try:
            lat, lon = row.number("lat"), row.number("lon")
        except InputRefused as refusal:
            if refusal.code == "too_large_number":
                raise table.refused("routes_swapped", row, "lat", value=row.raw("lat")[:20]) from None
            raise
        return _checked_degrees(table, row, "lat", lon, lat)
    if _has(table, "lonlat"):
        parts = _APART.split(_plain(row.raw("lonlat")).strip("()[] "))
        try:
            lon, lat = (float(part) for part in parts)
        except ValueError:
            raise table.refused("routes_lonlat", row, "lonlat", value=row.raw("lonlat")[:40]) from None
        if abs(lat) > 90:  # "30.2,120.1": Google's order
            lon, lat = lat, lon
        return _checked_degrees(table, row, "lonlat", lon, lat)
    metres = 1000 if settings.xy_unit == "km" else 1
    return row.number("x") * metres, row.number("y") * metres


def _checked_degrees(table: Table, row: Row, key: str, lon: float, lat: float) -> tuple[float, float]:
    if not (-90 <= lat <= 90 and -180 <= lon <= 180) or (lon, lat) == (0, 0):
        raise table.refused("routes_no_such_place", row, key, value=f"{lat:g}, {lon:g}")
    return lon, lat


def _times(table: Table, row: Row) -> tuple[int, int]:
    opens, closes = row.raw("opens"), row.raw("closes")
    key = "opens"
    if not (opens or closes) and row.raw("window"):
        key = "window"
        parts = _UNTIL.split(_plain(row.raw("window")))
        if len(parts) != 2:
            raise table.refused("routes_clock", row, key, value=row.raw(key)[:40])
        opens, closes = parts
    start, end = parse_clock(opens) if opens else 0, parse_clock(closes) if closes else DAY_MIN
    if start is None or end is None:
        wrong = key if start is None or key == "window" else "closes"
        raise table.refused("routes_clock", row, wrong, value=(opens if start is None else closes)[:40])
    if end < start:
        raise table.refused("routes_backwards", row, key, opens=clock(start), closes=clock(end))
    return start, end


def _has(table: Table, *keys: str) -> bool:
    return all(table.has(key) for key in keys)


def _no_places(table: Table) -> InputRefused:
    found = ", ".join(name[:30] for name in table.header.names[:20] if name)
    return InputRefused("routes_no_places", line=table.header.line, found=found)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
