"""The cast, and the real services that every test runs on.

Companies and people are the same in every test:
    jiangnan   江南小厨, twenty restaurants; Lin owns it, Mei keeps its books, Bo buys for it
    yongli     永利模具, a mould factory with idle machines; Zhao runs it
    harbour    a lender; Song works there
    platform   the operator; Chen is its superuser, Wang and Fang are clerks of the desk
"""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

_given = dict(os.environ)
_own = tempfile.mkdtemp(prefix="suanli-test-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None)
os.environ["SUANLI_TESTING"] = "1"
os.environ["SUANLI_DATA"] = _own
os.environ["DEMO"] = "0"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from portal import embedded  # noqa: E402

embedded.ensure(Path(_own), durable=False)
if os.environ.get("DATABASE_OWNER_URL"):
    os.environ["DATABASE_URL"] = os.environ["DATABASE_OWNER_URL"]  # pytest-django makes the test database

import django  # noqa: E402
import pytest  # noqa: E402
from django.utils import translation  # noqa: E402

django.setup()  # not by pytest-django, which would read the settings before the services run
pytest_plugins = ["tests.needs"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """Each of the processes that share the tests begins as this one did, and brings services of its own."""
    os.environ.clear()
    os.environ.update(_given)


def pytest_unconfigure(config):
    embedded.stop_if_last(Path(_own).resolve())
    shutil.rmtree(_own, ignore_errors=True)


NOW = datetime(2026, 11, 23, 1, 12, tzinfo=UTC)  # Monday 23 November 2026, 09:12 in Shanghai


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def later(now):
    return lambda **kwargs: now + timedelta(**kwargs)


@pytest.fixture(autouse=True)
def _no_broker(settings, tmp_path):
    """Work is advanced by the test itself unless it starts a worker; what it closes is written to a file of its own."""
    settings.SUANLI_NO_BROKER = True
    settings.BOOKS_CLOSINGS_FILE = tmp_path / "closings.jsonl"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _language_of_nobody():
    """A page asked for in Chinese leaves its language to the thread: not to the next test."""
    yield
    translation.deactivate()


def make_user(email: str, **fields):
    from portal.accounts.models import User

    return User.objects.create_user(email, "correct horse battery", **fields)


def make_desk(email: str):
    from django.contrib.auth.models import Group

    user = make_user(email, is_staff=True)
    user.groups.add(Group.objects.get(name="desk"))
    return user


def make_organisation(slug: str, name: str, uscc: str, industry: str, **fields):
    from portal.accounts.models import Organisation

    values = {
        "employees": 30,
        "revenue_wan": 900,
        "assets_wan": 300,
        "size_class": "small",
        "created_at": NOW,
        "state": "approved",
        **fields,
    }
    return Organisation.objects.create(slug=slug, name=name, uscc=uscc, industry=industry, **values)


def join(user, organisation, role: str):
    from portal.accounts.models import Membership

    return Membership.objects.create(user=user, organisation=organisation, role=role, created_at=NOW)


@pytest.fixture
def platform(db):
    return make_organisation("suanli", "Suanli", "91330100MA25UAN10W", "software_it", role="platform")


@pytest.fixture
def chen(db):
    return make_user("chen@suanli.test", is_staff=True, is_superuser=True)


@pytest.fixture
def wang(db):
    """A clerk of the desk: what most of the staff are."""
    return make_desk("wang@suanli.test")


@pytest.fixture
def fang(db):
    """A second one, for what needs two."""
    return make_desk("fang@suanli.test")


@pytest.fixture
def jiangnan(db):
    return make_organisation(
        "jiangnan", "Jiangnan Kitchen 江南小厨", "91330106MA2CFK7X2P", "catering", employees=280
    )


@pytest.fixture
def lin(jiangnan):
    user = make_user("lin@jiangnan.test")
    join(user, jiangnan, "owner")
    return user


@pytest.fixture
def mei(jiangnan):
    user = make_user("mei@jiangnan.test")
    join(user, jiangnan, "finance")
    return user


@pytest.fixture
def bo(jiangnan):
    user = make_user("bo@jiangnan.test")
    join(user, jiangnan, "buyer")
    return user


@pytest.fixture
def yongli(db):
    return make_organisation(
        "yongli", "Yongli Mould 永利模具", "91330200MA2Y0NG14J", "industry", is_provider=True
    )


@pytest.fixture
def zhao(yongli):
    user = make_user("zhao@yongli.test")
    join(user, yongli, "owner")
    return user


@pytest.fixture
def harbour(db):
    return make_organisation("harbour", "Harbour Bank 港湾银行", "91330200MA2HARB12H", "other", role="lender")


@pytest.fixture
def song(harbour):
    user = make_user("song@harbour.test")
    join(user, harbour, "owner")
    return user
