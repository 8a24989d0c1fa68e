"""One line over time: a price index with its axis, or a sparkline without. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from .forecast import Line, Tick
from .scale import axis, figure, points, px


@dataclass(frozen=True)
class LinePicture:
    width: int
    height: int
    left: str
    right: str
    base: str
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    line: str
    last_x: str
    last_y: str
    last_label: str
    rows: tuple[tuple[date, str], ...]


def picture(
    series: Sequence[tuple[date, float]],
    *,
    width: int = 680,
    height: int = 220,
    decimals: int = 2,
    spark: bool = False,
) -> LinePicture:
    """series: (day, value) in order. spark: no axis, no ticks, only the line and its last point.

    Raises ValueError without a value.
    """
    if not series:
        raise ValueError("a line needs at least one value")
    values = [float(v) for _, v in series]
    bottom, ceiling, step = axis(min(values), max(values), 4)
    left = 6.0 if spark else 16 + 7.0 * max(len(figure(bottom, step)), len(figure(ceiling, step)))
    top, base, right = (6, height - 6, width - 6) if spark else (16, height - 26, width - 10)
    if spark:
        bottom, ceiling = (
            (min(values), max(values)) if max(values) > min(values) else (values[0] - 1, values[0] + 1)
        )

    def x(index: int) -> float:
        return left + (right - left) * index / max(1, len(values) - 1)

    def y(value: float) -> float:
        return base - (base - top) * (value - bottom) / (ceiling - bottom)

    pace = max(1, round(len(series) / 6))
    count = 0 if spark else round((ceiling - bottom) / step) + 1
    marks = [bottom + i * step for i in range(count)]
    return LinePicture(
        width=width,
        height=height,
        left=px(left),
        right=px(right),
        base=px(base),
        lines=tuple(Line(px(y(m)), px(y(m) + 4), figure(m, step)) for m in marks),
        ticks=()
        if spark
        else tuple(
            Tick(px(x(i)), series[i][0], "middle" if i < len(series) - 1 else "end")
            for i in range(0, len(series), pace)
        ),
        line=points([(x(i), y(v)) for i, v in enumerate(values)]),
        last_x=px(x(len(values) - 1)),
        last_y=px(y(values[-1])),
        last_label=f"{values[-1]:,.{decimals}f}",
        rows=tuple((day, f"{value:,.{decimals}f}") for day, value in series),
    )
