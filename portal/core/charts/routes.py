"""Delivery rounds on a map, as coordinates for an SVG. North is up; there is no river and no invented street.

Input is the `chart` object of a run's result.json: {"kind": "routes", "depot": {"x", "y", "name"},
"routes": [{"name", "load", "distance", "points": [{"x", "y", "name"}, …]}, …]}, or the short form
{"kind": "routes", "depot": [x, y], "stops": [[x, y, name], …], "routes": [[stop indexes], …]}. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .scale import figure, points, px

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
Place = tuple[float, float, str]


@dataclass(frozen=True)
class Stop:
    x: str
    y: str
    name: str
    css: str


@dataclass(frozen=True)
class Route:
    """One vehicle's round: its points, how it is drawn, its stops in order; load and distance may be ""."""

    name: str
    points: str
    css: str
    dash: str
    weight: str
    stops: tuple[str, ...]
    load: str
    distance: str


@dataclass(frozen=True)
class RoutesPicture:
    width: int
    height: int
    depot_x: str
    depot_y: str
    depot_corner_x: str
    depot_corner_y: str
    depot_size: str
    depot_name: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    routes: tuple[Route, ...]
    stops: tuple[Stop, ...]
    radius: str
    stop_count: int
    has_distance: bool
    has_load: bool


@dataclass(frozen=True)
class _Round:
    name: str
    points: tuple[Place, ...]
    load: float | None = None
    distance: float | None = None


@dataclass(frozen=True)
class _Map:
    """Places of the world on the paper, both directions at one scale."""

    scale: float
    off_x: float
    off_y: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        return self.off_x + x * self.scale, self.off_y - y * self.scale


def picture(
    chart: Mapping[str, Any], *, width: int = 680, height: int = 420, margin: int = 24
) -> RoutesPicture:
    """Coordinates of the map. Raises ValueError without a stop, KeyError without a depot."""
    depot, rounds = _read(chart)
    every = [point for a_round in rounds for point in a_round.points]
    if not every:
        raise ValueError("a map needs at least one stop")
    paper = _fit([depot, *every], width, height, margin)
    home = paper.place(depot[0], depot[1])
    drawn, stops = [], []
    for n, a_round in enumerate(rounds):
        route, its_stops = _draw(a_round, n, home, paper)
        drawn.append(route)
        stops += its_stops
    shrink = 1 if width > 400 else 3  # a card has a third of the room
    depot_size = 14 if width > 400 else 11
    grid = max(28, round(width / 12))
    return RoutesPicture(
        width=width,
        height=height,
        depot_x=px(home[0]),
        depot_y=px(home[1]),
        depot_corner_x=px(home[0] - depot_size / 2),
        depot_corner_y=px(home[1] - depot_size / 2),
        depot_size=px(depot_size),
        depot_name=depot[2],
        columns=tuple(px(x) for x in range(grid, width, grid)),
        rows=tuple(px(y) for y in range(grid, height, grid)),
        routes=tuple(drawn),
        stops=tuple(stops),
        radius=px(3.6 if len(every) <= 60 / shrink else 2.4 if len(every) <= 200 / shrink else 1.6),
        stop_count=len(every),
        has_distance=any(r.distance for r in drawn),
        has_load=any(r.load for r in drawn),
    )


def _fit(places: list[Place], width: int, height: int, margin: int) -> _Map:
    xs, ys = [p[0] for p in places], [p[1] for p in places]
    wide, tall = max(xs) - min(xs), max(ys) - min(ys)
    scale = min((width - 2 * margin) / (wide or 1.0), (height - 2 * margin) / (tall or 1.0))
    return _Map(
        scale,
        (width - wide * scale) / 2 - min(xs) * scale,
        (height - tall * scale) / 2 + max(ys) * scale,
    )


def _draw(a_round: _Round, n: int, home: tuple[float, float], paper: _Map) -> tuple[Route, list[Stop]]:
    css, dash = PENS[n % len(PENS)]
    at = [paper.place(x, y) for x, y, _ in a_round.points]
    names = tuple(name for _, _, name in a_round.points)
    route = Route(
        name=a_round.name,
        points=points([home, *at, home]),
        css=css,
        dash=dash,
        weight="2.2" if n < len(PENS) else "1.4",
        stops=names,
        load="" if a_round.load is None else figure(a_round.load, _step(a_round.load)),
        distance="" if a_round.distance is None else figure(a_round.distance, 0.1),
    )
    return route, [Stop(px(x), px(y), name, css) for (x, y), name in zip(at, names, strict=True)]


def _step(value: float) -> float:
    return 1 if float(value).is_integer() else 0.1


def _place(raw: Any, fallback: str) -> Place:
    """{"x", "y", "name"} or [x, y, name?] as x, y, name."""
    if isinstance(raw, Mapping):
        return float(raw["x"]), float(raw["y"]), str(raw.get("name") or fallback)
    return float(raw[0]), float(raw[1]), str(raw[2]) if len(raw) > 2 else fallback


def _read(chart: Mapping[str, Any]) -> tuple[Place, list[_Round]]:
    """The depot and the rounds of either form of input."""
    stops = [_place(raw, str(i + 1)) for i, raw in enumerate(chart.get("stops", []))]
    rounds = []
    for n, raw in enumerate(chart["routes"]):
        if isinstance(raw, Mapping):
            at = tuple(_place(point, str(i + 1)) for i, point in enumerate(raw["points"]))
            rounds.append(_Round(str(raw.get("name") or n + 1), at, raw.get("load"), raw.get("distance")))
        else:
            rounds.append(_Round(str(n + 1), tuple(stops[i] for i in raw)))
    return _place(chart["depot"], ""), rounds
