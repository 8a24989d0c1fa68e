"""Where a depositor stands, in words: what last night brought, the banked hours, the next payout."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.models import Organisation
from portal.core.templatetags.suanli import banked as shown
from portal.core.templatetags.suanli import cny, hours, time_text
from portal.core.words import joined, whole_places

from .nights import Night
from .queries import Banked, Earnings, InAll


def figures(
    organisation: Organisation, *, in_all: InAll, night: Night | None, banked: list[Banked], earned: Earnings
) -> list[dict[str, Any]]:
    """Earned in all, last night, what is free, the next payout: each leading to what it is made of."""
    return [_in_all(in_all, banked), last_night(organisation, night), _banked(banked), _payout(organisation, earned)]


def _in_all(in_all: InAll, banked: list[Banked]) -> dict[str, Any]:
    """Everything since the first hour; what of it is not there any more is said, so that it adds up."""
    label = _("Your machines earned in all")
    if in_all.first is None:
        return {"label": label, "text": "0", "note": _("no hour of yours was closed yet")}
    since = ngettext("in {n} hour by the clock, since {date}", "in {n} hours by the clock, since {date}", in_all.hours)
    said = [since.format(n=f"{in_all.hours:,}", date=time_text(in_all.first, "date"))]
    if not in_all.earned_cms and in_all.cash_uy:
        return {"label": label, "amount_uy": in_all.cash_uy, "note": joined(said)}
    if in_all.cash_uy:
        said.insert(0, _("and {amount} in cash").format(amount=cny(in_all.cash_uy, "exact")))
    gone = whole_places(in_all.earned_cms) - sum(b.shown.all_cms for b in banked)
    if gone > 0:
        said.append(_("{hours} of it used, expired or given up for a loan").format(hours=shown(gone)))
    return {"label": label, "text": shown(in_all.earned_cms), "unit": _("banked hours"), "note": joined(said)}


def last_night(organisation: Organisation, night: Night | None) -> dict[str, Any]:
    """What it brought, in what it was paid in; hours and cash where it was both."""
    label = _("Last night your machines earned")
    if night is None:
        return {"label": label, "text": "–", "note": _("no hour of yours was closed in it, 22:00 to 08:00")}
    day = time_text(night.start, "day")
    said = [
        _("{all} core-hours offered from 22:00 on {date}, {done} found work").format(
            all=hours(night.offered_cms, "short"), date=day, done=hours(night.delivered_cms, "least")
        )
        if night.delivered_cms
        else _("{all} core-hours offered from 22:00 on {date}, none found work").format(
            all=hours(night.offered_cms, "short"), date=day
        )
    ]
    if night.ready_cms:
        said.append(
            _("{hours} of it for standing ready").format(hours=shown(night.ready_cms))
            if night.ready_cms < night.earned_cms
            else _("all of it for standing ready")
        )
    if night.simulated:
        said.append(_("simulated time") if night.is_simulated else _("partly simulated time"))
    found: dict[str, Any] = {"label": label, "note": joined(said)}
    if night.earned_cms or not night.cash_uy:
        found["text"], found["unit"] = shown(night.earned_cms), _("banked hours")
        if night.cash_uy:
            found["note"] = joined([_("and {amount} in cash").format(amount=cny(night.cash_uy)), *said])
    else:
        found["amount_uy"] = night.cash_uy
    if night.sites:
        site = reverse("deposits:site", args=[organisation.slug, night.sites[0].public_id])
        found["url"], found["link"] = f"{site}?night={night.start_date:%Y-%m-%d}#hours", _("Hour by hour")
    return found


def _banked(banked: list[Banked]) -> dict[str, Any]:
    """What is free; what all of it is worth stands with the day of the price."""
    if not banked:
        note = _("an hour is banked when one you deposited is over")
        return {"label": _("Banked hours, free"), "text": "0", "note": note}
    tied = sum(b.shown.pledged_cms + b.shown.held_cms for b in banked)
    said = [_("{hours} more are pledged or reserved").format(hours=shown(tied))] if tied else []
    said.append(worth(banked))
    return {
        "label": _("Banked hours, free"),
        "text": shown(sum(b.shown.free_cms for b in banked)),
        "note": joined(said),
        "url": "#banked",
        "link": _("What they are good for"),
    }


def worth(banked: list[Banked]) -> str:
    """“Worth CNY 2.92 at the price of 28 Nov 2026”: all of them, pledged ones too."""
    amount = cny(sum(b.worth_uy for b in banked))
    days: list[date] = [b.index_date for b in banked if b.index_date]
    if not days:
        return _("no price is published yet")
    return _("all worth {amount} at the price of {date}").format(amount=amount, date=time_text(max(days), "date"))


def _payout(organisation: Organisation, earned: Earnings) -> dict[str, Any]:
    return {
        "label": _("Next payout in cash, CNY"),
        "amount_uy": earned.next_uy,
        "note": _("on Monday, {date}, into your wallet").format(date=time_text(earned.next_date, "day")),
        "url": reverse("deposits:earnings", args=[organisation.slug]),
        "link": _("What each run brought"),
    }
