"""Which sums of use may be published, and in what order. Pure: no Django, no language, no clock.

Every table is built from the same few *parts*, each of them the use of at least `ENOUGH` companies:

    a model at one provider, if enough companies used it there
    the rest of a published model (at the providers where too few used it)
    everything of the models that too few used

A part that is too small takes in its smallest neighbour. Tables only add parts up, so no difference between rows,
tables or the total is the use of fewer than `ENOUGH` companies, not even for somebody who knows who serves what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

ENOUGH = 3  # companies
MILLION = 1_000_000
OTHER = "other"


class Tokens(NamedTuple):
    """Tokens that went in and that came out, as each provider's tokenizer counted them."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.completion

    def plus(self, more: Tokens) -> Tokens:
        return Tokens(self.prompt + more.prompt, self.completion + more.completion)


NONE = Tokens()


@dataclass(frozen=True)
class Cell:
    """One week's use of one model at one provider ("" if it is not known where).

    companies: how many used it; known: who, complete if they are fewer than ENOUGH.
    """

    model: str
    provider: str
    country: str
    tokens: Tokens
    companies: int
    known: frozenset[int]


@dataclass
class Sums:
    """A table before it is ranked: key -> tokens, and what is under no key of its own."""

    rows: dict[str, Tokens] = field(default_factory=dict)
    other: Tokens = NONE

    def add(self, key: str, tokens: Tokens) -> None:
        self.rows[key] = self.rows.get(key, NONE).plus(tokens)

    def hide(self, tokens: Tokens) -> None:
        self.other = self.other.plus(tokens)

    @property
    def total(self) -> Tokens:
        return sum_of([*self.rows.values(), self.other])


@dataclass(frozen=True)
class Week:
    """One week's three tables; the sum of each is the same total."""

    models: Sums
    providers: Sums
    countries: Sums

    @property
    def total(self) -> Tokens:
        return self.models.total


@dataclass(frozen=True)
class Row:
    """A line of a ranking. share_ppm of the week's tokens; change_ppm None if it had no row the week before."""

    rank: int
    key: str
    tokens: Tokens
    share_ppm: int
    change_ppm: int | None
    weeks_in_lead: int = 0


def sum_of(tokens: Iterable[Tokens]) -> Tokens:
    found = NONE
    for some in tokens:
        found = found.plus(some)
    return found


def enough(cells: Iterable[Cell]) -> bool:
    """Whether at least ENOUGH companies are behind these cells together."""
    known: set[int] = set()
    for cell in cells:
        if cell.companies >= ENOUGH:
            return True
        known |= cell.known
    return len(known) >= ENOUGH


def publish(cells: Sequence[Cell]) -> Week | None:
    """The three tables of a week; None if fewer than ENOUGH companies used anything at all."""
    if not enough(cells):
        return None
    by_model: dict[str, list[Cell]] = {}
    for cell in cells:
        by_model.setdefault(cell.model, []).append(cell)
    shown = [own for own in by_model.values() if enough(own)]
    hidden = [cell for own in by_model.values() if not enough(own) for cell in own]
    if hidden and not enough(hidden):
        smallest = min(shown, key=lambda own: (sum_of(c.tokens for c in own).total, own[0].model))
        shown.remove(smallest)
        hidden += smallest
    models, providers, countries = Sums(), Sums(), Sums()
    for own in shown:
        for cell in own:
            models.add(cell.model, cell.tokens)
            countries.add(cell.country, cell.tokens)
        named, rest = _parts(own)
        for cell in named:
            providers.add(cell.provider, cell.tokens)
        providers.hide(sum_of(c.tokens for c in rest))
    for table in (models, providers, countries):
        table.hide(sum_of(c.tokens for c in hidden))
    return Week(models, providers, countries)


def _parts(own: list[Cell]) -> tuple[list[Cell], list[Cell]]:
    """A published model's cells: those that count for their provider, and the rest."""
    named = [cell for cell in own if cell.provider and cell.companies >= ENOUGH]
    rest = [cell for cell in own if cell not in named]
    if rest and not enough(rest):
        smallest = min(named, key=lambda cell: (cell.tokens.total, cell.provider))
        named.remove(smallest)
        rest.append(smallest)
    return named, rest


def order(table: Sums) -> list[str]:
    """Keys, the most tokens first; equal ones by name, so that the order is always the same."""
    return sorted(table.rows, key=lambda key: (-table.rows[key].total, key))


def ratio_ppm(part: int, whole: int) -> int:
    """part ÷ whole in parts of a million, halves upwards; whole > 0."""
    return (2 * part * MILLION + whole) // (2 * whole)


def weeks_in_lead(tables: Sequence[Sums | None], key: str) -> int:
    """For how many tables, the newest first and without a gap, `key` is on top."""
    count = 0
    for table in tables:
        if table is None or not table.rows or order(table)[0] != key:
            break
        count += 1
    return count


def rank(tables: Sequence[Sums | None], top: int) -> tuple[list[Row], Row | None]:
    """The first `top` rows of tables[0], and what is not among them as one more row, None if that is nothing.

    tables: the same table of this week, the week before and so on; None for a week without one.
    """
    now, before = tables[0], tables[1] if len(tables) > 1 else None
    if now is None:
        return [], None
    total = now.total.total
    rows = []
    for place, key in enumerate(order(now)[:top], start=1):
        tokens = now.rows[key]
        then = before.rows.get(key) if before else None
        lead = weeks_in_lead(tables, key) if place == 1 else 0
        rows.append(Row(place, key, tokens, ratio_ppm(tokens.total, total), change_ppm(tokens, then), lead))
    left = sum_of([*(now.rows[key] for key in order(now)[top:]), now.other])
    if not left.total:
        return rows, None
    return rows, Row(len(rows) + 1, OTHER, left, ratio_ppm(left.total, total), None)


def change_ppm(tokens: Tokens, before: Tokens | None) -> int | None:
    """How much more than before, in parts of a million; None without a figure before."""
    if before is None or not before.total:
        return None
    return ratio_ppm(tokens.total, before.total) - MILLION
