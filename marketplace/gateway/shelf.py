"""The public shelf of models: which can be called, what they cost at this moment, and at whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.catalogue.filters import Facet, Option
from portal.accounts.models import Organisation

from .models import AiModel, Endpoint
from .prices import Prices, Table, lowest, prices_of

PAGE_SIZE = 50
QUERY_CHARS = 100


@dataclass(frozen=True)
class Offer:
    """One provider's endpoint with its prices; the two figures are those of a short call at this moment."""

    endpoint: Endpoint
    prices: Prices
    input_uy: int
    output_uy: int | None


@dataclass(frozen=True)
class Card:
    """A model and who serves it, the cheapest first."""

    model: AiModel
    offers: tuple[Offer, ...]

    @property
    def input_uy(self) -> int:
        return min(offer.input_uy for offer in self.offers)

    @property
    def output_uy(self) -> int | None:
        return min((offer.output_uy for offer in self.offers if offer.output_uy is not None), default=None)

    @property
    def providers(self) -> list[str]:
        return list(dict.fromkeys(offer.endpoint.provider.name for offer in self.offers))


@dataclass(frozen=True)
class Shelf:
    """One page of models by name; `found` of `total` fit what is chosen."""

    cards: list[Card]
    found: int
    total: int
    facets: list[Facet]
    chosen: Chosen
    page: int
    pages: int


GROUPS: dict[str, tuple[Any, Callable[[AiModel], str], Callable[[AiModel], str]]] = {
    "maker": (gettext_lazy("Made by"), lambda model: model.maker, lambda model: model.maker),
    "kind": (
        gettext_lazy("What it does"),
        lambda model: model.kind,
        lambda model: str(capfirst(AiModel.Kind(model.kind).label)),
    ),
}


@dataclass(frozen=True)
class Chosen:
    """What the address says: group -> values, and the words that are looked for."""

    values: Mapping[str, frozenset[str]]
    text: str = ""

    @classmethod
    def of(cls, query: Any) -> Chosen:
        """From a QueryDict; what is unknown is ignored."""
        values = {name: frozenset(query.getlist(name)[:20]) for name in GROUPS if query.getlist(name)}
        return cls(values, query.get("q", "").strip()[:QUERY_CHARS])

    def keep(self, model: AiModel, *, but: str = "") -> bool:
        words = f"{model.slug} {model.name} {model.maker} {model.note_zh} {model.note_en}".casefold()
        return all(word in words for word in self.text.casefold().split()) and all(
            GROUPS[name][1](model) in wanted for name, wanted in self.values.items() if name != but
        )

    @property
    def count(self) -> int:
        return sum(len(values) for values in self.values.values()) + bool(self.text)

    def query(self, *, without: tuple[str, str] | None = None, **more: str) -> str:
        pairs = [(n, v) for n in GROUPS for v in sorted(self.values.get(n, ())) if (n, v) != without]
        if self.text and without != ("q", self.text):
            pairs.append(("q", self.text))
        return "?" + urlencode([*pairs, *more.items()])

    def chips(self) -> list[dict[str, str]]:
        kinds = dict(AiModel.Kind.choices)
        found = [{"label": str(capfirst(str(kinds.get(v, v)))), "url": self.query(without=(n, v))}
                 for n in GROUPS for v in sorted(self.values.get(n, ()))]
        if self.text:
            found.append({"label": _("“%(text)s”") % {"text": self.text}, "url": self.query(without=("q", self.text))})
        return found


def shelf(*, now: datetime, chosen: Chosen, page: int = 1) -> Shelf:
    """Models that somebody serves at this moment. Two queries."""
    cards = _cards(now)
    kept = [card for card in cards if chosen.keep(card.model)]
    pages = max(1, -(-len(kept) // PAGE_SIZE))
    page = min(max(1, page), pages)
    return Shelf(kept[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], len(kept), len(cards),
                 _facets([card.model for card in cards], chosen), chosen, page, pages)


def offers_of(model: AiModel, *, now: datetime) -> tuple[Offer, ...]:
    """Who serves a model at this moment, the cheapest first. Two queries."""
    found = _cards(now, model=model)
    return found[0].offers if found else ()


def _cards(now: datetime, **only: Any) -> list[Card]:
    rows = Endpoint.objects.published().filter(provider__state=Organisation.State.APPROVED, **only)
    endpoints = list(rows.select_related("model", "provider", "region"))
    prices = prices_of(endpoints, now=now)
    models = {endpoint.model_id: endpoint.model for endpoint in endpoints}
    offers: dict[int, list[Offer]] = {}
    for endpoint in endpoints:
        offer = _offer(endpoint, prices[endpoint.pk], now)
        if offer:
            offers.setdefault(endpoint.model_id, []).append(offer)
    cards = [Card(models[pk], tuple(sorted(found, key=_dearness))) for pk, found in offers.items()]
    return sorted(cards, key=lambda card: (card.model.name.casefold(), card.model.slug))


def _offer(endpoint: Endpoint, prices: Prices, now: datetime) -> Offer | None:
    """None where nothing is for sale at this moment."""
    tables: list[Table] = [prices.now] if prices.now else []
    input_uy, output_uy = (lowest(tables, direction, now=now) for direction in ("input", "output"))
    if input_uy is None or (output_uy is None and endpoint.model.kind == AiModel.Kind.CHAT):
        return None
    return Offer(endpoint, prices, input_uy, output_uy)


def _dearness(offer: Offer) -> tuple[int, int]:
    return offer.input_uy + (offer.output_uy or 0), offer.endpoint.pk


def _facets(models: list[AiModel], chosen: Chosen) -> list[Facet]:
    """Values with how many models each would leave. A group with one value and nothing chosen says nothing."""
    shown = []
    for name, (legend, value, label) in GROUPS.items():
        labels = {value(model): label(model) for model in models}
        wanted = chosen.values.get(name, frozenset())
        if len(labels) < 2 and not wanted & set(labels):
            continue
        fits = [value(model) for model in models if chosen.keep(model, but=name)]
        options = [Option(value=v, label=labels[v], count=fits.count(v), checked=v in wanted)
                   for v in sorted(labels, key=labels.__getitem__)]
        shown.append(Facet(name=name, legend=str(legend), options=options))
    return shown
