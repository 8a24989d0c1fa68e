"""What tokens of an endpoint cost, as people read it: the table that holds now and the one that is announced."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from portal.core.words import joined, local

from . import tariff
from .models import AiModel, Direction, Endpoint, Price
from .tariff import Rate, Told


@dataclass(frozen=True)
class Cell:
    """Micro-yuan for a million tokens; None: not for sale then. `label`: of its column."""

    label: str
    uy_per_m: int | None


@dataclass(frozen=True)
class Row:
    """One line: for which input lengths, in which hours of the platform's day."""

    length: str
    hours: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A price table in words. `rates` are its rows; `columns` the words of the directions that have a price."""

    rates: tuple[Rate, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    has_lengths: bool
    has_hours: bool
    like_input: bool  # no price of its own for input out of or into the cache
    like_output: bool  # … for reasoning

    @classmethod
    def of(cls, rates: Sequence[Rate], model: AiModel) -> Table:
        own = {rate.direction for rate in rates}
        writes = model.kind == AiModel.Kind.CHAT
        shown = [d for d in tariff.DIRECTIONS if d in own or d == "input" or (d == "output" and writes)]
        words = {d: str(capfirst(Direction(d).label)) for d in shown}
        lines = tariff.told(rates)
        rows = tuple(Row(length_of(line), hours_of(line), tuple(Cell(words[d], line.prices[d]) for d in shown))
                     for line in lines)
        return cls(
            tuple(rates), tuple(words.values()), rows,
            has_lengths=any(line.from_tokens for line in lines), has_hours=any(line.windows for line in lines),
            like_input=writes and not {"cached", "cache_write"} <= own, like_output=writes and "reasoning" not in own,
        )  # fmt: skip


@dataclass(frozen=True)
class Prices:
    """Of one endpoint: what holds now (None: nothing yet) and what comes when (None: nothing is announced)."""

    now: Table | None
    coming_at: datetime | None = None
    coming: Table | None = None


def prices_of(endpoints: Collection[Endpoint], *, now: datetime) -> dict[int, Prices]:
    """Prices by the endpoint's key, for any number of endpoints in one query. `endpoint.model` is loaded already."""
    open_rows: dict[int, list[Price]] = {endpoint.pk: [] for endpoint in endpoints}
    lasting = Q(effective_to=None) | Q(effective_to__gt=now)
    for row in Price.objects.filter(lasting, endpoint__in=open_rows).order_by("endpoint_id"):
        open_rows[row.endpoint_id].append(row)
    return {endpoint.pk: _prices(open_rows[endpoint.pk], endpoint.model, now) for endpoint in endpoints}


def past_of(endpoint: Endpoint, *, now: datetime) -> list[Price]:
    """Rows that no longer hold, newest first; `calls` of each says for which calls it held."""
    past = endpoint.prices.filter(effective_to__lte=now)
    rows = list(past.order_by("-effective_to", "direction", "from_tokens", "window_from")[:100])
    for row in rows:
        row.calls = calls_of(row)  # type: ignore[attr-defined]
    return rows


def calls_of(row: Price) -> str:
    """For which calls a row holds, in words."""
    window = () if (row.window_from, row.window_to) == (0, tariff.DAY_MIN) else ((row.window_from, row.window_to),)
    line = Told(row.from_tokens, None, window, False, {})
    return joined([length_of(line), hours_of(line)])


def minute_of(at: datetime) -> int:
    """Of the platform's day, from midnight."""
    there = local(at)
    return there.hour * 60 + there.minute


def lowest(tables: Collection[Table], direction: str, *, now: datetime) -> int | None:
    """The lowest price of a short call at this moment; None: nobody sells now."""
    minute = minute_of(now)
    found = [tariff.price_at(t.rates, direction, input_tokens=0, minute=minute) for t in tables]
    return min((price for price in found if price is not None), default=None)


def length_of(line: Told) -> str:
    """For which input lengths a line holds, in words."""
    numbers: Mapping[str, str] = {"low": f"{line.from_tokens:,}", "high": f"{line.to_tokens or 0:,}"}
    if line.to_tokens is None:
        return _("from %(low)s tokens of input on") % numbers if line.from_tokens else _("any length of input")
    if not line.from_tokens:
        return _("below %(high)s tokens of input") % numbers
    return _("%(low)s to below %(high)s tokens of input") % numbers


def hours_of(line: Told) -> str:
    """In which hours of the platform's day a line holds, in words."""
    if not line.windows:
        return _("all other hours") if line.is_rest else _("any hour")
    return joined(f"{clock(start)}–{clock(end)}" for start, end in line.windows)


def clock(minute: int) -> str:
    """`1320` → `22:00`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _prices(rows: list[Price], model: AiModel, now: datetime) -> Prices:
    edges = {row.effective_from for row in rows} | {row.effective_to for row in rows if row.effective_to}
    coming_at = min((at for at in edges if at > now), default=None)
    table = _table(rows, model, now)
    return Prices(table, coming_at, _table(rows, model, coming_at) if coming_at else None)


def _table(rows: list[Price], model: AiModel, at: datetime) -> Table | None:
    rates = sorted(
        Rate(row.direction, row.from_tokens, row.window_from, row.window_to, row.uy_per_m) for row in rows
        if row.effective_from <= at and (row.effective_to is None or row.effective_to > at))
    return Table.of(rates, model) if rates else None
