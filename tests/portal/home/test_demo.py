"""The demonstration's people."""

import pytest
from django.contrib.auth import authenticate

from portal.accounts.models import Membership
from portal.home import demo

pytestmark = pytest.mark.django_db


def test_everybody_who_is_printed_signs_in_and_two_of_them_are_staff(now):
    demo.people(now=now)
    demo.people(now=now)  # twice changes nothing
    users = [authenticate(username=email, password=demo.PASSWORD) for _what, email in demo.SIGN_INS]
    assert all(users)
    assert [user.email for user in users if user.is_staff] == ["staff@suanli.test", "staff2@suanli.test"]
    assert Membership.objects.count() == len(demo.CAST) + 1
