"""Who asks over REST: a program with a key, or a person's browser with its session.

`Authorization: Bearer sk_<id>_<secret>` → request.auth is the ApiKey, request.organisation its company,
request.user the person who made the key. A browser names the company by `Suanli-Company: <slug>`, or has one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.core import clock

from . import secrets
from .models import KEY_PREFIX, ApiKey, Membership

TOUCH_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """401 for a key that is malformed, unknown, revoked or expired: always the same answer."""

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="suanli"'

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        kind, _space, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        parts = text.strip().split("_", 2)
        prefix, tail, secret = parts if len(parts) == 3 else ("", "", "")
        now = clock.now()
        known = ApiKey.objects.select_related("organisation", "created_by")
        plausible = prefix == KEY_PREFIX and tail.isascii() and tail.isalnum()
        key = known.filter(public_id=f"key_{tail[:36]}").first() if plausible else None
        if not secrets.same(secret, key.secret_hash if key else None) or key is None or not key.works_at(now):
            raise AuthenticationFailed(
                _("This key is not valid: it is mistyped, revoked or expired."), code="bad_key"
            )
        if key.last_used_at is None or key.last_used_at <= now - TOUCH_EVERY:
            ApiKey.objects.filter(
                Q(last_used_at=None) | Q(last_used_at__lte=now - TOUCH_EVERY), pk=key.pk
            ).update(last_used_at=now)
        request.organisation = key.organisation  # type: ignore[attr-defined]
        return key.created_by, key


class KeyScheme(OpenApiAuthenticationExtension):
    """What the OpenAPI description says of keys."""

    target_class = ApiKeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "sk_<id>_<secret>"}


def grant_of_session(request: Request) -> Membership | None:
    """For which company a browser's request acts: the named one, else the only one (portal.api.hooks)."""
    of_person = {"user_id": request.user.pk}
    mine = Membership.objects.select_related("organisation").filter(**of_person).order_by("id")
    if slug := request.headers.get("Suanli-Company"):
        return mine.filter(organisation__slug=slug).first()
    found = list(mine[:2])
    return found[0] if len(found) == 1 else None


def scope_required(scope: str) -> type[BasePermission]:
    """A DRF permission class for a view that is no portal.api.views.Door (a Door names its `scopes`)."""

    class HasScope(BasePermission):
        message = _("This key may not do this: it needs the right “%(scope)s”.") % {"scope": scope}
        code = "scope_needed"

        def has_permission(self, request: Request, view: Any) -> bool:
            auth: Any = request.auth
            grant = auth if auth is not None else grant_of_session(request)
            return grant is not None and grant.grants(scope)

    return HasScope
