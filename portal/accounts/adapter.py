"""How allauth behaves here: after signing in comes the company, then the page the person wanted."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import get_login_redirect_url
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .models import Membership, Organisation, User

GO_ON = ("/join/", "/earn/")  # an invitation brings its company with it; whoever has machines is asked for one there
PASSWORD_FAULTS = {  # Django's own sentences are not in every language, and do not say what to do
    "password_too_short": _("Make it at least 8 characters long."),
    "password_too_common": _("Too many people use this one. Choose another."),
    "password_too_similar": _("It is too much like your e-mail address. Choose another."),
}


class Adapter(DefaultAccountAdapter):
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Keep the language in which somebody signed up."""
        user.language = get_language() or ""
        return super().save_user(request, user, form, commit)

    def clean_password(self, password: str, user: Any = None) -> str:
        try:
            return super().clean_password(password, user)
        except ValidationError as error:
            raise ValidationError([PASSWORD_FAULTS.get(str(one.code), one) for one in error.error_list]) from error

    def post_login(
        self, request: HttpRequest, user: User, *, signup: bool, redirect_url: str | None, **kwargs: Any
    ) -> HttpResponse:
        """Staff who work for no customer go to their desk; whoever has no company registers one first, and goes on
        from there to where they were going.
        """
        wanted = get_login_redirect_url(request, redirect_url, signup=signup)
        if user.is_staff:
            if wanted == resolve_url(settings.LOGIN_REDIRECT_URL) and not _works_for_a_customer(user):
                redirect_url = reverse("admin:index")
        elif not wanted.startswith(GO_ON) and not _has_company(user):
            redirect_url = f"{reverse('accounts:register')}?{urlencode({'next': wanted})}"
        response = super().post_login(request, user, signup=signup, redirect_url=redirect_url, **kwargs)
        if user.language in dict(settings.LANGUAGES):
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                user.language,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
                samesite=settings.LANGUAGE_COOKIE_SAMESITE,
            )
        return response


def _works_for_a_customer(user: User) -> bool:
    mine = Membership.objects.filter(user_id=user.pk)
    return mine.exclude(organisation__role=Organisation.Role.PLATFORM).exists()


def _has_company(user: User) -> bool:
    return Membership.objects.filter(user_id=user.pk).exists()
