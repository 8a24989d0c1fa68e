"""Tokens, shares and countries as people read them."""

from __future__ import annotations

from django import template
from django.utils.translation import get_language, pgettext, pgettext_lazy

from portal.core.words import MINUS

register = template.Library()

# Chinese counts in ten thousands, English in thousands
SCALES_ZH = ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"))
SCALES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
COUNTRIES = {
    "CA": pgettext_lazy("country", "Canada"),
    "CN": pgettext_lazy("country", "China"),
    "DE": pgettext_lazy("country", "Germany"),
    "FR": pgettext_lazy("country", "France"),
    "GB": pgettext_lazy("country", "United Kingdom"),
    "JP": pgettext_lazy("country", "Japan"),
    "KR": pgettext_lazy("country", "South Korea"),
    "SG": pgettext_lazy("country", "Singapore"),
    "US": pgettext_lazy("country", "United States"),
}


@register.filter
def tokens(count: int, style: str = "") -> str:
    """12960000000000 → “12.96 T”, 「12.96 万亿」; the exact number below the smallest scale.

    style: "short" drops decimals that say nothing.
    """
    count = int(count)
    for scale, sign in SCALES_ZH if (get_language() or "").startswith("zh") else SCALES:
        if count >= scale:
            places = 2 if count < 100 * scale else 1
            text = f"{count / scale:,.{places}f}"
            return f"{text.rstrip('0').rstrip('.') if style == 'short' else text} {sign}"
    return f"{count:,}"


@register.filter
def share_text(ppm: int) -> str:
    """395000 → “39.5 %”; “< 0.1 %” for what would read as nothing."""
    if 0 < int(ppm) < 500:
        return "< 0.1 %"
    return f"{int(ppm) / 10_000:.1f} %"


@register.filter
def change_text(ppm: int | None, places: int = 1) -> str:
    """315000 → “+31.5 %”, with a true minus; "–" for None, which is no figure before."""
    if ppm is None:
        return "–"
    text = f"{abs(int(ppm)) / 10_000:,.{places}f}"
    sign = "±" if not text.strip("0.") else "+" if int(ppm) > 0 else MINUS
    return f"{sign}{text} %"


@register.filter
def country_name(code: str) -> str:
    """The country of a two-letter code in the language of the page; the code itself if it has no word here."""
    return str(COUNTRIES.get(code, code)) or pgettext("country", "unknown")
