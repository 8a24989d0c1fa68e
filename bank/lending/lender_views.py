"""Pages of a lender: the desk, an application with its evidence, offers."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.access import FINANCE, company_view
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.core.money import FEN_UY
from portal.core.templatetags.suanli import cny, percent

from . import actions, queries
from .asking import ask, is_sure
from .forms import OfferForm, RejectForm
from .models import Application, Loan, Offer


def desk(request: HttpRequest, lender: Organisation) -> HttpResponse:
    """Cash, applications to answer, offers out, the portfolio with margin calls first."""
    now = clock.now()
    cash = queries.lender_cash(lender)
    found = queries.positions(queries.loans_of(lender)[:100], now)
    running = sorted((p for p in found if p.loan.is_open), key=lambda p: -(p.ltv_ppm or 10**9))
    return render(
        request,
        "lending/lender",
        {
            "organisation": lender,
            "cash": cash,
            "running": running,
            "now": now,
            "called": [p for p in running if p.loan.state == Loan.State.MARGIN_CALLED],
            "repaid": [p.loan for p in found if not p.loan.is_open],
            "stats": [
                {
                    "label": _("Free to lend"),
                    "amount_uy": cash.free_uy,
                    "note": _("bank transfers are booked by the platform's staff"),
                },
                {
                    "label": _("Reserved for offers"),
                    "amount_uy": cash.offered_uy,
                    "note": _("until they are answered"),
                },
                {"label": _("Lent out"), "amount_uy": cash.lent_uy, "note": _("principal")},
            ],
            "applications": queries.asked(queries.open_for(lender, now)[:50], now),
            "offers": queries.offers_of(lender).filter(state=Offer.State.OPEN, expires_at__gt=now)[:50],
        },
        fragment="lending/_queue",
    )


def application(
    request: HttpRequest,
    lender: Organisation,
    found: queries.Asked,
    is_open: bool,
    offer_form: OfferForm | None = None,
    reject_form: RejectForm | None = None,
) -> HttpResponse:
    """What the pledge is worth, what stands behind the company, and the two answers."""
    row = found.application
    mine = [o for o in found.offers if o.lender_id == lender.pk]
    said_no = any(r.lender_id == lender.pk for r in row.rejections.all())
    may_offer = is_open and not any(o.state == Offer.State.OPEN for o in mine)
    fen = min(row.amount_uy, found.most_uy) // FEN_UY
    start = {"amount": f"{fen // 100}.{fen % 100:02d}", "months": row.months, "rate": 6}
    form = offer_form or OfferForm(initial=start)
    bad = bool(form.errors or (reject_form and reject_form.errors))
    return render(
        request,
        "lending/review",
        {
            "organisation": lender,
            "found": found,
            "is_open": is_open,
            "mine": mine,
            "said_no": said_no,
            "evidence": queries.evidence(row.organisation, row.resource_class.asset, clock.now()),
            "form": form if may_offer else None,
            "reject_form": (reject_form or RejectForm()) if is_open and not said_no else None,
        },
        status=422 if bad else 200,
    )


def _found(lender: Organisation, public_id: str) -> queries.Asked:
    """An application this lender may see; anybody else gets a 404."""
    if lender.role != Organisation.Role.LENDER:
        raise Http404
    rows = queries.visible_to(lender).prefetch_related("offers__lender", "rejections__lender")
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return queries.asked([row], clock.now())[0]


@company_view(FINANCE)
def offer(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """A binding offer, after a question: its money is reserved."""
    found, now = _found(organisation, public_id), clock.now()
    here = reverse("lending:application", args=[organisation.slug, public_id])
    if request.method != "POST":
        return redirect(here)
    form = OfferForm(request.POST)
    if form.is_valid():
        try:
            if form.amount_uy() > found.most_uy:
                raise Refused("above_ltv", most_uy=found.most_uy)
            if not is_sure(request):
                return ask(
                    request,
                    form=form,
                    title=_("Make this offer?"),
                    label=_("Make the offer"),
                    back_url=here,
                    danger=True,
                    text=_(
                        "When you press the button, the money is reserved in your account until the offer is answered "
                        "or ends; you may withdraw it before. Nothing can be sold on default yet: your money comes "
                        "back only as the borrower repays."
                    ),
                    lines=[
                        {"label": _("Company"), "text": found.application.organisation.name},
                        {"label": _("Loan to value"), "text": f"{percent(found.ltv_of(form.amount_uy()))} %"},
                        {"label": _("Interest a year"), "text": f"{percent(form.rate_ppm(), 'short')} %"},
                        {"label": _("Months"), "text": str(form.cleaned_data["months"])},
                        {"label": _("To be reserved"), "amount_uy": form.amount_uy(), "total": True},
                    ],
                )
            actions.add_offer(
                application=found.application,
                lender=organisation,
                amount_uy=form.amount_uy(),
                rate_ppm=form.rate_ppm(),
                months=form.cleaned_data["months"],
                now=now,
                actor=f"user:{request.user.pk}",
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("Offered. {amount} is reserved.").format(amount=cny(form.amount_uy())))
            return redirect(here)
    return application(request, organisation, found, _is_open(found), offer_form=form)


@company_view(FINANCE)
def reject(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """This lender's no, with its reason."""
    found = _found(organisation, public_id)
    here = reverse("lending:application", args=[organisation.slug, public_id])
    if request.method != "POST":
        return redirect(here)
    form = RejectForm(request.POST)
    if form.is_valid():
        if not is_sure(request):
            return ask(
                request,
                form=form,
                title=_("Say no?"),
                label=_("Say no"),
                back_url=here,
                text=_("The company reads your reason. The application leaves your desk."),
            )
        actions.reject(
            application=found.application,
            lender=organisation,
            reason=form.cleaned_data["reason"],
            now=clock.now(),
            actor=f"user:{request.user.pk}",
        )
        messages.success(request, _("The company has been told."))
        return redirect("lending:loans", organisation.slug)
    return application(request, organisation, found, _is_open(found), reject_form=form)


@company_view(FINANCE)
def withdraw_offer(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Take an open offer back."""
    found = queries.offers_of(organisation).filter(public_id=public_id).first()
    if found is None:
        raise Http404
    here = reverse("lending:application", args=[organisation.slug, found.application.public_id])
    if request.method != "POST":
        return redirect(here)
    if not is_sure(request):
        return ask(
            request,
            title=_("Withdraw this offer?"),
            label=_("Withdraw it"),
            back_url=here,
            text=_("Its money is free again at once."),
        )
    actions.withdraw_offer(offer=found, now=clock.now(), actor=f"user:{request.user.pk}")
    messages.success(request, _("Withdrawn."))
    return redirect("lending:loans", organisation.slug)


def _is_open(found: queries.Asked) -> bool:
    row = found.application
    return row.state == Application.State.OPEN and row.expires_at > clock.now()
