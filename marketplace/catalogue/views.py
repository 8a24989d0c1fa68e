"""The shelves as everybody sees them: a trade, a search, a comparison, a sample file, "tell me when"."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.models import Industry
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render

from . import actions, queries
from . import sample as samples
from .filters import SORTS, Filters
from .forms import TellMeForm
from .models import Interest, Package
from .search import asks_for_help

TOLD = "catalogue.interest"  # salt of the undo link
TRIES_PER_HOUR = 30


@require_GET
def shop(request: HttpRequest) -> HttpResponse:
    """Everything that can be bought, of all trades."""
    return _shelf(request, None, _("The whole shop"))


@require_GET
def industry(request: HttpRequest, key: str) -> HttpResponse:
    """What one trade can buy, and what it cannot buy yet."""
    if key not in Industry.values:
        raise Http404
    return _shelf(request, key, str(Industry(key).label))


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:200]
    now = clock.now()
    found = queries.search(text=text, now=now, user_id=request.user.pk)
    context: dict[str, Any] = {"found": found, "text": text, "asks_for_help": asks_for_help(text)}
    if not found.cards:
        context["trades"] = trades(queries.front(now=now).industries)
    return render(request, "catalogue/search", context)


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    names = request.GET.getlist("p")[:20]
    offers = queries.compare(names, now=clock.now())
    columns = [
        {
            "offer": offer,
            "without": "&".join(f"p={other.offering.public_id}" for other in offers if other != offer),
        }
        for offer in offers
    ]
    context = {"columns": columns, "offers": offers, "left_out": len(set(names)) > queries.COMPARED}
    return render(request, "catalogue/compare", context)


@require_GET
def sample_file(request: HttpRequest, code: str) -> HttpResponse:
    """The sample of a package, to take home, with its columns named in the reader's language."""
    package = get_object_or_404(Package, code=code, is_runnable=True)
    sample = samples.of(package)
    if sample is None:
        raise Http404
    response = HttpResponse(sample.content, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{sample.name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_http_methods(["GET", "POST"])
def tell_me(request: HttpRequest, code: str) -> HttpResponse:
    """Ask to be told when a package can be bought: one click signed in, an e-mail address otherwise."""
    package = get_object_or_404(Package, code=code)
    signed_in = request.user.is_authenticated
    form = TellMeForm(request.POST or None)
    if request.method == "POST" and (signed_in or form.is_valid()):
        if not signed_in:
            _limit(request)
        email = request.user.email if signed_in else form.cleaned_data["email"]  # type: ignore[union-attr]
        interest = actions.tell_me_when(
            package=package,
            email=email,
            user=request.user if signed_in else None,  # type: ignore[arg-type]
            language=get_language() or "",
            now=clock.now(),
        )
        told = signing.dumps(interest.pk, salt=TOLD)
        context = {"package": package, "told": told, "email": email}
        if getattr(request, "htmx", None):
            return render(request, "catalogue/tell_me", context, fragment="catalogue/_tell_me")
        return redirect(f"{reverse('catalogue:tell_me', args=[code])}?told={told}")
    context = {"package": package, "tell_form": form}
    if request.GET.get("told"):
        interest_id = _interest_of(request.GET["told"])
        found = Interest.objects.filter(pk=interest_id, package=package).first()
        if found is not None:
            context |= {"told": request.GET["told"], "email": found.email}
    status = 400 if form.errors else 200
    return render(request, "catalogue/tell_me", context, fragment="catalogue/_tell_me", status=status)


@require_POST
def untell(request: HttpRequest, code: str) -> HttpResponse:
    """Undo: whoever holds the signed link made the request."""
    package = get_object_or_404(Package, code=code)
    actions.forget_interest(interest_id=_interest_of(request.POST.get("told", "")))
    context = {"package": package, "tell_form": TellMeForm(), "forgotten": True}
    return render(request, "catalogue/tell_me", context, fragment="catalogue/_tell_me")


def trades(industries: list[queries.IndustryCount]) -> list[dict[str, Any]]:
    """As components/trades.html takes them."""
    return [
        {
            "key": row.key,
            "name": row.name,
            "url": row.url,
            "count": row.available,
            "from_uy": row.lowest_cap_uy,
        }
        for row in industries
    ]


def _shelf(request: HttpRequest, key: str | None, title: str) -> HttpResponse:
    filters = Filters.of(request.GET)
    number = request.GET.get("page", "1")
    shelf = queries.published(
        now=clock.now(),
        industry=key,
        filters=filters,
        page=int(number) if number.isdecimal() and len(number) < 6 else 1,
        user_id=request.user.pk,
    )
    chips = [
        {"label": option.label, "url": "?" + filters.query(without=(facet.name, option.value))}
        for facet in shelf.facets
        for option in facet.options
        if option.checked
    ]
    sorts = [
        {"label": label, "url": "?" + filters.query(sort=sort), "chosen": sort == filters.sort}
        for sort, label in SORTS.items()
    ]
    context = {
        "title": title,
        "key": key,
        "shelf": shelf,
        "chips": chips,
        "sorts": sorts,
        "previous_url": "?" + filters.query(page=str(shelf.page - 1)) if shelf.page > 1 else "",
        "next_url": "?" + filters.query(page=str(shelf.page + 1)) if shelf.page < shelf.pages else "",
        "industries": Industry.choices,
    }
    return render(request, "catalogue/shelf", context)


def _interest_of(told: str) -> int:
    try:
        return int(signing.loads(told, salt=TOLD))
    except signing.BadSignature:
        raise Http404 from None


def _limit(request: HttpRequest) -> None:
    """So that nobody fills the list with other people's addresses."""
    key = f"catalogue.tell_me:{request.META.get('REMOTE_ADDR', '')}"
    cache.add(key, 0, timeout=3600)
    if cache.incr(key) > getattr(settings, "SUANLI_TELL_ME_PER_HOUR", TRIES_PER_HOUR):
        raise Refused("too_many_tries")
