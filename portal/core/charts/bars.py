"""Stacked bars of what became of every hour, in percentages and pixels for an SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .scale import figure, px, round_step


@dataclass(frozen=True)
class Part:
    """One block of a bar; css is a fill class or "url(#pattern)" in `fill`."""

    key: str
    y: str
    height: str


@dataclass(frozen=True)
class Bar:
    label: Any
    x: str
    width: str
    middle: str
    show_label: bool
    on_phones: bool
    parts: tuple[Part, ...]
    values: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class Guide:
    y: str
    text_y: str
    label: str


@dataclass(frozen=True)
class BarsPicture:
    keys: tuple[str, ...]
    bars: tuple[Bar, ...]
    guides: tuple[Guide, ...]
    base: str
    label_y: str
    totals: tuple[int, ...]
    total: int


def picture(
    rows: Sequence[tuple[Any, Sequence[int]]],
    keys: Sequence[str],
    *,
    height: int = 236,
    top: int = 16,
    labels: int = 16,
) -> BarsPicture:
    """rows: (label, one integer for each key). Blocks stand on each other in the order of the keys."""
    base = height - 30
    highest = max((sum(values) for _, values in rows), default=0)
    step = max(1, int(round_step(highest or 1, 3)))
    ceiling = max(step, -(-highest // step) * step)
    slot = 94 / max(1, len(rows))
    every = max(1, -(-len(rows) // labels))
    bars = []
    for n, (label, values) in enumerate(rows):
        x, y, parts = 6 + slot * n, float(base), []
        for key, value in zip(keys, values, strict=True):
            tall = (base - top) * value / ceiling
            if value > 0:
                tall = max(2.0, tall)
                y -= tall
                parts.append(Part(key, px(y), px(max(1.0, tall - 1))))
        bars.append(
            Bar(
                label=label,
                x=f"{x + slot * 0.16:.2f}%",
                width=f"{slot * 0.68:.2f}%",
                middle=f"{x + slot / 2:.2f}%",
                show_label=n % every == 0,
                on_phones=n % (every * 3) == 0,
                parts=tuple(parts),
                values=tuple(values),
                total=sum(values),
            )
        )
    guides = []
    for n in range(1, ceiling // step + 1):
        y = base - (base - top) * n * step / ceiling
        guides.append(Guide(px(y), px(y - 5), figure(n * step)))
    totals = tuple(sum(values[i] for _, values in rows) for i in range(len(keys)))
    return BarsPicture(tuple(keys), tuple(bars), tuple(guides), px(base), px(base + 20), totals, sum(totals))
