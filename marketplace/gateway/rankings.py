"""The public rankings of tokens: weeks that are over, read from the sums by day and from nothing else.

A running week is not shown: whoever looked twice could read the use of one company off the difference.
`ranks` decides what may be published and says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Min, Sum
from django.db.models.functions import TruncWeek

from portal.accounts.models import Organisation

from .models import DailyUse, PublishedFigure
from .ranks import OTHER, Cell, Row, Sums, Tokens, Week, change_ppm, order, publish, rank

TABLES = ("models", "providers", "countries")
TOP = 20  # rows of a table; what comes after them is added to `other`
WEEK = timedelta(days=7)
SETTLED = timedelta(hours=6)  # after a week's end its last calls are in the sums
LOOK_BACK = 52  # weeks before the one shown, for how long somebody leads
OLDEST_YEAR = 2020  # no week before it can be asked for
USERS_COUNTRY = "CN"  # every company here is registered with a Chinese social credit code


@dataclass(frozen=True)
class Named:
    """What a key stands for: a model, a provider, or a country (whose name is its two letters)."""

    key: str
    name: str
    maker: str = ""
    country: str = ""
    note_zh: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class Line:
    """A row with its name; `named` is None for the row of everything else."""

    row: Row
    named: Named | None


@dataclass(frozen=True)
class Board:
    """One week's rankings. total None: fewer companies than needed used anything in that week.

    tables: name -> lines, the row of everything else last; history: the weeks up to this one, the newest first.
    """

    monday: date
    total: Tokens | None
    change_ppm: int | None
    tables: dict[str, list[Line]]
    history: list[tuple[date, Week | None]]
    names: dict[str, dict[str, Named]]

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def week(self) -> str:
        return week_name(self.monday)


def week_name(monday: date) -> str:
    """2026-W47, by ISO 8601."""
    year, week, _day = monday.isocalendar()
    return f"{year}-W{week:02d}"


def week_of(name: str) -> date | None:
    """The Monday of "2026-W47"; None if that is no week."""
    try:
        year, week = name.upper().split("-W")
        monday = date.fromisocalendar(int(year), int(week), 1)
    except ValueError:
        return None
    known = int(year) >= OLDEST_YEAR and week_name(monday) == name.upper()
    return monday if known else None


def last_week(now: datetime) -> date:
    """The Monday of the newest week that is over and settled, by UTC."""
    day = (now.astimezone(UTC) - SETTLED).date()
    return day - timedelta(days=day.weekday()) - WEEK


def board(monday: date) -> Board:
    """The rankings of the week that begins on `monday`. One query, however many weeks, models or companies."""
    cells, names = _cells(monday - LOOK_BACK * WEEK, monday + WEEK)
    mondays = [monday - n * WEEK for n in range(LOOK_BACK + 1)]
    history = [(day, publish(cells.get(day, []))) for day in mondays]
    weeks = [week for _day, week in history]
    tables = {}
    for name in TABLES:
        rows, other = rank([_table(week, name) for week in weeks], TOP)
        tables[name] = [Line(row, names[name][row.key]) for row in rows] + ([Line(other, None)] if other else [])
    this, before = weeks[0], weeks[1]
    return Board(
        monday=monday,
        total=this.total if this else None,
        change_ppm=change_ppm(this.total, before.total) if this and before else None,
        tables=tables,
        history=history,
        names=names,
    )


def published() -> list[PublishedFigure]:
    """What others published, the newest week first."""
    return list(PublishedFigure.objects.all())


def series(found: Board, table: str, *, weeks: int, most: int) -> tuple[list[str], list[tuple[date, list[int]]]]:
    """Keys of the week's first `most` rows and `other`; for each of the last weeks, the oldest first, their tokens."""
    keys = [line.row.key for line in found.tables[table] if line.named][:most]
    rows = []
    for monday, week in reversed(found.history[:weeks]):
        sums = _table(week, table) or Sums()
        values = [sums.rows.get(key, Tokens()).total for key in keys]
        rows.append((monday, [*values, sums.total.total - sum(values)]))
    return [*keys, OTHER], rows


def leaders(found: Board, table: str, *, weeks: int) -> list[tuple[date, str]]:
    """Who led in each of the last weeks, the newest first; "" where there is no ranking."""
    tops = [(monday, _table(week, table)) for monday, week in found.history[:weeks]]
    return [(monday, order(sums)[0] if sums and sums.rows else "") for monday, sums in tops]


def _table(week: Week | None, name: str) -> Sums | None:
    return getattr(week, name) if week else None


def _cells(since: date, until: date) -> tuple[dict[date, list[Cell]], dict[str, dict[str, Named]]]:
    """Use by week, model and provider of the days from `since` up to before `until`, and what their keys mean.

    The operator's own calls are not counted. Of one or two companies least and greatest are all there are.
    """
    model, provider = "model__{}", "endpoint__provider__{}"
    rows = (
        DailyUse.objects.filter(day__gte=since, day__lt=until)
        .exclude(organisation__role=Organisation.Role.PLATFORM)
        .annotate(
            prompt=F("input_tokens") + F("cached_tokens") + F("cache_write_tokens"),
            completion=F("output_tokens") + F("reasoning_tokens"),
            week=TruncWeek("day"),
        )
        .exclude(prompt=0, completion=0)
        .order_by()
        .values(
            "week",
            *(model.format(name) for name in ("slug", "name", "maker", "country", "note_zh", "note_en")),
            *(provider.format(name) for name in ("public_id", "name")),
        )
        .annotate(
            tokens_in=Sum("prompt"),
            tokens_out=Sum("completion"),
            companies=Count("organisation", distinct=True),
            least=Min("organisation"),
            greatest=Max("organisation"),
        )
    )
    return _read(rows)


def _read(rows: Iterable[dict[str, Any]]) -> tuple[dict[date, list[Cell]], dict[str, dict[str, Named]]]:
    cells: dict[date, list[Cell]] = {}
    names: dict[str, dict[str, Named]] = {name: {} for name in TABLES}
    for row in rows:
        key, country = row["model__slug"], row["model__country"]
        provider = row["endpoint__provider__public_id"] or ""
        names["models"][key] = Named(
            key, row["model__name"], row["model__maker"], country, row["model__note_zh"], row["model__note_en"]
        )
        names["countries"][country] = Named(country, country)
        names["providers"][provider] = Named(provider, row["endpoint__provider__name"] or "")
        tokens = Tokens(int(row["tokens_in"]), int(row["tokens_out"]))
        known = frozenset({row["least"], row["greatest"]})
        cell = Cell(key, provider, country, tokens, row["companies"], known)
        cells.setdefault(row["week"], []).append(cell)
    return cells, names
