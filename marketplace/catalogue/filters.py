"""Narrowing a shelf: five groups of values with counts, their state kept in the URL. Pure.

A count says how many packages would be on the shelf with that value and every other group as it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.core.money import CNY_UY

from .models import Package, Plan

if TYPE_CHECKING:
    from .queries import Offer

BANDS = (("50", 50), ("100", 100), ("300", 300), ("more", None))  # value in the URL, upper end in whole yuan
SORTS = {
    "price": gettext_lazy("Lowest cap first"),
    "start": gettext_lazy("Soonest start first"),
    "name": gettext_lazy("By name"),
    "new": gettext_lazy("Newest first"),
}


@dataclass(frozen=True, kw_only=True)
class Option:
    value: str
    label: str
    count: int
    checked: bool


@dataclass(frozen=True, kw_only=True)
class Facet:
    name: str
    legend: str
    options: list[Option]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What is chosen: group → values; an empty group keeps everything."""

    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sort: str = "price"

    @classmethod
    def of(cls, query: Any) -> Filters:
        """From a QueryDict; unknown groups and sorts are ignored."""
        chosen = {name: frozenset(query.getlist(name)[:20]) for name in GROUPS if query.getlist(name)}
        sort = query.get("sort", "price")
        return cls(chosen=chosen, sort=sort if sort in SORTS else "price")

    def keep(self, offer: Offer, *, but: str = "") -> bool:
        """Whether an offer passes every group (leaving out the group `but`)."""
        return all(GROUPS[name].value(offer) in self.chosen[name] for name in self.chosen if name != but)

    @property
    def count(self) -> int:
        return sum(len(values) for values in self.chosen.values())

    def query(self, *, without: tuple[str, str] | None = None, **changes: str) -> str:
        """The query string of this choice, without one value, or with another sort or page."""
        pairs = [(n, v) for n in GROUPS for v in sorted(self.chosen.get(n, ())) if (n, v) != without]
        sort = changes.pop("sort", self.sort)
        pairs += [("sort", sort)] if sort != "price" else []
        return urlencode([*pairs, *changes.items()])


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group of values: the value and the words of an offer. `order` sorts the values."""

    legend: Any
    value: Callable[[Offer], str]
    label: Callable[[Offer], str]
    order: Callable[[str], Any] | None = None


def band(offer: Offer) -> str:
    return next(value for value, top in BANDS if top is None or offer.cap_uy <= top * CNY_UY)


def _band_label(offer: Offer) -> str:
    key = band(offer)
    bottoms = dict(zip([value for value, _top in BANDS], [0, *[top for _value, top in BANDS]], strict=False))
    top = dict(BANDS)[key]
    if not bottoms[key]:
        return _("Up to CNY %(top)d") % {"top": top}
    if top is None:
        return _("Over CNY %(bottom)d") % {"bottom": bottoms[key]}
    return _("CNY %(bottom)d to %(top)d") % {"bottom": bottoms[key], "top": top}


GROUPS: dict[str, Group] = {
    "band": Group(
        legend=gettext_lazy("Most it can cost"),
        value=band,
        label=_band_label,
        order=[value for value, _top in BANDS].index,
    ),
    "region": Group(
        legend=gettext_lazy("Where data stay"),
        value=lambda offer: offer.offering.region.key,
        label=lambda offer: offer.offering.region.name,
    ),
    "pay": Group(
        legend=gettext_lazy("How you pay"),
        value=lambda offer: offer.plan.billing_mode,
        label=lambda offer: capfirst(str(Plan.BillingMode(offer.plan.billing_mode).label)),
        order=Plan.BillingMode.values.index,
    ),
    "data": Group(
        legend=gettext_lazy("Data class"),
        value=lambda offer: offer.package.data_class,
        label=lambda offer: capfirst(str(Package.DataClass(offer.package.data_class).label)),
        order=Package.DataClass.values.index,
    ),
    "provider": Group(
        legend=gettext_lazy("Provider"),
        value=lambda offer: offer.provider.slug,
        label=lambda offer: offer.provider.name,
    ),
}


def facets(offers: Iterable[Offer], filters: Filters) -> list[Facet]:
    """The groups with what stands on this shelf. A group with one value and nothing chosen says nothing."""
    offers = list(offers)
    shown = []
    for name, group in GROUPS.items():
        labels: dict[str, str] = {}
        packages: dict[str, set[int]] = {}
        for offer in offers:
            value = group.value(offer)
            if value not in labels:
                labels[value], packages[value] = group.label(offer), set()
            if filters.keep(offer, but=name):
                packages[value].add(offer.package.pk)
        chosen = filters.chosen.get(name, frozenset())
        values = sorted(labels, key=group.order or labels.__getitem__)
        if len(values) > 1 or chosen & set(values):
            options = [
                Option(value=v, label=labels[v], count=len(packages[v]), checked=v in chosen) for v in values
            ]
            shown.append(Facet(name=name, legend=str(group.legend), options=options))
    return shown
