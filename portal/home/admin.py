"""The staff's desk as a whole: what is to do, one search over all rooms, and one page per company.

Every room keeps its own lists; this is what stands above them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.timesince import timesince
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from bank.ledger import overview
from portal.accounts import regions
from portal.accounts.models import Organisation
from portal.core import clock
from portal.core.errors import Refused

from . import causes, finding, staff

MONEY_NEEDS = ("accounts.view_organisation", "ledger.view_journal", "orders.view_order")
site = admin.site
site.site_header = _("Suanli staff desk")
site.site_title = _("Suanli staff desk")
site.index_title = _("To do")
site.enable_nav_sidebar = False  # the desk is a board and a search; a list of tables beside it only distracts

_stock_index, _stock_urls, _stock_view = site.index, site.get_urls, site.admin_view


def index(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The board: queues with count and age of the oldest, the search, and below them every table."""
    now = clock.now()
    shown = [
        {"queue": q, "age": timesince(q.oldest_at, now, depth=1) if q.oldest_at else ""}
        for q in staff.queues(now=now, user=request.user)
        if _may(request, q.permission)
    ]
    books = overview.books(now=now) if _may(request, "ledger.view_account") else None
    return _stock_index(request, {"queues": shown, "books": books, **(extra_context or {})})


def find(request: HttpRequest) -> HttpResponse:
    """Search across rooms; a single answer is opened at once."""
    text = request.GET.get("q", "")
    found = finding.find(text, may=partial(_may, request), now=clock.now())
    if len({one.url.partition("#")[0] for one in found}) == 1 and not found[0].is_inside:
        return redirect(found[0].url)
    return TemplateResponse(
        request,
        "admin/find.html",
        {
            **site.each_context(request),
            "title": _t("Search"),
            "text": text,
            "found": found,
        },
    )


def money(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened to a company's money: one page to answer it from."""
    if not all(_may(request, needed) for needed in MONEY_NEEDS):
        raise PermissionDenied
    company = get_object_or_404(Organisation, pk=pk)
    page = staff.money_of(
        company, before=_cursor(request, "before"), orders_before=_cursor(request, "orders_before")
    )
    now = clock.now()
    moves = Organisation.MOVES[company.state]
    return TemplateResponse(
        request,
        "admin/company_money.html",
        {
            **site.each_context(request),
            "title": company.name,
            "page": page,
            "company": company,
            "region": regions.told(company.uscc),
            "may_book": _may(request, "billing.change_topup"),
            "may_decide": _may(request, "accounts.change_organisation"),
            "can_approve": Organisation.State.APPROVED in moves,
            "is_suspended": company.state == Organisation.State.SUSPENDED,
            "can_suspend": Organisation.State.SUSPENDED in moves,
            "holds": [{"line": h, "age": timesince(h.hold.created_at, now, depth=1)} for h in page.holds],
        },
    )


def cause(request: HttpRequest, cause: str) -> HttpResponse:
    """From a movement to what brought it about; that page asks for its own right."""
    url = causes.page_of(cause)
    if not url:
        raise Http404
    return redirect(url)


def _cursor(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise Http404
    return int(value)


def _may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)  # type: ignore[union-attr]


def admin_view(view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
    """A refusal to staff stays in the desk, with the way back; the view's own transaction is undone already."""

    @wraps(view)
    def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PermissionDenied:
            said, status = _t("Your staff account may not open or do this. Nothing was changed."), 403
        except Refused as refused:
            said, status = str(refused), refused.status
        context = {**site.each_context(request), "title": _t("Not done"), "said": said}
        return TemplateResponse(request, "admin/denied.html", context, status=status)

    return _stock_view(inside, cacheable)


def get_urls() -> list[Any]:
    return [
        path("find/", site.admin_view(find), name="find"),
        path("cause/<str:cause>/", site.admin_view(cause), name="cause"),
        path("company/<int:pk>/money/", site.admin_view(money), name="accounts_organisation_money"),
        *_stock_urls(),
    ]


site.index = index  # type: ignore[method-assign,assignment]
site.admin_view = admin_view  # type: ignore[method-assign,assignment]
site.get_urls = get_urls  # type: ignore[method-assign]
