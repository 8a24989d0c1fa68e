"""Delivery rounds on a map, as coordinates for an SVG. North is up; there is no river and no invented street.

Input is the `chart` object of a run's result.json: {"kind": "routes", "depot": [x, y],
"stops": [[x, y, name], …], "routes": [[stop indexes], …], "unit"?: "km"}. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .scale import points, px

# stroke class, dash pattern; rounds beyond these begin again with a thinner pen
PENS = (
    ("l1", ""),
    ("l1", "8 4"),
    ("l3", ""),
    ("l1", "1.5 4.5"),
    ("l3", "8 4"),
    ("l2", "12 3 2 3"),
    ("l3", "1.5 4.5"),
)


@dataclass(frozen=True)
class Stop:
    x: str
    y: str
    name: str
    css: str


@dataclass(frozen=True)
class Route:
    """One vehicle's round: its points, how it is drawn, and its stops in order."""

    number: int
    points: str
    css: str
    dash: str
    weight: str
    stops: tuple[str, ...]


@dataclass(frozen=True)
class RoutesPicture:
    width: int
    height: int
    depot_x: str
    depot_y: str
    depot_corner_x: str
    depot_corner_y: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    routes: tuple[Route, ...]
    stops: tuple[Stop, ...]
    radius: str
    stop_count: int


def picture(
    chart: Mapping[str, Any], *, width: int = 680, height: int = 420, margin: int = 24
) -> RoutesPicture:
    """Coordinates of the map; both directions have one scale. Raises ValueError without a stop."""
    raw = [
        (float(s[0]), float(s[1]), str(s[2]) if len(s) > 2 else str(i + 1))
        for i, s in enumerate(chart["stops"])
    ]
    if not raw:
        raise ValueError("a map needs at least one stop")
    depot = (float(chart["depot"][0]), float(chart["depot"][1]))
    xs, ys = [depot[0], *(s[0] for s in raw)], [depot[1], *(s[1] for s in raw)]
    span_x, span_y = max(xs) - min(xs) or 1.0, max(ys) - min(ys) or 1.0
    scale = min((width - 2 * margin) / span_x, (height - 2 * margin) / span_y)
    off_x = (width - span_x * scale) / 2 - min(xs) * scale
    off_y = (height - span_y * scale) / 2 + max(ys) * scale

    def place(x: float, y: float) -> tuple[float, float]:
        return off_x + x * scale, off_y - y * scale

    home = place(*depot)
    radius = 3.6 if len(raw) <= 60 else 2.4 if len(raw) <= 200 else 1.6
    drawn, stops = [], []
    for number, indexes in enumerate(chart["routes"]):
        css, dash = PENS[number % len(PENS)]
        at = [place(raw[i][0], raw[i][1]) for i in indexes]
        drawn.append(
            Route(
                number=number + 1,
                points=points([home, *at, home]),
                css=css,
                dash=dash,
                weight="2.2" if number < len(PENS) else "1.4",
                stops=tuple(raw[i][2] for i in indexes),
            )
        )
        stops += [Stop(px(x), px(y), raw[i][2], css) for i, (x, y) in zip(indexes, at, strict=True)]
    grid = max(28, round(width / 12))
    return RoutesPicture(
        width=width,
        height=height,
        depot_x=px(home[0]),
        depot_y=px(home[1]),
        depot_corner_x=px(home[0] - 7),
        depot_corner_y=px(home[1] - 7),
        columns=tuple(px(x) for x in range(grid, width, grid)),
        rows=tuple(px(y) for y in range(grid, height, grid)),
        routes=tuple(drawn),
        stops=tuple(stops),
        radius=str(radius),
        stop_count=len(raw),
    )
