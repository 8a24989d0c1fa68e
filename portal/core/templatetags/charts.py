"""Tags that draw a result: numbers from portal.core.charts, SVG from templates/components/chart_*.html.

A chart that cannot be drawn is left out rather than breaking the page it stands on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy

from portal.core.charts import bars, forecast, lines, routes

register = template.Library()

# the five outcomes of a slot in the order they are stacked: words, and how they are drawn
OUTCOMES = {
    "delivered": (pgettext_lazy("slot outcome", "Delivered"), "k1", ""),
    "idle_verified": (pgettext_lazy("slot outcome", "Idle, verified"), "", "url(#p-hatch)"),
    "idle_unverified": (pgettext_lazy("slot outcome", "Idle, not verified"), "", "url(#p-dots)"),
    "recalled": (pgettext_lazy("slot outcome", "Recalled"), "ks l1", ""),
    "failed": (pgettext_lazy("slot outcome", "Failed"), "kr", ""),
}
# the tokens of calls in the order they are stacked
TOKENS = {
    "tokens_in": (gettext_lazy("Input"), "k1", ""),
    "tokens_cached": (gettext_lazy("Input from the cache"), "", "url(#p-hatch)"),
    "tokens_out": (gettext_lazy("Output"), "ks l1", ""),
}
COLUMN, FULL = 680, 1104  # widths of a figure beside a receipt and alone, so that its words keep their size
NEVER_DRAWN = (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError)


@register.simple_tag
def chart(
    data: Mapping[str, Any] | None, title: str, caption: str = "", unit: str = "", full: bool = False
) -> SafeString | str:
    """The `chart` object of a result.json as a figure with its table behind it; "" when it cannot be drawn.

    title says in words what is shown (it is the picture's name for those who cannot see it);
    full: the figure has the whole width of the page, not a column beside a receipt.
    """
    if not data:
        return ""
    try:
        shown = _forecast(data, full) if data.get("kind") == "forecast" else _routes(data, full)
    except NEVER_DRAWN:
        return ""
    name = (
        "components/chart_forecast.html" if data.get("kind") == "forecast" else "components/chart_routes.html"
    )
    return SafeString(render_to_string(name, {**shown, "title": title, "caption": caption, "unit": unit}))


@register.simple_tag
def chart_card(data: Mapping[str, Any] | None, title: str, bare: bool = False) -> SafeString | str:
    """The same as a picture for a card, 330 × 206, without a table; bare: no words, for a thumbnail."""
    if not data:
        return ""
    try:
        if data.get("kind") == "forecast":
            shown: Any = forecast.picture(
                data, width=330, height=206, keep=14, ahead=8, axis_lines=3, date_ticks=4
            )
            name = "components/svg_forecast.html"
        else:
            shown = routes.picture(data, width=330, height=206, margin=18)
            name = "components/svg_routes.html"
    except NEVER_DRAWN:
        return ""
    return SafeString(render_to_string(name, {"p": shown, "title": title, "bare": bare}))


def _forecast(data: Mapping[str, Any], full: bool) -> dict[str, Any]:
    months = data.get("x") == "month"
    return {
        "wide": forecast.picture(
            data, width=FULL if full else COLUMN, keep=48 if months else 42, ahead=24 if months else 28
        ),
        "thin": forecast.picture(
            data,
            width=350,
            height=310,
            keep=24 if months else 10,
            ahead=12 if months else 28,
            axis_lines=4,
            date_ticks=3,
        ),
    }


def _routes(data: Mapping[str, Any], full: bool) -> dict[str, Any]:
    return {
        "wide": routes.picture(data, width=FULL if full else COLUMN, height=480 if full else 420),
        "thin": routes.picture(data, width=350, height=330),
    }


@register.simple_tag
def chart_outcomes(
    rows: Sequence[tuple[Any, Sequence[int]]],
    title: str,
    unit: str = "",
    column: str = "",
    totals: Sequence[str] = (),
) -> SafeString | str:
    """Stacked bars of the five outcomes of slots with their key and table.

    rows: (day or text, (delivered, idle verified, idle unverified, recalled, failed)), integers of `unit`.
    totals: the five sums as text, where whole units would hide what is little.
    """
    return _bars(rows, OUTCOMES, title, unit, column, totals)


@register.simple_tag
def chart_tokens(rows: Sequence[tuple[Any, Sequence[int]]], title: str) -> SafeString | str:
    """Stacked bars of tokens by day. rows: (day, (input, input from the cache, output)), tokens."""
    return _bars(rows, TOKENS, title, gettext("tokens"))


def _bars(
    rows: Sequence[tuple[Any, Sequence[int]]],
    styles: Mapping[str, tuple[Any, str, str]],
    title: str,
    unit: str,
    column: str = "",
    totals: Sequence[str] = (),
) -> SafeString | str:
    if not rows:
        return ""
    shown = bars.picture(rows, tuple(styles))
    key = [
        {"label": label, "css": css, "fill": fill, "total": total, "says": says}
        for (label, css, fill), total, says in zip(
            styles.values(), shown.totals, totals or [""] * len(styles), strict=True
        )
    ]
    return SafeString(
        render_to_string(
            "components/chart_bars.html",
            {
                "p": shown,
                "styles": styles,
                "key": key,
                "title": title,
                "unit": unit,
                "column": column or gettext("Day"),
            },
        )
    )


@register.simple_tag
def chart_line(
    series: Sequence[tuple[date, float]],
    title: str,
    caption: str = "",
    decimals: int = 2,
    full: bool = True,
) -> SafeString | str:
    """One line over time with axis and table, such as the price index."""
    if not series:
        return ""
    return SafeString(
        render_to_string(
            "components/chart_line.html",
            {
                "wide": lines.picture(series, width=FULL if full else COLUMN, decimals=decimals),
                "thin": lines.picture(series[-30:], width=350, height=200, decimals=decimals),
                "title": title,
                "caption": caption,
            },
        )
    )


@register.simple_tag
def sparkline(series: Sequence[tuple[date, float]], title: str) -> SafeString | str:
    """A line of the height of two lines of text; title says what it shows and how it ends."""
    if not series:
        return ""
    return SafeString(
        render_to_string(
            "components/sparkline.html",
            {"p": lines.picture(series, width=240, height=48, spark=True), "title": title},
        )
    )


@register.filter
def outcome_style(key: str) -> tuple[Any, str, str]:
    """Words, fill class and pattern of one outcome of a slot, or of one kind of tokens."""
    return OUTCOMES.get(key) or TOKENS[key]


@register.filter
def chart_date(day: Any, by_month: bool = False) -> str:
    """A date under an axis, as short as the language allows."""
    if not isinstance(day, date):
        return str(day)
    style = (
        pgettext("short date under a chart", "M Y")
        if by_month
        else pgettext("short date under a chart", "j M")
    )
    return date_format(day, style, use_l10n=False)
