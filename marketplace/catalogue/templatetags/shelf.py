"""What only this room's templates need: cards, sizes, waiting times, words of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from marketplace.catalogue.queries import Card, Offer
from portal.core.words import MINUS

register = template.Library()
CARDS = 1000
_drawn: dict[tuple[Any, ...], SafeString] = {}


@register.simple_tag
def shelf_card(card: Card, compare: bool = False, plain: bool = False) -> SafeString:
    """One package on a shelf (catalogue/_card.html), drawn once per process for what it shows.

    A page of 50 cards took 79 ms of CPU without this and takes 33 with it. The key holds everything that the
    template shows; a plan stands for its prices because it is never edited.
    """
    package, offer = card.package, card.best
    if offer is None:
        return SafeString("")
    offering = offer.offering
    words = (package.name, package.outcome, package.firm, package.unit)
    seen = (offering.name, offering.region.name, offering.starts_in_s, offer.provider.name)
    key = (
        *(get_language(), compare, plain, package.code, package.industry, package.example_digest),
        *(bool(card.picture), card.others, *words, offering.pk, *seen),
        *(offer.plan.pk, offer.units, offer.expected_uy),
    )
    if key not in _drawn:
        if len(_drawn) >= CARDS:
            _drawn.clear()
        context = {"card": card, "compare": compare, "plain": plain}
        _drawn[key] = SafeString(render_to_string("catalogue/_card.html", context))
    return _drawn[key]


@register.filter
def minutes(seconds: int | None) -> int:
    """Whole minutes, up: how long one waits for a start."""
    return -(-(seconds or 0) // 60)


@register.filter
def size(offer: Offer | None) -> str:
    """How big the job of a price is: "20 outlets"."""
    return f"{offer.units:,} {offer.package.unit}" if offer else ""


@register.filter
def by_language(words: Mapping[str, str] | str | None) -> str:
    """The words of a result.json, {"en": …, "zh": …}, in the active language."""
    if not isinstance(words, Mapping):
        return words or ""
    first, second = ("zh", "en") if (get_language() or "en").startswith("zh") else ("en", "zh")
    return words.get(first) or words.get(second) or ""


@register.filter
def figure(value: Any) -> str:
    """A figure or a word of a result.json: whole numbers grouped, others as they are."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace("-", MINUS)
    return str(value)
