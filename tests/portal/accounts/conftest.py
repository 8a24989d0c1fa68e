"""What the tests of this room share."""

from __future__ import annotations

import pytest
from django.core.cache import cache

FORM = {
    "name": "Suchun Noodles 苏春面馆",
    "uscc": "91330100 799655058b",
    "industry": "catering",
    "employees": "35",
    "revenue_wan": "900",
    "assets_wan": "200",
}


@pytest.fixture(autouse=True)
def _own_limits():
    """Rate limits count in the cache; each test begins at zero."""
    cache.clear()


@pytest.fixture
def form():
    return dict(FORM)


@pytest.fixture
def ren(db):
    """Somebody who has signed up and has no company yet."""
    from portal.accounts.models import User

    return User.objects.create_user("ren@suchun.test", "correct horse battery")


@pytest.fixture
def as_(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in
