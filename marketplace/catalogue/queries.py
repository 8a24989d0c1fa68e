"""What stands on the shelves, as pages need it: cards with their lid, filters with counts, one package whole.

A shelf of any length takes three queries: the plans that hold now with their offerings and packages, the
packages that cannot be bought yet, and the pictures of the cards on the page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import F, Func, Prefetch, Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.utils.translation import get_language

from portal.accounts.models import Industry, Organisation
from portal.history.actions import subject_of
from portal.history.models import Step
from portal.history.words import WordedStep, worded

from . import sample
from .filters import Facet, Filters, facets
from .models import Interest, Offering, Package, Plan
from .pricing import cap_uy, expected_uy
from .reference import industry_words
from .search import QUERY_CHARS, corrected, nearest, ranked, terms

PAGE_SIZE = 50
COMPARED = 4
FEATURED = 6
TABLE_LINES = 10  # of an example result, on a package's page
HEAVY = ("example_result", "search", "params", "columns_zh", "columns_en", "source")  # not needed on a card


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An offering, the plan that holds now, and what a run of `units` costs at most."""

    offering: Offering
    plan: Plan
    units: int
    cap_uy: int
    expected_uy: int | None

    @property
    def package(self) -> Package:
        return self.offering.package

    @property
    def provider(self) -> Organisation:
        return self.offering.provider


@dataclass(frozen=True, kw_only=True)
class Card:
    """A package as it stands on a shelf; `best` is its lowest offer, None when it cannot be bought yet."""

    package: Package
    best: Offer | None = None
    others: int = 0
    picture: Mapping[str, Any] | None = None
    asked: bool = False


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """One page of cards that can be bought, and below them what cannot be bought yet."""

    cards: list[Card]
    found: int
    total: int
    coming: list[Card]
    facets: list[Facet]
    filters: Filters
    page: int = 1
    pages: int = 1


@dataclass(frozen=True, kw_only=True)
class IndustryCount:
    """How much a trade finds here, for the front page."""

    key: str
    name: str
    available: int
    coming: int
    lowest_cap_uy: int | None

    @property
    def url(self) -> str:
        return f"/industry/{self.key}/"


@dataclass(frozen=True, kw_only=True)
class Front:
    industries: list[IndustryCount]
    featured: list[Card]

    @property
    def covered(self) -> int:
        """Industries of the 15 with something that runs."""
        return sum(row.available > 0 for row in self.industries if row.key != Industry.OTHER)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The answer to a sentence. `meant` differs from `asked` when a slip of the finger was mended."""

    text: str
    cards: list[Card]
    coming: list[Card]
    nearest: list[Card] = field(default_factory=list)
    mended: bool = False


@dataclass(frozen=True, kw_only=True)
class PackagePage:
    """One package whole: who offers it (lowest cap first), the example result, the sample's first lines."""

    package: Package
    offers: list[Offer]
    example: Mapping[str, Any] | None
    sample: sample.Sample | None

    @property
    def best(self) -> Offer | None:
        return self.offers[0] if self.offers else None

    @property
    def picture(self) -> Mapping[str, Any] | None:
        return (self.example or {}).get("chart")

    @property
    def table_rows(self) -> list[list[tuple[Any, str]]]:
        """The first lines of the example's table: (cell, alignment) pairs."""
        table = (self.example or {}).get("table") or {"columns": [], "rows": []}
        aligns = [column.get("align", "left") for column in table["columns"]]
        return [list(zip(row, aligns, strict=False)) for row in table["rows"][:TABLE_LINES]]

    @property
    def table_more(self) -> int:
        table = (self.example or {}).get("table") or {"rows": []}
        return max(0, len(table["rows"]) - TABLE_LINES)


def offer(plan: Plan, units: int | None = None) -> Offer:
    """What a plan's offering costs for so many units (None: the package's usual size)."""
    package = plan.offering.package
    units = units or package.sizing_default
    likely = expected_uy(
        plan, units, measured_cms=package.expected_cms, measured_units=package.sizing_default
    )
    return Offer(
        offering=plan.offering, plan=plan, units=units, cap_uy=cap_uy(plan, units), expected_uy=likely
    )


def published(
    *,
    now: datetime,
    industry: str | None = None,
    filters: Filters | None = None,
    page: int = 1,
    user_id: int | None = None,
) -> Shelf:
    """What can be bought now, in one trade or in all, narrowed, sorted and cut into pages of 50.

    Below the last page of a trade stands what it cannot buy yet.
    """
    filters = filters or Filters()
    offers = _offers(now=now, industry=industry)
    kept = [row for row in offers if filters.keep(row)]
    cards = _sorted(_cards(kept), filters.sort)
    pages = max(1, -(-len(cards) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    shown = _with_pictures(cards[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    sold = {row.package.pk for row in offers}
    return Shelf(
        cards=shown,
        found=len(cards),
        total=len(sold),
        coming=_coming(sold, industry, user_id) if industry and page == pages else [],
        facets=facets(offers, filters),
        filters=filters,
        page=page,
        pages=pages,
    )


def front(*, now: datetime) -> Front:
    """The 15 trades (and other) with what is on offer in each, and a few outcomes with their pictures."""
    cards = _cards(_offers(now=now))
    sold = {card.package.pk for card in cards}
    coming = dict.fromkeys(Industry.values, 0)
    for pk, key in Package.objects.values_list("pk", "industry"):
        coming[key] += pk not in sold
    of: dict[str, list[Card]] = {key: [] for key in Industry.values}
    for card in _sorted(cards, "price"):
        of[card.package.industry].append(card)
    industries = [
        IndustryCount(
            key=key,
            name=str(label),
            available=len(of[key]),
            coming=coming[key],
            lowest_cap_uy=of[key][0].best.cap_uy if of[key] else None,  # type: ignore[union-attr]
        )
        for key, label in Industry.choices
    ]
    firsts = [mine[0] for mine in of.values() if mine]
    return Front(industries=industries, featured=_with_pictures(_alternating(firsts)[:FEATURED]))


def search(*, text: str, now: datetime, user_id: int | None = None) -> Found:
    """Packages that answer a plain sentence, Chinese or English, best first.

    Costs two queries more when a word is nobody's: then the nearest word that somebody uses is taken.
    """
    asked = terms(text[:QUERY_CHARS])
    candidates = _candidates(asked)
    known = {term for package in candidates for term in package.search}
    meant = asked
    if any(term[0].isascii() and term not in known for term in asked):
        meant = corrected(asked, _vocabulary())
        candidates = _candidates(meant) if meant != asked else candidates
    by_code = {package.code: package for package in candidates}
    order = [code for code, _score in ranked(meant, {code: _weighed(row) for code, row in by_code.items()})]
    packages = [by_code[code] for code in order]
    offers = _offers(now=now, packages=packages) if packages else []
    cards = {card.package.code: card for card in _cards(offers)}
    sold = _with_pictures([cards[code] for code in order if code in cards])
    coming = _asked_for([Card(package=by_code[code]) for code in order if code not in cards], user_id)
    close = [] if order or not text.strip() else _nearest(text, now=now)
    return Found(text=text, cards=sold, coming=coming, nearest=close, mended=meant != asked)


def package_page(code: str, *, now: datetime, units: int | None = None) -> PackagePage | None:
    """One package with everything a buyer may ask of it; None when there is no such package."""
    package = Package.objects.filter(code=code).first()
    if package is None:
        return None
    offers = _offers(now=now, packages=[package], units=units)
    for row in offers:
        row.offering.package = package  # whole, where the query left out what a card does not show
    return PackagePage(
        package=package,
        offers=sorted(offers, key=lambda row: (row.cap_uy, row.offering.pk)),
        example=package.example_result,
        sample=sample.of(package),
    )


def preview(offering: Offering, *, now: datetime) -> PackagePage:
    """The page of an offering's package as if it alone were published; without a price it has no offer."""
    plans = Plan.objects.at(now).filter(offering=offering).select_related(*WITH_PLAN)
    offers = sorted((offer(plan) for plan in plans), key=lambda row: row.cap_uy)
    package = offering.package
    return PackagePage(
        package=package, offers=offers, example=package.example_result, sample=sample.of(package)
    )


def compare(names: Iterable[str], *, now: datetime) -> list[Offer]:
    """Up to four offers side by side, in the order they were named: by package code (its lowest offer) or by
    an offering's public id. Unknown names are left out.
    """
    wanted = list(dict.fromkeys(names))[:COMPARED]
    plans = _plans(now).filter(Q(offering__public_id__in=wanted) | Q(offering__package__code__in=wanted))
    plans = plans.select_related(*WITH_PLAN).defer("offering__package__example_result")
    by_name: dict[str, Offer] = {}
    for row in sorted((offer(plan) for plan in plans), key=lambda row: (row.cap_uy, row.offering.pk)):
        by_name.setdefault(row.offering.public_id, row)
        by_name.setdefault(row.package.code, row)
    return [by_name[name] for name in wanted if name in by_name]


def offerings_of(provider: Organisation, *, now: datetime) -> list[tuple[Offering, list[Offer]]]:
    """A provider's own offerings, what needs work first, each with the plans that hold."""
    rows = Offering.objects.of(provider).select_related("package", "region", "resource_class", "provider")
    offers: dict[int, list[Offer]] = {}
    for plan in Plan.objects.at(now).filter(offering__provider=provider).select_related(*WITH_PLAN):
        offers.setdefault(plan.offering_id, []).append(offer(plan))
    order = [*Offering.State.values]
    return [
        (row, sorted(offers.get(row.pk, []), key=lambda found: found.cap_uy))
        for row in sorted(rows, key=lambda row: (order.index(row.state), -row.pk))
    ]


def off_the_shelf(provider: Organisation) -> list[Offering]:
    """What a provider has to work on: returned by the staff or paused."""
    mine = Offering.objects.of(provider).select_related("package")
    paused = Q(state=Offering.State.PAUSED)
    returned = Q(state=Offering.State.DRAFT) & ~Q(returned_reason="")
    return list(mine.filter(paused | returned).defer("package__example_result").order_by("-id")[:10])


def interests_to_tell(*, now: datetime) -> QuerySet[Interest]:
    """Whoever asked to be told about a package that can be bought now, and was not told yet."""
    sold = _plans(now).values("offering__package_id")
    return Interest.objects.filter(told_at=None, package__in=sold).select_related("package")


WITH_PLAN = ("offering__package", "offering__provider", "offering__region", "offering__resource_class")


def _plans(now: datetime) -> QuerySet[Plan]:
    return Plan.objects.at(now).filter(
        offering__state=Offering.State.PUBLISHED, offering__package__is_runnable=True
    )


def _offers(
    *,
    now: datetime,
    industry: str | None = None,
    packages: Collection[Package] | None = None,
    units: int | None = None,
) -> list[Offer]:
    """Every offer that can be bought now, of one trade or of some packages. One query."""
    plans = _plans(now)
    if industry:
        plans = plans.filter(offering__package__industry=industry)
    if packages is not None:
        plans = plans.filter(offering__package__in=packages)
    plans = plans.select_related(*WITH_PLAN).defer(*(f"offering__package__{name}" for name in HEAVY))
    return [offer(plan, units) for plan in plans]


def _cards(offers: Iterable[Offer]) -> list[Card]:
    """One card a package, with its lowest offer."""
    of: dict[int, list[Offer]] = {}
    for row in offers:
        of.setdefault(row.package.pk, []).append(row)
    cards = []
    for mine in of.values():
        best = min(mine, key=lambda row: (row.cap_uy, row.offering.pk))
        others = len({row.offering.pk for row in mine}) - 1
        cards.append(Card(package=best.package, best=best, others=others))
    return cards


def _sorted(cards: list[Card], sort: str) -> list[Card]:
    zh = (get_language() or "").startswith("zh")

    def name(card: Card) -> str:
        return card.package.sort_zh if zh else card.package.name_en.lower()

    def key(card: Card) -> tuple[Any, ...]:
        best = card.best
        assert best is not None
        if sort == "start":
            seconds = best.offering.starts_in_s
            return (seconds is None, seconds or 0, best.cap_uy, name(card))
        if sort == "name":
            return (name(card),)
        if sort == "new":
            at = best.offering.published_at
            return (-at.timestamp() if at else 0, name(card))
        return (best.cap_uy, name(card))

    return sorted(cards, key=key)


def _alternating(cards: list[Card]) -> list[Card]:
    """The same cards with their recipes in turn, so that pictures differ beside each other."""
    piles: dict[str, list[Card]] = {}
    for card in cards:
        piles.setdefault(card.package.recipe, []).append(card)
    result: list[Card] = []
    while any(piles.values()):
        result.extend(pile.pop(0) for pile in piles.values() if pile)
    return result


def _with_pictures(cards: list[Card]) -> list[Card]:
    """The same cards with the chart of their example result. One query for what is not yet read."""
    missing = [
        card.package.pk
        for card in cards
        if card.package.example_digest and card.package.example_digest not in _read
    ]
    if missing:
        if len(_read) > PICTURES:
            _read.clear()
        rows = Package.objects.filter(pk__in=missing).annotate(chart=KeyTransform("chart", "example_result"))
        _read.update(rows.values_list("example_digest", "chart"))
    return [replace(card, picture=_read.get(card.package.example_digest)) for card in cards]


PICTURES = 500
_read: dict[str, Any] = {}  # digest of an example result → its chart; never changes


def _coming(sold: Collection[int], industry: str, user_id: int | None) -> list[Card]:
    packages = Package.objects.filter(industry=industry).exclude(pk__in=sold).defer(*HEAVY)
    return _asked_for([Card(package=package) for package in packages], user_id)


def _asked_for(cards: list[Card], user_id: int | None) -> list[Card]:
    """Marks what this person already waits for. One query, none for somebody who is not signed in."""
    if not cards or user_id is None:
        return cards
    wanted = set(
        Interest.objects.filter(user_id=user_id, package__in=[card.package for card in cards]).values_list(
            "package_id", flat=True
        )
    )
    return [replace(card, asked=card.package.pk in wanted) for card in cards]


def _candidates(asked: list[str]) -> list[Package]:
    if not asked:
        return []
    return list(Package.objects.filter(search__overlap=asked).defer("example_result", "params", "source"))


def _vocabulary() -> set[str]:
    return set(
        Package.objects.annotate(term=Func(F("search"), function="unnest"))
        .values_list("term", flat=True)
        .distinct()
    )


def _weighed(package: Package) -> list[tuple[str, int]]:
    """The texts of a package by how much a word in them says about it."""
    return [
        (f"{package.name_zh} {package.name_en}", 4),
        (" ; ".join(package.words), 4),
        (f"{package.outcome_zh} {package.outcome_en}", 2),
        (industry_words().get(package.industry, ""), 2),
        (f"{package.unit_zh} {package.unit_en} {package.sizing_zh} {package.sizing_en}", 1),
        (f"{package.value_zh} {package.value_en} {package.firm_zh} {package.firm_en}", 1),
        (f"{package.bring_zh} {package.bring_en}", 1),
    ]


def _nearest(text: str, *, now: datetime) -> list[Card]:
    """For a question that nothing answers: what can be bought and shares most characters with it."""
    cards = {card.package.code: card for card in _cards(_offers(now=now))}
    names = {
        code: " ".join([card.package.name_zh, card.package.name_en, *card.package.words])
        for code, card in cards.items()
    }
    return _with_pictures([cards[code] for code in nearest(text, names)])


def listed(*, now: datetime, provider: Organisation | None = None) -> QuerySet[Offering]:
    """Offerings for the API, each with `current_plans`: the published ones, or all of one provider's."""
    rows = Offering.objects.of(provider) if provider else Offering.objects.published()
    current = Prefetch("plans", queryset=Plan.objects.at(now), to_attr="current_plans")
    heavy = (f"package__{name}" for name in HEAVY)
    return (
        rows.select_related("package", "provider", "region", "resource_class")
        .defer(*heavy)
        .prefetch_related(current)
    )


CHANGES = ("price_set", "price_ended", "draft_changed", "listed")


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a provider did to an offering since the staff last saw it (None: they never did), newest first."""

    since: Step | None
    steps: list[WordedStep]


def changes(offering: Offering) -> Changes:
    """Since it was last put on the shelf or returned. Three queries at most."""
    steps = Step.objects.filter(subject=subject_of(offering)).order_by("-id")
    shelved = Q(after=Offering.State.PUBLISHED) & ~Q(before=Offering.State.PUBLISHED)
    since = steps.filter(shelved | Q(reason="returned")).first()
    made = steps.filter(reason__in=CHANGES, pk__gt=since.pk if since else 0)
    return Changes(since=since, steps=worded(made[:50]))


def desk(rows: QuerySet[Offering], *, now: datetime) -> QuerySet[Offering]:
    """For the staff's list: each with its `current_plans`, and with its listings, which a room above has made."""
    current = Prefetch("plans", queryset=Plan.objects.at(now), to_attr="current_plans")
    heavy = (f"package__{name}" for name in HEAVY)
    return rows.defer(*heavy).prefetch_related(current, "listings__site")
