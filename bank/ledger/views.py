"""Pages of the books for a company: its accounts, a statement, both sides of a journal, a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal import policy
from portal.accounts.access import company_view
from portal.accounts.models import Organisation
from portal.core.fragments import render
from portal.core.templatetags.suanli import time_text
from portal.core.words import joined, local
from portal.history.words import names_of, thing_of

from . import queries, words
from .models import Account, Journal, Posting

LINES = 50
PARTS = 50  # of a balance on one page
CSV_PAGE = 500
# where the page of a cause is, in the rooms above; a room that is not there has no link
PAGES = {
    "order": "orders:why", "topup": "billing:topup_detail", "loan": "lending:loan",
    "withdrawal": "billing:withdrawal",
    "deposit": "deposits:take_back", "lease": "gateway:lease", "calls": "gateway:booked",
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
    names = names_of(subject for line in shown for subject in _subjects(line.journal))
    holds = list(queries.open_holds(account)[:LINES])
    return render(request, "ledger/statement", {
        "account": account, "name": words.name_of(account), "unit": words.unit(account.asset),
        "rows": [{**_row(line, account), "about": _about(line.journal, names)} for line in shown],
        "posted": words.amount(balance.posted, account.asset),
        "held": words.held(balance, account),
        "available": words.available(balance, account),
        "holds": [{"hold": h, "amount": words.amount(h.left, account.asset), "what": thing,
                   "page": page_of(h.cause, organisation)}
                  for h, thing in zip(holds, _things(h.cause for h in holds), strict=True)],
        **_parts(request, account),
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
        "page": page_of(entry.cause, organisation), "cause": _things([entry.cause])[0],
        "about": _about(entry, names_of(_subjects(entry))),
    })


def _parts(request: HttpRequest, account: Account) -> dict[str, Any]:
    """The parts of a balance with expiry, some at a time; together they are the balance as it is shown."""
    if not account.lots:
        return {}
    pages = Paginator(queries.open_lots(account), PARTS)
    page = pages.get_page(request.GET.get("parts"))
    before = queries.sum_of_lots(account, most=page.start_index() - 1) if page.number > 1 else 0
    amounts = words.parts([lot.remaining for lot in page], account.asset, before=before)
    return {
        "lots": [{"lot": lot, "amount": words.amount(amount, account.asset), "what": thing}
                 for lot, amount, thing in zip(page, amounts, _things(lot.origin for lot in page), strict=True)],
        "parts": page, "life_days": policy.CLAIM_LIFE_DAYS,
        "sooner": f"?parts={page.previous_page_number()}#parts" if page.has_previous() else "",
        "later": f"?parts={page.next_page_number()}#parts" if page.has_next() else "",
    }


def _things(subjects: Iterable[str]) -> list[str]:
    """“Order 2611-00113”, “Deposit Hall A, from 21 Nov 2026”, in the order of the subjects."""
    subjects = list(subjects)
    names = names_of(subjects)
    return [thing_of(subject, names) if subject else "" for subject in subjects]


def _subjects(entry: Journal) -> list[str]:
    """What an entry is about: what brought it about, and the site where its hour was."""
    return [entry.cause, *([f"site:{entry.memo['site']}"] if entry.memo.get("site") else [])]


def _about(entry: Journal, names: Mapping[str, str]) -> str:
    """“Hall A, 21 Nov, 22:00” of an hour that was settled, else the thing that has a name."""
    site, slot = entry.memo.get("site"), entry.memo.get("slot")
    if site and slot:
        return joined([names.get(f"site:{site}", ""), time_text(datetime.fromisoformat(slot))])
    return names.get(entry.cause, "")


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
                           _("Amount"), _("Unit"), _("Balance"), _("Brought about by"), _("Journal"),
                           _("About"), _("Exactly")])
    cursor: str | None = None
    while lines := queries.statement(account, before=cursor, limit=CSV_PAGE):
        names = names_of(subject for line in lines for subject in _subjects(line.journal))
        for line in lines:
            row = _row(line, account)
            yield writer.writerow([
                local(line.at).isoformat(timespec="seconds"), row["what"], row["source"], row["target"],
                words.plain(row["moved"], account.asset), words.unit(account.asset),
                words.plain(words.shown(line.running, account.asset), account.asset), line.cause,
                line.journal.public_id, _about(line.journal, names), words.plain(line.amount, account.asset)])
        cursor = lines[-1].cursor


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> bytes:
        return text.encode()
