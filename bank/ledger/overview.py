"""The staff's overview of the books, ready for a page: trial balance, what is reserved by age, the totals of a close.

Every figure carries the address of the rows that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from portal.core.templatetags.suanli import time_text
from portal.core.words import MINUS
from portal.history.words import names_of

from . import closings, desk, queries, words
from . import sealed as seals
from .chart import CNY, Kind
from .models import DayClose, Hold, Journal, Proof

KIND, ASSET = "postings__account__kind__exact", "postings__account__asset__exact"
MOVES = {"postings__account__id__exact", KIND, ASSET}  # by what entries are listed from here


def trial_balance() -> list[dict[str, Any]]:
    """Each asset with its kinds of account in words, and what is missing to zero ("" where nothing is)."""
    found = []
    for asset, lines in sorted(queries.trial_balances().items(), key=_money_first):
        total, held = sum(line.posted for line in lines), sum(line.held for line in lines)
        found.append({
            "asset": asset, "name": asset_name(asset),
            "rows": [{
                "name": words.kind(line.kind), "note": _note(line.kind, line.posted), "accounts": line.accounts,
                "accounts_url": _list("account", kind__exact=line.kind, asset=asset),
                "posted": words.exact(line.posted, asset), "stored": _grouped(line.posted),
                "moves_url": _list("journal", **{KIND: line.kind, ASSET: asset}),
                "held": words.exact(line.held, asset) if line.held else "",
            } for line in lines],
            "accounts": sum(line.accounts for line in lines),
            "held": words.exact(held, asset) if held else "",
            "is_rounded": any(line.posted != words.shown(line.posted, asset) for line in lines),
            "stored": _grouped(total),
            "off": words.exact(total, asset) if total else "", "zero": words.exact(0, asset),
        })  # fmt: skip
    return found


STALE = timedelta(hours=2)  # the proof runs every half hour


def books(*, now: datetime) -> dict[str, Any]:
    """Whether the books are right: the last proof, whether every asset sums to zero now, and the last closed day."""
    last, close = Proof.objects.first(), DayClose.objects.order_by("-number").first()
    off = [
        f"{asset_name(asset)} {words.exact(total, asset)}"
        for asset, lines in queries.trial_balances().items()
        if (total := sum(line.posted for line in lines))
    ]
    return {
        "proof": last, "who": desk.who(last.actor) if last and last.actor.startswith("user:") else "",
        "parts": looked_at(last) if last else [], "since": _since(last),
        "is_old": last is None or now - last.at > STALE, "off": off, "close": close,
        "sealed": sealed(close) if close else "",
        "is_right": bool(last and not last.wrong_count and not off and now - last.at <= STALE),
        "url": reverse("admin:ledger_account_trial_balance"),
    }  # fmt: skip


def _since(last: Proof | None) -> int | None:
    """How many entries came after a proof; None of one that did not keep where it stood."""
    if last is None or "journal" not in last.seen:
        return None
    return Journal.objects.filter(pk__gt=last.seen["journal"]).count()


def reserved(*, now: datetime) -> dict[str, Any]:
    """What is reserved and open: each age with its sums and the first of it, and what is overdue."""
    ages, overdue = queries.holds_by_age(now=now)
    names = {
        "hour": _("less than an hour"), "day": _("an hour to a day"), "week": _("a day to a week"),
        "older": _("a week and longer"),
    }  # fmt: skip
    rows = []
    known = names_of(hold.cause for age in ages for hold in age.holds)
    for age in ages:
        since = {"created_at__gt": age.after, "created_at__lte": age.until}
        rows.append({
            "key": age.key, "name": names[age.key], "count": age.count, "sums": _sums(age.sums),
            "url": _list("hold", state__exact="open", **{k: v.isoformat() for k, v in since.items() if v}),
            "holds": [_hold(hold, now, known.get(hold.cause, "")) for hold in age.holds],
            "more": age.count - len(age.holds),
        })  # fmt: skip
    return {
        "ages": rows, "count": sum(age.count for age in ages),
        "overdue": {
            "count": sum(count for _asset, count, _amount in overdue), "sums": _sums(overdue),
            "url": _list("hold", state__exact="open", expires_at__lte=now.isoformat()),
        },
    }  # fmt: skip


def looked_at(proof: Proof) -> list[str]:
    """What a proof looked at, part by part; [] of one that kept only the sum."""
    names = {
        "replay": _("lines: every balance is their sum"), "zero sum": _("assets: each sums to zero"),
        "floors": _("accounts: none below its lowest balance"),
        "holds": _("reservations: what is held is what they say"),
        "lots": _("lots of hours: what is left of them is the balance"),
        "accounts": _("kinds of account: as the chart says"),
        "guards": _("triggers and functions of the database: they stand as written"),
        "closings": _("lines of the file of closings: each is that of its close"),
        "closes": _("close of a day: its rows were hashed again"),
    }  # fmt: skip
    return [_("{n} {what}").format(n=f"{n:,}", what=names.get(name, name)) for name, n in proof.seen.get("parts", [])]


def compared(close: DayClose) -> dict[str, Any]:
    """When the file of closings was last compared since this close, by whom, and whether it was the same."""
    last = Proof.objects.filter(at__gte=close.closed_at, seen__has_key="closings").first()
    if last is None:
        return {"proof": None}
    return {
        "proof": last, "who": desk.who(last.actor) if last.actor.startswith("user:") else _("the program"),
        "no_file": last.seen["closings"] is None,
        "is_same": not last.seen["closings_wrong"] and (last.seen["closings"] or 0) >= close.number,
    }  # fmt: skip


def evidence(close: DayClose) -> list[tuple[str, bool | None]]:
    """What was compared of a close just now, and whether it is the same; None where there is nothing to compare."""
    path = Path(settings.BOOKS_CLOSINGS_FILE)
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else None
    after = DayClose.objects.filter(number=close.number + 1).first()
    return [
        (_("Hash of its entries, lines, parts of lots and balances, computed anew from the database, and the hash"
           " before it"), not seals.hash_of(close)),
        (_("Its line in the file of closings, which stands outside the database"),
         None if lines is None else lines[close.number - 1:close.number] == [closings.line(close)]),
        (_("The hash before it that the following close carries"), None if after is None else
         after.previous_hash == close.hash),
        (_("The sum of all balances of each asset, which must be zero"),
         all(not sum(row[2] for row in kinds.values()) for kinds in close.totals.values())),
    ]  # fmt: skip


def sealed(close: DayClose) -> str:
    """What a close is, in a sentence: it seals what was recorded up to its moment, whatever day that bears."""
    at, n = time_text(close.closed_at, "long"), f"{close.journals:,}"
    if close.number == 1:
        return _("Sealed on {at}: everything recorded until then, entries: {n}").format(at=at, n=n)
    return _("Sealed on {at}: everything recorded until then, entries since the seal before it: {n}").format(at=at, n=n)


def entries_url(close: Any, kind: str = "", asset: str = "", *, whole: bool = False) -> str:
    """The entries of a close (`after` is the last entry of the one before), or everything up to it."""
    asked: dict[str, Any] = {} if whole or close.after is None else {"id__gt": close.after}
    asked |= {"id__lte": close.last_journal_id}
    if kind:
        asked |= {KIND: kind, ASSET: asset}
    return _list("journal", **asked)


def totals_table(close: Any) -> SafeString:
    """What went in and out of each kind of account with a close, and the balance after it."""
    rows = []
    for asset, kinds in sorted(close.totals.items(), key=_money_first):
        sums = [sum(amounts[i] for amounts in kinds.values()) for i in range(3)]
        rows.append(format_html('<tr><th colspan="4" scope="rowgroup">{}</th></tr>', asset_name(asset)))
        for kind, (into, out, balance) in sorted(kinds.items()):
            here, whole = entries_url(close, kind, asset), entries_url(close, kind, asset, whole=True)
            cells = (
                (here, words.exact(into, asset, signed=True)), (here, words.exact(out, asset, signed=True)),
                (whole, words.exact(balance, asset)))  # fmt: skip
            rows.append(format_html("<tr><th scope=\"row\">{}</th>{}</tr>", words.kind(kind), format_html_join(
                "", '<td class="r"><a href="{}">{}</a></td>', cells)))
        said = (words.exact(sums[0], asset, signed=True), words.exact(sums[1], asset, signed=True),
                words.exact(sums[2], asset))  # fmt: skip
        rows.append(format_html("<tr><th scope=\"row\">{}</th>{}</tr>", _("Together"), format_html_join(
            "", '<td class="r">{}</td>', ((text,) for text in said))))
    heads = (_("Account"), _("In"), _("Out"), _("Balance when sealed"))
    return format_html(
        '<div class="desk-scroll"><table class="desk-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        format_html_join("", '<th scope="col"{}>{}</th>', (
            (format_html(' class="r"') if n else "", head) for n, head in enumerate(heads))),
        format_html_join("", "{}", ((row,) for row in rows)),
    )


def _grouped(value: int) -> str:
    return f"{value:,}".replace("-", MINUS)


def _note(kind: str, posted: int) -> str:
    """What a balance below zero is, where it could be read as an overdraft."""
    if kind == Kind.BANK and posted < 0:
        return _("money that came in; it stands below zero by convention")
    return ""


def asset_name(asset: str) -> str:
    """`CNY`, or the hours of which class."""
    kind, _colon, card = asset.partition(":")
    return _("hours, {card}").format(card=card) if kind == "CH" and card else words.unit(asset)


def _money_first(item: tuple[str, Any]) -> tuple[bool, str]:
    return item[0] != CNY, item[0]


def _hold(hold: Hold, now: datetime, name: str) -> dict[str, Any]:
    return {
        "hold": hold, "url": reverse("admin:ledger_hold_change", args=[hold.pk]),
        "age": timesince(hold.created_at, now, depth=1), "late": bool(hold.expires_at and hold.expires_at <= now),
        "company": desk.company_link(hold.account.owner), "account": desk.account_link(hold.account),
        "cause": desk.cause_link(hold.cause, name), "left": words.exact(hold.left, hold.account.asset),
    }  # fmt: skip


def _sums(sums: Iterable[tuple[str, int, int]]) -> list[str]:
    return [words.exact(amount, asset) for asset, _count, amount in sums]


def _list(model: str, **asked: Any) -> str:
    return f"{reverse(f'admin:ledger_{model}_changelist')}?{urlencode(asked)}"
