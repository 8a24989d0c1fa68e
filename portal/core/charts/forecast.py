"""A history, its forecast and the range it is sure of, as coordinates for an SVG.

Input is the `chart` object of a run's result.json: {"kind": "forecast", "history": [[iso, value], …],
"forecast": [[iso, value, low, high], …], "x": "day" | "month", "callout"?: {"at": iso}}.
Pure: dates stay dates and are put into words by the template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .callout import BELOW, Callout, place
from .scale import axis, figure, points, px


@dataclass(frozen=True)
class Tick:
    """A date under the axis. anchor: SVG text-anchor of its words."""

    at: str
    date: date
    anchor: str


@dataclass(frozen=True)
class Line:
    """A line across the picture and the figure at its left."""

    at: str
    text_at: str
    label: str


@dataclass(frozen=True)
class Row:
    """One line of the table behind the chart; low and high are empty for history."""

    date: date
    value: str
    low: str = ""
    high: str = ""
    is_forecast: bool = False


@dataclass(frozen=True)
class ForecastPicture:
    width: int
    height: int
    left: str
    right: str
    base: str
    by_month: bool
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    history: str
    history_area: str
    bridge: str
    forecast: str
    band: str
    split: str
    split_before: str
    split_after: str
    split_anchor_after: str
    split_roomy: bool
    callout: Callout | None
    rows: tuple[Row, ...]
    first: date
    last: date


@dataclass(frozen=True)
class _Frame:
    """Maps the index of a period and a value to a place."""

    left: float
    right: float
    top: float
    base: float
    count: int
    bottom: float
    ceiling: float

    def x(self, index: float) -> float:
        return self.left + (self.right - self.left) * index / max(1, self.count - 1)

    def y(self, value: float) -> float:
        return self.base - (self.base - self.top) * (value - self.bottom) / (self.ceiling - self.bottom)


def _day(text: str) -> date:
    """2026-11, 2026-11-23 or a full moment as a date."""
    text = str(text)
    return date.fromisoformat(f"{text}-01") if len(text) == 7 else datetime.fromisoformat(text).date()


def _ticks(dates: Sequence[date], frame: _Frame, wanted: int, split: int) -> tuple[Tick, ...]:
    """Dates at equal distances, counted from the first forecast so that it always has one."""
    step = max(1, round(len(dates) / wanted))
    if step >= 4 and len(dates) > 20:
        step = max(7, round(step / 7) * 7) if (dates[1] - dates[0]).days == 1 else max(6, round(step / 6) * 6)
    room = 64.0 if (dates[1] - dates[0]).days > 1 else 48.0
    found: list[Tick] = []
    free_from = -room
    for index in range(split % step, len(dates), step):
        x = frame.x(index)
        last = x > frame.right - room / 2
        if x - (room if last else room / 2) < free_from:
            continue
        free_from = x + (0 if last else room / 2)
        found.append(Tick(px(x), dates[index], "end" if last else "middle"))
    return tuple(found)


def _shown_step(value: float) -> float:
    return 1 if abs(value) >= 100 else 0.1


def picture(
    chart: Mapping[str, Any],
    *,
    width: int = 680,
    height: int = 350,
    keep: int = 0,
    ahead: int = 0,
    axis_lines: int = 5,
    date_ticks: int = 6,
) -> ForecastPicture:
    """Coordinates of the whole picture. keep, ahead: only so many periods of history and forecast (0 = all).

    The table behind it (rows) always holds everything. Raises ValueError when there is nothing to draw.
    """
    history = [(_day(d), float(v)) for d, v, *_ in chart.get("history", [])]
    coming = [(_day(d), float(v), float(lo), float(hi)) for d, v, lo, hi in chart.get("forecast", [])]
    rows = _rows(history, coming)
    history, coming = history[-keep:] if keep else history, coming[:ahead] if ahead else coming
    dates = [d for d, _ in history] + [d for d, *_ in coming]
    if not dates:
        raise ValueError("a chart needs at least one period")
    values = [v for _, v in history] + [n for _, *three in coming for n in three]
    bottom, ceiling, step = axis(min(values), max(values), axis_lines, zero=True)
    left = 16 + 7.0 * max(len(figure(bottom, step)), len(figure(ceiling, step)))
    frame = _Frame(left, width - 10, BELOW, height - 26, len(dates), bottom, ceiling)
    n = len(history)
    split = frame.x(n - 0.5) if history and coming else frame.left
    room = frame.right - split
    past = [(frame.x(i), frame.y(v)) for i, (_, v) in enumerate(history)]
    future = [(frame.x(n + i), frame.y(v)) for i, (_, v, _, _) in enumerate(coming)]
    return ForecastPicture(
        width=width,
        height=height,
        left=px(frame.left),
        right=px(frame.right),
        base=px(frame.base),
        by_month=chart.get("x") == "month",
        lines=_lines(frame, step),
        ticks=_ticks(dates, frame, date_ticks, n) if len(dates) > 1 else (),
        history=points(past),
        history_area=points([*past, (past[-1][0], frame.base), (past[0][0], frame.base)]) if past else "",
        bridge=points([past[-1], future[0]]) if past and future else "",
        forecast=points(future),
        band=_band(frame, n, coming),
        split=px(split),
        split_before=px(split - 8),
        split_after=px(split + 8 if room > 60 else frame.right),
        split_anchor_after="start" if room > 60 else "end",
        split_roomy=room > 180,
        callout=_callout(chart, coming, future, split, frame),
        rows=rows,
        first=dates[0],
        last=dates[-1],
    )


def _rows(
    history: Sequence[tuple[date, float]], coming: Sequence[tuple[date, float, float, float]]
) -> tuple[Row, ...]:
    past = [Row(d, figure(v, _shown_step(v))) for d, v in history]
    future = [
        Row(d, figure(v, _shown_step(v)), figure(lo, _shown_step(lo)), figure(hi, _shown_step(hi)), True)
        for d, v, lo, hi in coming
    ]
    return tuple(past + future)


def _lines(frame: _Frame, step: float) -> tuple[Line, ...]:
    count = round((frame.ceiling - frame.bottom) / step) + 1
    values = [frame.bottom + i * step for i in range(count)]
    return tuple(Line(px(frame.y(v)), px(frame.y(v) + 4), figure(v, step)) for v in values)


def _band(frame: _Frame, first: int, coming: Sequence[tuple[date, float, float, float]]) -> str:
    highs = [(frame.x(first + i), frame.y(high)) for i, (_, _, _, high) in enumerate(coming)]
    lows = [(frame.x(first + i), frame.y(low)) for i, (_, _, low, _) in enumerate(coming)]
    return points(highs + lows[::-1])


def _callout(
    chart: Mapping[str, Any],
    coming: Sequence[tuple[date, float, float, float]],
    future: list[tuple[float, float]],
    split: float,
    frame: _Frame,
) -> Callout | None:
    """The forecast period that is named: the one the chart asks for, else the next."""
    index = 0 if coming else None
    asked = (chart.get("callout") or {}).get("at")
    if asked:
        index = next((i for i, row in enumerate(coming) if row[0] == _day(asked)), None)
    if index is None:
        return None
    day, value = coming[index][:2]
    return place(future[index], figure(value, _shown_step(value)), day, split, frame.left, frame.right)
