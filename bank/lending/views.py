"""Pages of a borrower, and those that borrower and lender share. Owner and finance only."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from bank.ledger.models import Account
from portal.accounts.access import FINANCE, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.core.money import FEN_UY
from portal.core.templatetags.suanli import banked, cny, yuan
from portal.core.words import floor_fen

from . import actions, lender_views, offered, payments, queries, standing
from .asking import ask, is_sure, key_of
from .forms import AmountForm, HoursForm, all_of
from .models import Application, Loan, Offer


def actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def borrower_only(organisation: Organisation) -> None:
    if organisation.role == Organisation.Role.LENDER:
        raise Http404


@company_view(FINANCE)
def loans(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """A borrower's credit limit, loans, applications and what can be pledged; a lender's desk."""
    now = clock.now()
    if organisation.role == Organisation.Role.LENDER:
        return lender_views.desk(request, organisation)
    found = queries.positions(queries.loans_of(organisation)[:50], now)
    rows = queries.asked(
        queries.visible_to(organisation)
        .exclude(state=Application.State.LENT)
        .prefetch_related("offers__lender", "rejections__lender")[:20],
        now,
    )
    credit = queries.credit(organisation)
    return render(
        request,
        "lending/loans",
        {
            "organisation": organisation,
            "credit": credit,
            "now": now,
            "stats": [
                {
                    "label": _("Left to use"),
                    "amount_uy": credit.left_uy,
                    "note": _("after the wallet, for orders"),
                },
                {
                    "label": _("Used"),
                    "amount_uy": credit.used_uy,
                    "note": _("{amount} more is reserved for orders").format(amount=yuan(credit.held_uy)),
                },
                {"label": _("Limit"), "amount_uy": credit.limit_uy, "note": _("granted by the platform")},
            ],
            "running": [(p, standing.levels(p)) for p in found if p.loan.is_open],
            "repaid": [p.loan for p in found if not p.loan.is_open],
            "waiting": [a for a in rows if a.application.state == Application.State.OPEN],
            "ended": [a.application for a in rows if a.application.state != Application.State.OPEN],
            "pledgeable": (free := queries.pledgeable(organisation, now)),
            "can_borrow": any(floor_fen(row.most_uy) for row in free),
            "form": AmountForm() if credit.used_uy > 0 else None,
        },
    )


@company_view(FINANCE)
def repay_credit(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """From the wallet to the credit line, after a question."""
    borrower_only(organisation)
    here = reverse("lending:loans", args=[organisation.slug])
    credit, form = queries.credit(organisation), AmountForm(request.POST or None)
    everything = request.POST.get("all") == "1"
    if request.method == "POST" and (everything or form.is_valid()):
        amount = credit.used_uy if everything else form.amount_uy()
        try:
            if not is_sure(request):
                if amount > credit.used_uy:
                    raise Refused("more_than_owed", owed_uy=credit.used_uy)
                return _ask_to_repay_credit(request, credit, amount, None if everything else form, here)
            actions.repay_credit(
                organisation=organisation,
                amount_uy=None if everything else amount,
                key=key_of(request),
                now=clock.now(),
                actor=actor(request),
            )
        except Refused as refused:
            form = AmountForm(request.POST if not everything else {"amount": str(amount // FEN_UY / 100)})
            form.is_valid()
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("{amount} repaid.").format(amount=cny(amount, "exact")))
            return redirect(here)
    return render(
        request,
        "lending/amount",
        {
            "form": form,
            "title": _("Repay the credit line"),
            "back_url": here,
            "label": _("Go on"),
            "text": _("{amount} is used.").format(amount=cny(credit.used_uy)),
        },
        status=422 if form.errors else 200,
    )


def _ask_to_repay_credit(
    request: HttpRequest, credit: queries.Credit, amount: int, form: AmountForm | None, here: str
) -> HttpResponse:
    return ask(
        request,
        form=form,
        extra={} if form else {"all": "1"},
        title=_("Repay the credit line?"),
        label=_("Repay"),
        back_url=here,
        danger=True,
        text=_("The money leaves the wallet now; the limit is free again."),
        lines=[
            {"label": _("Used today"), "text": yuan(credit.used_uy, "exact")},
            {"label": _("You repay"), "text": yuan(amount, "exact"), "total": True},
        ],
    )


@company_view(FINANCE)
def application(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One application: for its company with the offers, for a lender with the evidence."""
    now = clock.now()
    rows = queries.visible_to(organisation).prefetch_related("offers__lender", "rejections__lender")
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise Http404
    is_lender = organisation.role == Organisation.Role.LENDER
    if request.method == "POST" and not is_lender:
        return _withdraw(request, organisation, row)
    found = queries.asked([row], now)[0]
    is_open = row.state == Application.State.OPEN and row.expires_at > now
    if is_lender:
        return lender_views.application(request, organisation, found, is_open)
    return render(
        request,
        "lending/application",
        {
            "organisation": organisation,
            "found": found,
            "is_open": is_open,
            "now": now,
            "state": _state(row, is_open, now),
            "offers": [
                (offered.of(o, found, now), is_open and o.state == Offer.State.OPEN and o.expires_at > now)
                for o in found.offers
            ],
        },
        fragment="lending/_application",
    )


def _state(row: Application, is_open: bool, now: datetime) -> str:
    """“an offer is here” as soon as there is one to answer."""
    if is_open and any(o.state == Offer.State.OPEN and o.expires_at > now for o in row.offers.all()):
        return _("an offer is here")
    return str(row.get_state_display())


def _withdraw(request: HttpRequest, organisation: Organisation, row: Application) -> HttpResponse:
    here = reverse("lending:application", args=[organisation.slug, row.public_id])
    if not is_sure(request):
        return ask(
            request,
            title=_("Withdraw the application?"),
            label=_("Withdraw it"),
            back_url=here,
            text=_("Open offers end, and the pledged hours are free again."),
        )
    actions.withdraw(application=row, now=clock.now(), actor=actor(request))
    messages.success(request, _("Withdrawn. The hours are free again."))
    return redirect("lending:loans", organisation.slug)


@company_view(FINANCE)
def answer(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Accept or decline an offer, after a question."""
    borrower_only(organisation)
    offers = Offer.objects.select_related("lender", "application__resource_class")
    found = offers.filter(public_id=public_id, application__organisation=organisation).first()
    if found is None:
        raise Http404
    here = reverse("lending:application", args=[organisation.slug, found.application.public_id])
    verb = request.POST.get("verb", "")
    if request.method != "POST" or verb not in ("accept", "decline"):
        return redirect(here)
    now = clock.now()
    if verb == "decline":
        if not is_sure(request):
            return ask(
                request,
                title=_("Decline this offer?"),
                label=_("Decline it"),
                back_url=here,
                extra={"verb": verb},
                text=_("Your application stays open for other lenders."),
            )
        actions.decline(offer=found, now=now, actor=actor(request))
        messages.success(request, _("Declined."))
        return redirect(here)
    if not is_sure(request):
        asked = queries.asked([found.application], now)[0]
        terms = offered.of(found, asked, now)
        return ask(
            request,
            title=_("Take this loan?"),
            label=_("Take the loan"),
            back_url=here,
            danger=True,
            extra={"verb": verb},
            lines=offered.lines(terms),
            terms=terms,
            index=asked.index,
            text=_("The money is in your wallet at once. The hours stay pledged until all is repaid."),
        )
    made = actions.accept(offer=found, now=now, actor=actor(request))
    messages.success(request, _("{amount} is in your wallet.").format(amount=cny(made.principal_uy)))
    return redirect("lending:loan", organisation.slug, made.public_id)


def _loan(organisation: Organisation, public_id: str) -> Loan:
    found = queries.loans_of(organisation).filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


@company_view(FINANCE)
def loan(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Where a loan stands: the beam, the plan, repayments, the books."""
    now = clock.now()
    found = queries.position(_loan(organisation, public_id), now)
    accounts = Account.objects.filter(
        owner=organisation, ref__in=[found.loan.public_id, found.loan.application.public_id]
    ).order_by("pk")
    is_lender = organisation.role == Organisation.Role.LENDER
    can = found.loan.is_open and not is_lender
    free = queries.free_to_pledge(found.loan) if can else 0
    return render(
        request,
        "lending/loan",
        {
            "organisation": organisation,
            "found": found,
            "levels": standing.levels(found, is_lender=is_lender),
            "stats": standing.figures(found),
            "accounts": accounts,
            "is_lender": is_lender,
            "payments": payments.of(found),
            "free_cms": free,
            "all_hours": all_of(free),
            "form": AmountForm() if can else None,
            "hours_form": HoursForm() if can and free else None,
        },
    )


@company_view(FINANCE)
def repay(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """A part, or everything (`all`), after a question that shows how it is divided."""
    borrower_only(organisation)
    row, now = _loan(organisation, public_id), clock.now()
    here = reverse("lending:loan", args=[organisation.slug, row.public_id])
    everything = request.POST.get("all") == "1"
    form = AmountForm(request.POST or None)
    found = queries.position(row, now)
    if request.method == "POST" and (everything or form.is_valid()):
        amount = found.debt_uy if everything else form.amount_uy()
        try:
            if not is_sure(request):
                if amount > found.debt_uy:
                    raise Refused("more_than_owed", owed_uy=found.debt_uy)
                return _ask_to_repay(request, found, amount, None if everything else form, here)
            paid = actions.repay(
                loan=row,
                amount_uy=None if everything else amount,
                key=key_of(request),
                now=now,
                actor=actor(request),
            )
        except Refused as refused:
            form = AmountForm(request.POST if not everything else {"amount": str(amount // FEN_UY / 100)})
            form.is_valid()
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("{amount} repaid.").format(amount=cny(paid.total_uy, "exact")))
            return redirect(here)
    return render(
        request,
        "lending/amount",
        {
            "form": form,
            "title": _("Repay"),
            "back_url": here,
            "label": _("Go on"),
            "text": _("{amount} is owed today.").format(amount=cny(found.debt_uy, "exact")),
        },
        status=422 if form.errors else 200,
    )


def _ask_to_repay(
    request: HttpRequest, found: queries.Position, amount: int, form: AmountForm | None, here: str
) -> HttpResponse:
    interest, principal = queries.collateral.split(amount, found.interest_uy)
    whole = amount == found.debt_uy
    text = (
        _("The loan ends, and the pledged hours are free again.")
        if whole
        else _("The money leaves the wallet now. The hours stay pledged until all is repaid.")
    )
    return ask(
        request,
        form=form,
        extra={} if form else {"all": "1"},
        title=_("Repay?"),
        label=_("Repay"),
        back_url=here,
        danger=True,
        text=text,
        lines=[
            {"label": _("Interest"), "text": yuan(interest, "exact")},
            {"label": _("Principal"), "text": yuan(principal, "exact")},
            {"label": _("From the wallet"), "text": yuan(amount, "exact"), "total": True},
        ],
    )


@company_view(FINANCE)
def pledge(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """More hours behind a loan, after a question."""
    borrower_only(organisation)
    row = _loan(organisation, public_id)
    here = reverse("lending:loan", args=[organisation.slug, row.public_id])
    free = queries.free_to_pledge(row)
    start = {"hours": all_of(free)} if free and request.GET.get("hours") == "all" else {}
    form = HoursForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        cms = form.cms(free)
        try:
            if not is_sure(request):
                if cms > free:
                    raise Refused("too_many_hours", available_cms=free)
                return ask(
                    request,
                    form=form,
                    title=_("Pledge more hours?"),
                    label=_("Pledge them"),
                    back_url=here,
                    danger=True,
                    text=_("They cannot be spent until the loan is repaid."),
                    lines=[{"label": _("Banked hours pledged"), "text": banked(cms), "total": True}],
                )
            actions.add_pledge(loan=row, cms=cms, key=key_of(request), now=clock.now(), actor=actor(request))
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("{hours} hours pledged.").format(hours=banked(cms)))
            return redirect(here)
    return render(
        request,
        "lending/amount",
        {
            "form": form,
            "title": _("Pledge more hours"),
            "back_url": here,
            "label": _("Go on"),
            "text": _("{hours} banked hours are available.").format(hours=banked(free)),
            "all_hours": all_of(free) if free else "",
        },
        status=422 if form.errors else 200,
    )
