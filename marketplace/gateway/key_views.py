"""Pages of the keys that call models: the list, a new one (shown once), its use, other limits, its end."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts.access import BUYER, company_view
from portal.accounts.models import Membership, Organisation
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.history.actions import subject_of
from portal.history.models import Step
from portal.history.words import worded

from . import key_actions, key_words, use_queries
from .key_forms import LimitsForm, NewKeyForm
from .models import AccessKey
from .where import gateway_url

STEPS = 50  # of a key's history on its page


def actor_of(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def may_make(request: HttpRequest) -> bool:
    """An owner or a buyer makes, changes and revokes; who keeps the books looks."""
    return request.membership.role != Membership.Role.FINANCE  # type: ignore[attr-defined]


def key_or_404(organisation: Organisation, public_id: str) -> AccessKey:
    key = use_queries.key_for(organisation, public_id)
    if key is None:
        raise Http404
    return key


@require_GET
@company_view()
def keys(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Every key that works, with what it may do and what it spent this month; below, those that do not any more."""
    now = clock.now()
    working, past = use_queries.working_keys(organisation, now), use_queries.past_keys(organisation, now)
    spent = use_queries.spent_by_key(organisation, now)
    names = use_queries.names_of_preferences(working)
    rows = [{"key": k, "limits": key_words.limits(k, names), "spent_uy": spent.get(k.pk, 0)} for k in working]
    return render(request, "gateway/keys", {
        "company": organisation, "rows": rows, "past": past, "may_make": may_make(request),
        "most": key_actions.KEYS_MOST, "base_url": gateway_url(), "past_most": use_queries.PAST_MOST,
    })  # fmt: skip


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def new_key(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Make one; it is shown once, in the answer that makes it, with what a program needs beside it."""
    now = clock.now()
    initial = {"user": str(request.user.pk)}
    form = NewKeyForm(request.POST or None, organisation=organisation, initial=initial)
    context: dict[str, Any] = {"company": organisation, "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            key, text = key_actions.make_key(
                organisation=organisation, user=form.member, name=form.cleaned_data["name"],
                created_by=request.user, now=now, **form.limits(now),  # type: ignore[arg-type]
            )  # fmt: skip
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            made = {"key": key, "text": text, "base_url": gateway_url(), "model": use_queries.example_for(key)}
            response = render(request, "gateway/key_made", context | made, status=201)
            response["Cache-Control"] = "no-store"
            return response
    return render(request, "gateway/key_new", context, status=422 if form.errors else 200)


@require_GET
@company_view()
def key(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """One key: what it may do, what it used this month day by day, and what happened to it."""
    now, found = clock.now(), key_or_404(organisation, public_id)
    first, last = use_queries.month_of(use_queries.utc_day(now))
    sums = dict(use_queries.by(use_queries.Asked(organisation, first, last, key=found), "day"))
    days = [(day, one) for (day,), one in sorted(sums.items(), reverse=True)]
    steps = Step.objects.filter(subject=subject_of(found)).order_by("-id")[:STEPS]
    return render(request, "gateway/key", {
        "company": organisation, "key": found, "works": found.works_at(now), "days": days, "month": first,
        "total": sum(sums.values(), use_queries.Sums()), "may_make": may_make(request),
        "limits": key_words.limits(found, use_queries.names_of_preferences([found])),
        "steps": worded(steps), "use_url": f"{reverse('gateway:use', args=[organisation.slug])}?key={found.public_id}",
    })  # fmt: skip


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def key_limits(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Other limits for a key; its secret stays, and programs go on with it."""
    now, found = clock.now(), key_or_404(organisation, public_id)
    form = LimitsForm(request.POST or None, key=found)
    if request.method == "POST" and form.is_valid():
        try:
            name = form.cleaned_data["name"]
            key_actions.change_limits(key=found, name=name, now=now, actor=actor_of(request), **form.limits(now))
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The limits of “%(name)s” hold from now on.") % {"name": name})
            return redirect("gateway:key", organisation.slug, found.public_id)
    context = {"company": organisation, "form": form, "key": found}
    return render(request, "gateway/key_limits", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@company_view(BUYER)
def revoke_key(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """GET asks once more; POST ends it."""
    found = key_or_404(organisation, public_id)
    if request.method == "GET":
        return render(request, "gateway/key_revoke", {"company": organisation, "key": found})
    key_actions.revoke_key(key=found, now=clock.now(), actor=actor_of(request))
    messages.success(request, _("The key “%(name)s” no longer works.") % {"name": found.name})
    return redirect("gateway:keys", organisation.slug)
