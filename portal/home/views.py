"""The front page, one's own desk, and the public figures."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from bank.deposits import nights, registration, standing
from bank.deposits.payouts import when_paid
from bank.lending import waiting
from marketplace.billing import queries as billing
from marketplace.catalogue import queries as catalogue
from marketplace.dispatch.models import Site
from marketplace.orders import kept
from marketplace.orders import queries as orders
from marketplace.orders.models import Order
from portal import policy
from portal.accounts.access import FINANCE, OWNER, company_of
from portal.accounts.models import Organisation
from portal.accounts.queries import newly_approved, unconfirmed, words_of_decision
from portal.accounts.views import APPROVAL_READ
from portal.core import clock
from portal.core.fragments import render
from portal.core.money import share
from portal.core.words import floor_fen

from . import earning
from . import figures as public


@require_GET
def front(request: HttpRequest) -> HttpResponse:
    """What do you want done? The search, results others took home, the trades, the public meter."""
    now = clock.now()
    shelf = catalogue.front(now=now)
    trades = [
        {
            "key": i.key,
            "name": i.name,
            "url": reverse("catalogue:industry", args=[i.key]),
            "count": i.available,
            "from_uy": i.lowest_cap_uy,
        }
        for i in shelf.industries
    ]
    return render(
        request,
        "home/front",
        {
            "trades": trades,
            "featured": shelf.featured[:3],
            "meter": public.meter(now=now),
            "now": now,
            "last": public.last_receipt(),
            "welcome_uy": policy.WELCOME_CREDIT_UY if company_of(request) is None else 0,
        },
    )


@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Where one lands after signing in: what runs, what is in the wallet, what to do next."""
    company = company_of(request)
    if company is None:
        return redirect("admin:index" if request.user.is_staff else "accounts:register")
    rows = list(
        Order.objects.filter(organisation=company).select_related("quote__offering__package", "allocation")[
            :5
        ]
    )
    wallet = billing.wallet(company)
    return render(
        request,
        "home/dashboard",
        {
            "company": company,
            "orders": orders.with_charges(rows),
            "wallet": wallet,
            "kept": kept.kept_quotes(company, clock.now()),
            "available_uy": floor_fen(wallet.available_uy),
            "limit_uy": policy.UNAPPROVED_ORDER_LIMIT_UY,
            **_lending(request, company),
            "approval": _approval(request, company),
            "unconfirmed": unconfirmed(request.user),  # type: ignore[arg-type]
            "words": words_of_decision(company) if company.state != company.State.APPROVED else "",
            "returned": catalogue.off_the_shelf(company) if company.is_provider else [],
            **(_machines(company) if company.is_provider else {}),
        },
    )


def _approval(request: HttpRequest, company: Organisation) -> dict[str, Any] | None:
    """That the company was approved, until somebody has said that it is read, or for a week."""
    step = newly_approved(company, clock.now())
    if step is None or company.slug in request.session.get(APPROVAL_READ, []):
        return None
    return {"at": step.at, "words": str(step.params.get("text", ""))}


def _machines(company: Organisation) -> dict[str, Any]:
    """How many sites a provider has, and what the last night brought."""
    sites = Site.objects.filter(organisation=company).count()
    night = nights.last_night(company, clock.now()) if sites else None
    return {"sites": sites, "night": standing.last_night(company, night) if night else None}


def _lending(request: HttpRequest, company: Organisation) -> dict[str, Any]:
    """What waits in lending, for those who may answer it; a lender's desk, a borrower's offers."""
    now = clock.now()
    if request.membership.role not in (OWNER, FINANCE):  # type: ignore[attr-defined]
        return {}
    if company.role == Organisation.Role.LENDER:
        return {"to_answer": waiting.to_answer(company, now)}
    return {"asked": waiting.asked_by(company, now)}


@require_GET
def earn(request: HttpRequest) -> HttpResponse:
    """For whoever has idle machines: how it goes, what it brings and what it does not promise."""
    company = company_of(request)
    machine = registration.machine(company)
    return render(
        request,
        "home/earn",
        {
            "company": company,
            "example": earning.example(cores=machine.cores or earning.CORES, now=clock.now()),
            "machine": machine,
            "phi_ppm": policy.FIRM_IDLE_SHARE_PPM,
            "fee_ppm": policy.PLATFORM_FEE_PPM,
            **_lending_shares(),
            "life_days": policy.CLAIM_LIFE_DAYS,
            "least_uy": policy.WITHDRAWAL_LEAST_UY,
        },
    )


def _lending_shares() -> dict[str, int]:
    """What a pledge counts for, what is lent of it, and when more is asked for. Parts per million."""
    return {
        "haircut_ppm": policy.COLLATERAL_HAIRCUT_PPM,
        "ltv_ppm": policy.LTV_ORIGINATION_PPM,
        "lent_ppm": share(policy.COLLATERAL_HAIRCUT_PPM, policy.LTV_ORIGINATION_PPM),
        "call_ppm": policy.LTV_CALL_PPM,
    }


@login_required
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """The way in from the page above: the company first, with its box ticked, then its first machine."""
    company = company_of(request)
    if company is None:
        onward = urlencode({"provider": 1, "next": reverse("home:begin")})
        return redirect(f"{reverse('accounts:register')}?{onward}")
    return redirect("deposits:site_new", company.slug)


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """What to do when something goes wrong, how money moves, invoices, whom to ask, and the words."""
    return render(
        request,
        "home/help",
        {
            "least_uy": policy.WITHDRAWAL_LEAST_UY,
            "welcome_uy": policy.WELCOME_CREDIT_UY,
            "when_paid": when_paid(clock.now()),
            "life_days": policy.CLAIM_LIFE_DAYS,
            **_lending_shares(),
            "demo": settings.DEMO,
            "is_fictitious": not policy.CONTACT,
        },
    )


@require_GET
def figures(request: HttpRequest) -> HttpResponse:
    """Every public figure with its formula, its date and the rows behind it."""
    now = clock.now()
    return render(request, "home/figures", {"figures": public.all_figures(now=now), "now": now})
