"""Pages of what was used: sums by key, model and day, single calls, why one cost what it cost, and CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Min
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from rest_framework.exceptions import ValidationError

from portal.accounts.access import company_view
from portal.accounts.models import Organisation
from portal.api.pagination import seal, unseal
from portal.core import clock
from portal.core.fragments import render
from portal.core.words import micro

from . import use_explain, use_queries
from .key_forms import UseFilter
from .key_views import may_make
from .models import Call, Lease
from .use_queries import Asked, Sums

CALLS = 50
ROWS_MOST = 100_000  # of a CSV file
LINES_MOST = 50  # keys or models on the page; the rest is one line
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Line:
    """A key, a model or a day with its sums; `url`: the same page with only it, "" for the rest in one line."""

    name: str
    note: str
    sums: Sums
    url: str = ""


@dataclass(frozen=True)
class View:
    """What the address asks for."""

    form: UseFilter
    asked: Asked
    chosen: dict[str, str]

    def url(self, name: str, **changed: str) -> str:
        """The page `name` with the same filters but those that are changed; "" removes one."""
        query = urlencode({k: v for k, v in {**self.chosen, **changed}.items() if v})
        return reverse(f"gateway:{name}", args=[self.asked.organisation.slug]) + (f"?{query}" if query else "")


def view_of(request: HttpRequest, organisation: Organisation) -> View:
    """The filters of the address. Another company's key, and a model that is none, are a 404."""
    form = UseFilter(request.GET)
    first, last = form.days(use_queries.utc_day(clock.now()))
    key_id, slug = request.GET.get("key", ""), request.GET.get("model", "")
    key = use_queries.key_for(organisation, key_id) if key_id else None
    model = use_queries.model_for(slug) if slug else None
    if (key_id and key is None) or (slug and model is None):
        raise Http404
    data = form.cleaned_data if form.is_valid() else {}
    days = {"first": first.isoformat(), "last": last.isoformat()} if data.get("over") == "days" else {}
    chosen = {"over": data.get("over") or "week", **days, "key": key_id, "model": slug}
    return View(form, Asked(organisation, first, last, key, model), chosen)


@require_GET
@company_view()
def use(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """What was used in a time: by key, by model, by day."""
    view = view_of(request, organisation)
    days = {day: sums for (day,), sums in use_queries.by(view.asked, "day")}
    total = sum(days.values(), Sums())
    context = _filters(view, "use") | {
        "company": organisation, "total": total, "may_make": may_make(request), "form": view.form,
    }  # fmt: skip
    if not total.calls:
        context["never"] = not use_queries.has_used(organisation)
    else:
        context |= {
            "keys": _by_key(view), "models": _by_model(view),
            "by_day": [(d, days[d], view.url("calls", **_day(d))) for d in sorted(days, reverse=True)],
            "bars": [(d, _bar(days.get(d, Sums()))) for d in view.asked.days],
            "calls_url": view.url("calls"), "sums_csv_url": view.url("sums_csv"),
            "calls_csv_url": view.url("calls_csv"), "cut": total.calls > ROWS_MOST, "rows_most": ROWS_MOST,
        }  # fmt: skip
    return render(request, "gateway/use", context, status=422 if view.form.errors else 200)


@require_GET
@company_view()
def calls(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Single calls, newest first."""
    view = view_of(request, organisation)
    before = request.GET.get("before", "")
    try:
        place = unseal(before) if before else None
    except ValidationError:
        raise Http404 from None
    rows = use_queries.page_of(use_queries.calls_of(view.asked), before=place, limit=CALLS + 1)
    shown = rows[:CALLS]
    return render(request, "gateway/calls", _filters(view, "calls") | {
        "company": organisation, "calls": shown, "form": view.form,
        "newest_url": view.url("calls") if before else "", "use_url": view.url("use"),
        "older_url": view.url("calls", before=seal(shown[-1].pk)) if len(rows) > CALLS else "",
        "calls_csv_url": view.url("calls_csv"),
    }, status=422 if view.form.errors else 200)  # fmt: skip


@require_GET
@company_view()
def call(request: HttpRequest, organisation: Organisation, request_id: str) -> HttpResponse:
    """What one call cost, and why."""
    found = use_queries.call_for(organisation, request_id)
    if found is None:
        raise Http404
    return render(request, "gateway/call", {
        "company": organisation, "call": found, "entry": use_queries.entry_of(found), "cost": use_explain.cost(found),
        "attempts": use_explain.attempts(found, use_queries.endpoints_tried(found)),
        "ended": use_explain.ENDS.get(found.end, ""),  # type: ignore[call-overload]
    })  # fmt: skip


@require_GET
@company_view()
def sums_csv(request: HttpRequest, organisation: Organisation) -> StreamingHttpResponse:
    """The sums by day, key and model as a file that a spreadsheet opens."""
    view = view_of(request, organisation)
    return _file(_sums_rows(view.asked), f"model-use-{view.asked.first}-{view.asked.last}.csv")


@require_GET
@company_view()
def calls_csv(request: HttpRequest, organisation: Organisation) -> StreamingHttpResponse:
    """The single calls, newest first, as a file that a spreadsheet opens."""
    view = view_of(request, organisation)
    return _file(_calls_rows(view.asked), f"model-calls-{view.asked.first}-{view.asked.last}.csv")


def _filters(view: View, page: str) -> dict[str, Any]:
    """The chips and hidden fields of the filters that are in force."""
    asked = view.asked
    over = view.chosen["over"]
    times = [{"label": label, "url": view.url(page, over=value, first="", last=""), "chosen": value == over}
             for value, label in UseFilter.TIMES if value != "days"]  # fmt: skip
    only = [(asked.key.name, {"key": ""})] if asked.key else []
    only += [(asked.model.name, {"model": ""})] if asked.model else []
    return {
        "asked": asked, "times": times, "chosen": view.chosen,
        "narrowed": [{"label": label, "url": view.url(page, **without)} for label, without in only],
    }  # fmt: skip


def _day(day: date) -> dict[str, str]:
    return {"over": "days", "first": day.isoformat(), "last": day.isoformat()}


def _by_key(view: View) -> list[Line]:
    found = use_queries.by(view.asked, "key_id")
    keys = use_queries.keys_named(view.asked.organisation, [pk for (pk,), _sums in found[:LINES_MOST]])
    lines = [Line(keys[pk].name, f"tky_…{keys[pk].public_id[-6:]}", sums, view.url("use", key=keys[pk].public_id))
             for (pk,), sums in found[:LINES_MOST]]  # fmt: skip
    return lines + _rest([sums for _pk, sums in found[LINES_MOST:]])


def _by_model(view: View) -> list[Line]:
    found = use_queries.by(view.asked, "model__slug", "model__name")
    lines = [Line(name, slug, sums, view.url("use", model=slug)) for (slug, name), sums in found[:LINES_MOST]]
    return lines + _rest([sums for _names, sums in found[LINES_MOST:]])


def _rest(sums: list[Sums]) -> list[Line]:
    return [Line(_("all others"), str(len(sums)), sum(sums, Sums()))] if sums else []


def _bar(sums: Sums) -> tuple[int, int, int]:
    return sums.in_tokens - sums.cached_tokens, sums.cached_tokens, sums.out_tokens


def _sums_rows(asked: Asked) -> Iterator[list[Any]]:
    yield [_("UTC day"), _("Key"), _("Key’s reference"), _("Model"), *_token_heads(), _("Out of packs"), _("Calls"),
           _("Calls not charged"), _("Yuan")]  # fmt: skip
    found = use_queries.by(asked, "day", "key__name", "key__public_id", "model__slug")
    found.sort(key=lambda row: row[0][0])
    for n, ((day, key, key_id, slug), sums) in enumerate(found):
        if n == ROWS_MOST:
            yield _cut()
            return
        yield [day.isoformat(), _plain(key), key_id, slug, *_tokens(sums), sums.pack_tokens, sums.calls, sums.failed,
               _yuan(sums.charge_uy)]  # fmt: skip


def _calls_rows(asked: Asked) -> Iterator[list[Any]]:
    yield [_("Received, UTC"), _("Reference"), _("Key"), _("Key’s reference"), _("Model"), _("Provider"),
           _("Kind of call"), *_token_heads(), _("Out of packs"), _("Yuan"), _("Why it ended"), _("Answer’s status"),
           _("Estimated"), _("Milliseconds to the first token"), _("Milliseconds in all")]  # fmt: skip
    for n, one in enumerate(use_queries.each_call(use_queries.calls_of(asked), ROWS_MOST + 1)):
        if n == ROWS_MOST:
            yield _cut()
            return
        yield _call_row(one)


def _call_row(one: Call) -> list[Any]:
    provider = one.endpoint.provider.name if one.endpoint else ""
    return [
        one.received_at.astimezone(UTC).isoformat(timespec="milliseconds"), one.request_id, _plain(one.key.name),
        one.key.public_id, one.model.slug, _plain(provider), one.door, *_tokens(one), one.pack_tokens,
        _yuan(one.charge_uy), one.get_end_display(), one.status, _("yes") if one.estimated else _("no"),
        "" if one.first_ms is None else one.first_ms, one.total_ms,
    ]  # fmt: skip


def _cut() -> list[str]:
    words = _("Cut after %(n)s rows. Choose a shorter time, one key or one model for the rest.")
    return [words % {"n": f"{ROWS_MOST:,}"}]


def _token_heads() -> list[str]:
    return [_("Input"), _("Input from the cache"), _("Input into the cache"), _("Output"), _("Reasoning")]


def _tokens(row: Any) -> list[int]:
    return [row.input_tokens, row.cached_tokens, row.cache_write_tokens, row.output_tokens, row.reasoning_tokens]


def _plain(text: str) -> str:
    """Text that a spreadsheet takes for text: a name that begins like a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _yuan(amount_uy: int) -> str:
    return micro(amount_uy).replace(",", "")


def _file(rows: Iterable[list[Any]], filename: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_written(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _written(rows: Iterable[list[Any]]) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    yield "\ufeff".encode()  # without it a spreadsheet takes Chinese for something else
    for row in rows:
        yield writer.writerow(row)


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> bytes:
        return text.encode()


@require_GET
@company_view()
def lease(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """From what was set aside in the books to the calls of those days."""
    found = get_object_or_404(Lease, organisation=organisation, public_id=public_id)
    return _to_days(organisation, found.created_at, found.closing_at or clock.now())


@require_GET
@company_view()
def booked(request: HttpRequest, organisation: Organisation, batch: str) -> HttpResponse:
    """From an entry in the books to the days of the calls that it pays."""
    calls = Call.objects.filter(organisation=organisation, batch=batch)
    days = calls.aggregate(first=Min("received_at"), last=Max("received_at"))
    if days["first"] is None:
        raise Http404
    return _to_days(organisation, days["first"], days["last"])


def _to_days(organisation: Organisation, first: datetime, last: datetime) -> HttpResponse:
    days = {"over": "days", "first": use_queries.utc_day(first), "last": use_queries.utc_day(last)}
    return redirect(f"{reverse('gateway:calls', args=[organisation.slug])}?{urlencode(days)}")
