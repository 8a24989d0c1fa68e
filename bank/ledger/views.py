"""Pages of the books for a company: its accounts, a statement, both sides of a journal, a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.accounts.access import company_view
from portal.accounts.models import Organisation
from portal.core.fragments import render
from portal.core.words import joined, local

from . import queries, words
from .models import Account, Posting

LINES = 50
CSV_PAGE = 500
# where the page of a cause is, in the rooms above; a room that is not there has no link
PAGES = {
    "order": "orders:why", "topup": "billing:topup_detail", "loan": "lending:loan",
    "withdrawal": "billing:withdrawal",
    "deposit": "deposits:take_back",
}


@company_view()
def accounts(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Every account of the company: available and reserved."""
    found = list(queries.accounts_of(organisation))
    balances = queries.balances(found)
    rows = [{"account": a, "name": words.name_of(a), "unit": words.unit(a.asset),
             "posted": words.amount(balances[a.pk].posted, a.asset),
             "held": words.held(balances[a.pk], a) if balances[a.pk].held else "",
             "available": words.available(balances[a.pk], a)} for a in found]
    return render(request, "ledger/accounts", {"rows": rows})


@company_view()
def statement(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """An account line by line, newest first, each line with its other side and its journal."""
    account = get_object_or_404(Account, owner=organisation, public_id=public_id)
    before = request.GET.get("before") or None
    try:
        lines = queries.statement(account, before=before, limit=LINES + 1)
    except ValueError:
        raise Http404 from None
    balance = queries.balance(account)
    shown = lines[:LINES]
    return render(request, "ledger/statement", {
        "account": account, "name": words.name_of(account), "unit": words.unit(account.asset),
        "rows": [_row(line, account) for line in shown],
        "posted": words.amount(balance.posted, account.asset),
        "held": words.held(balance, account),
        "available": words.available(balance, account),
        "holds": [{"hold": h, "amount": words.amount(h.left, account.asset),
                   "page": page_of(h.cause, organisation)} for h in queries.open_holds(account)[:LINES]],
        "lots": [{"lot": lot, "amount": words.amount(lot.remaining, account.asset)}
                 for lot in queries.open_lots(account)[:LINES]] if account.lots else [],
        "newer": reverse("ledger:statement", args=[organisation.slug, public_id]) if before else "",
        "older": f"?before={shown[-1].cursor}" if len(lines) > LINES else "",
    })


@company_view()
def statement_csv(request: HttpRequest, organisation: Organisation, public_id: str) -> StreamingHttpResponse:
    """The whole statement, oldest last, as a file that a spreadsheet opens."""
    account = get_object_or_404(Account, owner=organisation, public_id=public_id)
    response = StreamingHttpResponse(_csv_lines(account), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{account.kind}-{account.public_id}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@company_view()
def journal(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Both sides of a journal in words, and what else its cause brought about."""
    detail = queries.journal_detail(public_id, organisation=organisation)
    if detail is None:
        raise Http404
    entry = detail.journal
    story = queries.story(entry.cause, organisation=organisation)
    return render(request, "ledger/journal", {
        "journal": entry, "reason": words.reason(entry.reason), "reversed_by": detail.reversed_by,
        "sides": [_side(leg, own=leg.account_id in detail.own) for leg in detail.legs],
        "story": [{"step": s, "unit": words.unit(s.asset), "amount": words.amount(s.amount, s.asset)}
                  for s in story],
        "page": page_of(entry.cause, organisation),
    })


def page_of(cause: str, organisation: Organisation) -> str:
    """Where the thing that brought a movement about is shown; "" where no page is."""
    kind, _colon, public_id = cause.partition(":")
    try:
        return reverse(PAGES[kind], args=[organisation.slug, public_id])
    except (KeyError, NoReverseMatch):
        return ""


def _row(line: queries.Line, account: Account) -> dict[str, Any]:
    other = joined(words.kind(kind) for kind in line.counterparts)
    here = words.kind(account.kind)
    # between the balances as they are shown, so that the column adds up
    moved = words.shown(line.running, account.asset) - words.shown(line.running - line.amount, account.asset)
    return {
        "line": line, "what": words.reason(line.reason),
        "source": here if line.amount < 0 else other, "target": other if line.amount < 0 else here,
        "moved": moved, "amount": words.amount(moved, account.asset, signed=True),
        "running": words.amount(line.running, account.asset),
    }


def _side(leg: Posting, *, own: bool) -> dict[str, Any]:
    """A leg; of somebody else's account only its kind."""
    account = leg.account
    return {
        "name": words.name_of(account) if own else words.kind(account.kind), "own": own, "account": account,
        "unit": words.unit(account.asset), "amount": words.amount(leg.amount, account.asset, signed=True),
    }


def _csv_lines(account: Account) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    yield "\ufeff".encode()  # without it a spreadsheet takes Chinese for something else
    yield writer.writerow([_("Time"), _("What for"), pgettext("account", "From"), pgettext("account", "To"),
                           _("Amount"), _("Unit"), _("Balance"), _("Brought about by"), _("Journal")])
    cursor: str | None = None
    while lines := queries.statement(account, before=cursor, limit=CSV_PAGE):
        for line in lines:
            row = _row(line, account)
            yield writer.writerow([
                local(line.at).isoformat(timespec="seconds"), row["what"], row["source"], row["target"],
                words.plain(row["moved"], account.asset), words.unit(account.asset),
                words.plain(words.shown(line.running, account.asset), account.asset), line.cause, line.journal.public_id])
        cursor = lines[-1].cursor


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> bytes:
        return text.encode()
