"""The page of the public rankings, and the same as a file."""

from __future__ import annotations

import csv
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from portal.core import clock
from portal.core.charts import bars
from portal.core.fragments import render

from . import rankings
from .templatetags.tokens import country_name, tokens

CHART_WEEKS = 12
SERIES = 4  # with a fill of their own; the rest is one more
FILLS = (("k1", ""), ("", "url(#p-hatch)"), ("", "url(#p-dots)"), ("ks l1", ""), ("k5", ""))
CHOICES = 26  # weeks one can choose from
CACHED_S = 600
TABLE_WORDS = {
    "models": gettext_lazy("Models"),
    "providers": gettext_lazy("Providers"),
    "countries": gettext_lazy("Countries of the makers"),
}
COLUMNS = (
    "week", "from", "to", "rank", "key", "name", "maker", "country", "tokens", "prompt_tokens",
    "completion_tokens", "share_percent", "change_percent", "weeks_in_lead",
)  # fmt: skip


def _asked(request: HttpRequest) -> tuple[date, date, str]:
    """The newest week there can be, the week asked for, the table; what cannot be read gives the first choice."""
    newest = rankings.last_week(clock.now())
    week = rankings.week_of(request.GET.get("week", "")) or newest
    table = request.GET.get("table", "")
    return newest, min(week, newest), table if table in rankings.TABLES else rankings.TABLES[0]


def _url(week: date, newest: date, table: str) -> str:
    """This page with its choices; what is the first choice is not written."""
    asked = {"week": rankings.week_name(week)} if week != newest else {}
    if table != rankings.TABLES[0]:
        asked["table"] = table
    return reverse("gateway:rankings") + (f"?{urlencode(asked)}" if asked else "")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Which models, providers and countries the tokens of a week went to."""
    newest, week, table = _asked(request)
    board = rankings.board(week)
    lines = board.tables[table]
    earlier, later = week - rankings.WEEK, week + rankings.WEEK
    chosen = {"week": board.week, "table": table}
    context = {
        "board": board,
        "lines": lines,
        "longest": max((line.row.share_ppm for line in lines), default=0),
        "leader": lines[0] if lines and lines[0].named else None,
        "table": table,
        "chips": [
            {"label": words, "url": _url(week, newest, name), "chosen": name == table}
            for name, words in TABLE_WORDS.items()
        ],
        "weeks": _weeks(week, newest),
        "earlier_url": _url(earlier, newest, table),
        "later_url": _url(later, newest, table) if later <= newest else "",
        "nowhere": _elsewhere(week, newest, table),
        "csv_url": f"{reverse('gateway:rankings_csv')}?{urlencode(chosen)}",
        "json_url": f"{reverse('gateway-api:rankings')}?{urlencode({'week': board.week})}",
        "chart": _chart(board, table),
        "published": rankings.published(),
        "now": clock.now(),
    }
    return render(request, "gateway/rankings", context)


def _elsewhere(week: date, newest: date, table: str) -> list[dict[str, str]]:
    """Where a week without a ranking leads to."""
    if week != newest:
        return [{"url": _url(newest, newest, table), "label": _("The newest week"), "kind": "ink"}]
    return [{"url": reverse("catalogue:shop"), "label": _("What can be bought here"), "kind": ""}]


def _weeks(week: date, newest: date) -> list[tuple[str, date, bool]]:
    """Name, Monday and whether it is the chosen one; the newest first, and the chosen one in any case."""
    mondays = [newest - n * rankings.WEEK for n in range(CHOICES)]
    mondays += [] if week in mondays else [week]
    return [(rankings.week_name(monday), monday, monday == week) for monday in mondays]


def _chart(board: rankings.Board, table: str) -> dict[str, Any] | None:
    """The last weeks as stacked bars with a key and a table; None without a week to draw."""
    keys, weeks = rankings.series(board, table, weeks=CHART_WEEKS, most=SERIES)
    while len(weeks) > 1 and not sum(weeks[0][1]):
        weeks.pop(0)  # weeks before the first one with a ranking
    if not any(sum(values) for _monday, values in weeks):
        return None
    if not any(values[-1] for _monday, values in weeks):  # nothing under `other` in any week
        keys, weeks = keys[:-1], [(monday, values[:-1]) for monday, values in weeks]
    picture = bars.picture(weeks, keys, labels=CHART_WEEKS)
    fills = [FILLS[-1] if key == rankings.OTHER else fill for key, fill in zip(keys, FILLS, strict=False)]
    named = [
        {"label": _label(board, table, key), "css": css, "fill": fill, "value": value}
        for key, (css, fill), value in zip(keys, fills, weeks[-1][1], strict=True)
    ]
    styles = dict(zip(keys, fills, strict=True))
    drawn = [
        {"bar": bar, "parts": [(part, *styles[part.key]) for part in bar.parts]} for bar in picture.bars
    ]
    led = dict(rankings.leaders(board, table, weeks=CHART_WEEKS))
    return {
        "picture": picture,
        "bars": drawn,
        "key": named,
        "guides": [
            (guide, tokens(int(guide.label.replace(",", "")), "short")) for guide in picture.guides
        ],
        "rows": [
            (monday, _label(board, table, led[monday]) if led[monday] else "", values, sum(values))
            for monday, values in reversed(weeks)
        ],
    }


def _label(board: rankings.Board, table: str, key: str) -> str:
    if key == rankings.OTHER:
        return _("All others")
    return country_name(key) if table == "countries" else board.names[table][key].name


@require_safe
@cache_control(public=True, max_age=CACHED_S)
def download(request: HttpRequest) -> HttpResponse:
    """One table of one week as CSV; the columns are the names of the REST door, whole numbers of tokens."""
    _newest, week, table = _asked(request)
    board = rankings.board(week)
    name = f"token-rankings-{table}-{board.week}.csv"
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
    response.write("\ufeff")  # or a spreadsheet takes Chinese for something else
    out = csv.writer(response)
    out.writerow(COLUMNS)
    for line in board.tables[table]:
        row, named = line.row, line.named
        words = (named.name, named.maker, named.country) if named else ("", "", "")
        out.writerow([
            board.week, board.monday, board.sunday, row.rank if named else "", row.key, *map(_plain, words),
            row.tokens.total, *row.tokens, _percent(row.share_ppm), _percent(row.change_ppm), row.weeks_in_lead,
        ])  # fmt: skip
    return response


def _percent(ppm: int | None) -> str:
    return "" if ppm is None else f"{ppm / 10_000:.4f}"


def _plain(text: str) -> str:
    """A name that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
