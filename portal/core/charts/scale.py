"""Round numbers for axes. Pure: no Django, no language."""

from __future__ import annotations

STEPS = (1, 2, 2.5, 5, 10)


def px(value: float) -> str:
    """A coordinate as short text, always with a point (a template would localise a float)."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def points(pairs: list[tuple[float, float]]) -> str:
    """Coordinates as the `points` of a polyline."""
    return " ".join(f"{px(x)},{px(y)}" for x, y in pairs)


def round_step(span: float, lines: int) -> float:
    """The distance of 1, 2, 2.5 or 5 × 10^n that divides `span` into about `lines` parts."""
    if span <= 0 or lines < 1:
        return 1.0
    raw, power = span / lines, 1.0
    while power > raw:
        power /= 10
    while power * 10 <= raw:
        power *= 10
    return next(step * power for step in STEPS if step * power >= raw * 0.999_999)


def figure(value: float, step: float = 1.0) -> str:
    """A number beside an axis: grouped, with the decimals that `step` needs, a true minus sign."""
    decimals, fraction = 0, abs(step)
    while decimals < 6 and abs(fraction - round(fraction)) > 1e-9:
        fraction, decimals = fraction * 10, decimals + 1
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}") if text.strip("-0.,") else text.lstrip("-")


def axis(low: float, high: float, lines: int, zero: bool = False) -> tuple[float, float, float]:
    """Ends and step of an axis that holds low and high: (bottom, top, step)."""
    if zero:
        low, high = min(0.0, low), max(0.0, high)
    if high <= low:
        low, high = low - 1, high + 1
    step = round_step(high - low, lines)
    bottom = (low // step) * step
    top = -(-high // step) * step
    return bottom, top, step
