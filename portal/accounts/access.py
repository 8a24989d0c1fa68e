"""Load and authorise in one query. Somebody else's object, and one that does not exist, are both a 404."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from portal.core.errors import Refused
from portal.core.words import joined

from .models import Membership, Organisation

OWNER, BUYER, FINANCE = Membership.Role.OWNER, Membership.Role.BUYER, Membership.Role.FINANCE


def company_view(*roles: str) -> Callable:
    """A view of one company: `/c/<slug>/…` → view(request, organisation, …).

    `request.membership` holds the person's role. Without roles every member may; an owner always may;
    a member of another role gets Refused("role_needed") (403), a stranger a 404.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        @login_required
        def inner(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
            membership = (
                Membership.objects.select_related("organisation")
                .filter(user_id=request.user.pk, organisation__slug=slug)  # type: ignore[misc]
                .first()
            )
            if membership is None:
                raise Http404
            if roles and membership.role not in (OWNER, *roles):
                raise Refused("role_needed", roles=joined(str(Membership.ROLE_NAMES[r]) for r in roles))
            request.membership = membership  # type: ignore[attr-defined]
            request.organisation = membership.organisation  # type: ignore[attr-defined]
            request.session["company"] = slug
            return view(request, membership.organisation, *args, **kwargs)

        return inner

    return decorate


def company_of(request: HttpRequest) -> Organisation | None:
    """The company the person works for at the moment: of this URL, else the last visited, else the first.

    `request.membership` is the person's place in it.
    """
    known = getattr(request, "organisation", None)
    if known is not None or not request.user.is_authenticated:
        return known
    memberships = list(
        Membership.objects.select_related("organisation").filter(user_id=request.user.pk).order_by("id")
    )
    last = request.session.get("company")
    chosen = next(
        (m for m in memberships if m.organisation.slug == last), memberships[0] if memberships else None
    )
    request.organisation = chosen.organisation if chosen else None  # type: ignore[attr-defined]
    request.membership = chosen  # type: ignore[attr-defined]
    return request.organisation  # type: ignore[attr-defined]
