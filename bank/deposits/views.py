"""The bank's pages: paint and deposit idle hours, what became of them, banked hours, earnings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from bank.ledger.models import Account
from marketplace.dispatch import weights
from marketplace.dispatch.models import Site
from marketplace.orders.actions import BY_THE_HOUR
from marketplace.recipes.base import InputRefused
from portal import policy
from portal.accounts.access import BUYER, FINANCE, OWNER, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.core.money import share
from portal.core.templatetags.suanli import banked as as_banked
from portal.core.words import local, yuan

from . import actions, estimates, hooks, income, nights, payouts, queries, standing, withdrawals
from .forms import USUAL_UNITS, DepositForm, WithdrawForm
from .models import Deposit


def actor_of(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def may(request: HttpRequest) -> None:
    """Owners and buyers deposit and withdraw; others look. Refused("role_needed")."""
    if request.membership.role not in ("owner", BUYER):  # type: ignore[attr-defined]
        raise Refused("role_needed", roles=BUYER)


def hours_of(values: list[str]) -> list[int]:
    """The painted hours of a form; what is no hour of the week is left out."""
    return sorted({int(v) for v in values if v.isascii() and v.isdigit() and len(v) < 4 and int(v) < 168})


@require_http_methods(["GET", "POST"])
@company_view()
def bank(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """The grid, the estimate, and everything that is in the bank. htmx asks here for the estimate."""
    now = clock.now()
    sites = list(queries.sites_of(organisation))
    ready = [s for s in sites if s.state == Site.State.VERIFIED and not s.always_open]
    context: dict[str, Any] = {"organisation": organisation, "sites": sites, "ready": ready, "now": now}
    status, facts = 200, estimates.Known(now)
    if ready:
        data = request.POST or (request.GET if "cards" in request.GET else None)
        form = DepositForm(data, sites=ready, today=local(now).date(), initial=_chosen(request, ready, now))
        found = _estimate(form, None if data is None else hours_of(data.getlist("hour")), facts)
        if request.method == "POST" and form.is_valid():
            may(request)
            try:
                made = actions.deposit(
                    organisation=organisation,
                    hours=found["painted"],
                    now=now,
                    actor=actor_of(request),
                    **form.cleaned_data,
                )
            except Refused as refused:
                context["refused"], status = refused, refused.status
            else:
                messages.success(request, _deposited(made, now))
                return redirect("deposits:bank", organisation.slug)  # to its top, where the message stands
        elif request.method == "POST":
            status = 422
        context |= {
            "form": form,
            "weights": weights.week_of_weights(),
            **found,
            "redraw": request.GET.get("drawn") not in (None, found["drawn"]),
            "fee_ppm": policy.PLATFORM_FEE_PPM,
            "phi_ppm": policy.FIRM_IDLE_SHARE_PPM,
            "late_ppm": policy.LATE_RECALL_FEE_PPM,
            "late_uy": share(found["estimate"].index_uy, policy.LATE_RECALL_FEE_PPM),
            "least_uy": policy.WITHDRAWAL_LEAST_UY,
            "when_paid": payouts.when_paid(now),
        }
    if not getattr(request, "htmx", False):
        context |= _account(organisation, facts)
        if request.membership.role in (OWNER, FINANCE):  # type: ignore[attr-defined]
            context["ties"] = [row for said in hooks.ties for row in said(organisation, now)]
    return render(
        request, "deposits/bank", context, fragment="deposits/_estimate" if ready else None, status=status
    )


def _chosen(request: HttpRequest, ready: list[Site], now) -> dict[str, Any]:
    """The site asked for, or that of the newest deposit, with what was chosen for it last time."""
    asked = next((s for s in ready if s.public_id == request.GET.get("site")), None)
    last = Deposit.objects.filter(site__in=[asked] if asked else ready).order_by("-id").first()
    if last is None:
        site = asked or ready[0]
        return {"site": site, "cards": site.cards}
    site = next(s for s in ready if s.pk == last.site_id)
    kept = {"cards": min(last.cards, site.cards), "notice_h": last.notice_h, "payout": last.payout, "mode": last.mode}
    today = local(now).date()
    days = {"from_date": max(last.from_date, today), "to_date": last.to_date} if last.to_date > today else {}
    return {"site": site, **kept, **days}


def _estimate(form: DepositForm, painted: list[int] | None, facts: estimates.Known) -> dict[str, Any]:
    """From whatever of the form makes sense already; of nothing every night, or no hour where some are deposited."""
    known: dict[str, Any] = {}
    if form.is_bound:
        form.is_valid()
        known = form.cleaned_data
    site, first, last = (known.get(name) or form.initial[name] for name in ("site", "from_date", "to_date"))
    cards = min(known.get("cards") or form.initial["cards"], site.cards)
    taken = queries.taken_hours(site, first, last)
    if painted is None:
        painted = [] if taken else nights.EVERY_NIGHT
    tonight = nights.tonight(facts.now)
    return {
        "estimate": estimates.estimate(
            site=site,
            hours=[h for h in painted if h not in taken],
            cards=cards,
            mode=known.get("mode") or Deposit.Mode.CONSIGNMENT,
            now=facts.now,
            known=facts.of(site.resource_class_id),
        ),
        "cards": cards,
        "is_short": (last - first).days < 7,  # no hour of the week comes twice
        "payout": known.get("payout") or Deposit.Payout.HOURS,
        "painted": painted,
        "taken": taken,
        "tonight": replace(tonight, hours=[h for h in tonight.hours if h not in taken]),
        "drawn": f"{site.public_id} {first} {last}",  # what the grid's taken hours depend on
    }


def _deposited(made: Deposit, now) -> str:
    ahead = len(actions.hours_between(made, now, now + actions.AHEAD))
    return ngettext(
        "Deposited. {n} hour of the coming week is in the pool.",
        "Deposited. {n} hours of the coming week are in the pool.",
        ahead,
    ).format(n=ahead)


def _deposits(organisation: Organisation, facts: estimates.Known) -> list[queries.DepositView]:
    """Open ones with what they bring, about: reckoned as it was while their hours were painted."""
    found: list[queries.DepositView] = []
    for view in queries.deposits_of(organisation, facts.now):
        made = view.deposit
        if made.state == Deposit.State.OPEN:
            expected = estimates.estimate(
                site=made.site,
                hours=made.hours,
                cards=made.cards,
                mode=made.mode,
                now=facts.now,
                known=facts.of(made.site.resource_class_id),
            )
            view = replace(view, expected=expected)
        found.append(view)
    return found


def _account(organisation: Organisation, facts: estimates.Known) -> dict[str, Any]:
    now = facts.now
    rows = queries.banked(organisation, now)
    try:
        loans = reverse("lending:loans", args=[organisation.slug])
    except NoReverseMatch:
        loans = ""
    night, earned = nights.last_night(organisation, now), queries.earnings(organisation, now)
    return {
        "deposits": _deposits(organisation, facts),
        "became": queries.became(organisation, now),
        "stats": standing.figures(
            organisation, in_all=queries.in_all(organisation), night=night, banked=rows, earned=earned
        ),
        "banked": rows,
        "usual": withdrawals.usual(withdrawals.payable(organisation, now), now) if rows else [],
        "worth_uy": sum(b.worth_uy for b in rows),
        "earnings": earned,
        "when_paid": payouts.when_paid(now),
        "loans_url": loans,
        "free_cms": sum(b.free_cms for b in rows),
        "tied_cms": sum(b.pledged_cms + b.held_cms for b in rows),
    }


@require_http_methods(["GET", "POST"])
@company_view()
def take_back(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Take the hours of one day back (?date=), or end the deposit: what it costs first, then one button."""
    now = clock.now()
    deposit = queries.deposit_for(organisation, public_id)
    if deposit is None:
        raise Http404
    day = _date(request.POST.get("date") or request.GET.get("date", ""))
    slots = queries.slots_of_day(deposit, day, now) if day else queries.slots_ahead(deposit, now)
    here = reverse("deposits:bank", args=[organisation.slug])
    back = f"{here}#deposits"
    if request.method == "POST":
        may(request)
        if day:
            done = actions.recall(
                deposit=deposit, hours=[s.hour for s in slots], now=now, actor=actor_of(request)
            )
        else:
            done = actions.end(deposit=deposit, now=now, actor=actor_of(request))
        text = ngettext("{n} hour was taken back.", "{n} hours were taken back.", done.slots).format(n=done.slots)
        if done.fee_uy:
            text += " " + _(
                "Within the notice it would have been free; CNY {fee} is due at the close."
            ).format(fee=yuan(done.fee_uy, exact=True))
        messages.success(request, text)
        return redirect(here)  # to its top, where the message stands
    index = queries.index_of(deposit.site.resource_class_id, now)
    fee = sum(
        actions.recall_cost(deposit=deposit, slot=s, index_uy=index.price_uy if index else 0, now=now)
        for s in slots
    )
    return render(
        request,
        "deposits/take_back",
        {
            "deposit": deposit,
            "day": day,
            "slots": slots,
            "fee_uy": fee,
            "back": back,
            "organisation": organisation,
            "late_ppm": policy.LATE_RECALL_FEE_PPM,
        },
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Http404 from None


@require_http_methods(["GET", "POST"])
@company_view()
def withdraw(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """A run of one's own, paid in banked hours: choose, bring the file, and get a binding quote."""
    now = clock.now()
    offerings = withdrawals.payable(organisation, now)
    chosen = request.POST.get("offering") or request.GET.get("offering") or ""
    offering = next((o for o in offerings if o.public_id == chosen), offerings[0] if offerings else None)
    form = WithdrawForm(
        request.POST or None,
        request.FILES or None,
        offerings=offerings,
        initial={"offering": chosen, **({"units": request.GET["units"]} if "units" in request.GET else {})},
    )
    context: dict[str, Any] = {
        "organisation": organisation,
        "form": form,
        "offering": offering,
        "banked": queries.banked(organisation, now),
        "fee_ppm": policy.PLATFORM_FEE_PPM,
    }
    status = 200
    if request.method == "POST":
        may(request)
        status = 422
        if form.is_valid():
            found = _quote(request, organisation, form, context, now)
            if found is not None:
                return found
    if offering is not None:
        asked = request.POST.get("units") or request.GET.get("units") or ""
        by_the_hour = offering.package.unit_key == BY_THE_HOUR
        typed = int(asked) if asked.isascii() and asked.isdigit() and 0 < len(asked) < 7 else USUAL_UNITS
        units = typed if by_the_hour else None  # of other packages the file says how much it is
        context |= {
            "by_the_hour": by_the_hour,
            "package": offering.package,
            "cost": withdrawals.cost(offering, units, now),
        }
    return render(request, "deposits/withdraw", context, fragment="deposits/_chosen", status=status)


def _quote(
    request: HttpRequest, organisation: Organisation, form: WithdrawForm, context: dict[str, Any], now
) -> HttpResponse | None:
    asked, file = form.cleaned_data, form.cleaned_data["file"]
    try:
        made = withdrawals.quote(
            organisation=organisation,
            offering=asked["offering"],
            file=file.file,
            filename=file.name,
            size_bytes=file.size,
            units=asked.get("units"),
            now=now,
            actor=actor_of(request),
        )
    except InputRefused as refused:
        context["bad_file"] = refused
        excerpt = refused.excerpt
        context["excerpt"] = (
            [
                {"line": n, "cells": cells, "bad": n == excerpt.line, "bad_cell": excerpt.cell}
                for n, cells in excerpt.rows
            ]
            if excerpt
            else []
        )
    except Refused as refused:
        context["refused"] = refused
    else:
        return redirect("orders:quote", organisation.slug, made.public_id)
    return None


@require_GET
@company_view()
def earnings(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Orders of what one offers and at one's sites, what they brought line by line, the next payout."""
    now = clock.now()
    found, banked = queries.earnings(organisation, now), queries.banked(organisation, now)
    return render(
        request,
        "deposits/earnings",
        {
            "organisation": organisation,
            "earnings": found,
            "income": income.income(organisation),
            "sold": income.sold(organisation),
            "jobs": (jobs := queries.jobs_at(organisation)),
            "owns_jobs": any(job.is_own for job in jobs),
            "payouts": queries.payouts_of(organisation),
            "fee_ppm": policy.PLATFORM_FEE_PPM,
            "when_paid": payouts.when_paid(now),
            "banked": banked,
            "became": queries.became(organisation, now, days=30),
            "stats": _earned(organisation, found, banked),
        },
    )


def _earned(
    organisation: Organisation, found: queries.Earnings, banked: list[queries.Banked]
) -> list[dict[str, Any]]:
    """Three figures that open to their lines, cash first; hours first for who earns only hours."""

    def books(account: Account | None) -> str:
        return reverse("ledger:statement", args=[organisation.slug, account.public_id]) if account else ""

    following = {
        "label": _("Next payout"),
        "amount_uy": found.next_uy,
        "note": _("Monday, into your wallet"),
        "url": books(found.due_account),
    }
    held = {
        "label": _("Held back for disputes"),
        "amount_uy": found.held_uy,
        "note": _("72 hours, then it is yours"),
        "url": books(found.held_account),
    }
    paid = {
        "label": _("Paid out so far"),
        "amount_uy": found.paid_uy,
        "note": _("Every payout"),
        "url": "#payouts",
    }
    if banked and not (found.next_uy or found.held_uy or found.paid_uy):
        worth, pledged = standing.worth(banked), sum(r.shown.pledged_cms for r in banked)
        note = (
            _("{worth}, {pledged} of it pledged").format(worth=worth, pledged=as_banked(pledged)) if pledged else worth
        )
        return [
            {"label": _("Banked hours"), "text": as_banked(sum(r.shown.all_cms for r in banked)), "note": note},
            following,
            paid,
        ]
    return [following, held, paid]
