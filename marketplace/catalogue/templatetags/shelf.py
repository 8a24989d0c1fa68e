"""Pictures on the shelf: the example result of a package, drawn once per process and language."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext

from marketplace.catalogue.queries import Card, Offer
from portal.core.templatetags.charts import chart_card

register = template.Library()
DRAWN = 1000
_drawn: dict[tuple[str, str | None, str], SafeString | str] = {}


@register.simple_tag
def drawing(card: Card) -> SafeString | str:
    """The small picture of a card's example result; "" where there is none."""
    package = card.package
    if not card.picture:
        return ""
    if not package.example_digest:
        return chart_card(card.picture, package.name, True)
    key = (package.example_digest, get_language(), package.name)
    if key not in _drawn:
        if len(_drawn) > DRAWN:
            _drawn.clear()
        _drawn[key] = chart_card(card.picture, package.name, True)
    return _drawn[key]


@register.filter
def minutes(seconds: int | None) -> int:
    """Whole minutes, up: how long one waits for a start."""
    return -(-(seconds or 0) // 60)


@register.filter
def size(offer: Offer | None) -> str:
    """How big the job of a price is: "20 outlets"."""
    if offer is None:
        return ""
    values = {"n": f"{offer.units:,}", "unit": offer.package.unit}
    return pgettext("size of a job", "%(n)s %(unit)s") % values


@register.filter
def by_language(words: Mapping[str, str] | str | None) -> str:
    """The words of a result.json, {"en": …, "zh": …}, in the active language."""
    if not isinstance(words, Mapping):
        return words or ""
    first, second = ("zh", "en") if (get_language() or "en").startswith("zh") else ("en", "zh")
    return words.get(first) or words.get(second) or ""
