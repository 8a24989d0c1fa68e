"""What every answer of the site carries, and what production's settings are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from marketplace.provisioning.models import Allocation, ResultFile
from tests.portal.test_walls import walk
from tests.portal.world import World, cpu, factory, world

__all__ = ["cpu", "factory", "world"]
ROOT = Path(__file__).resolve().parents[2]
POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "manifest-src 'self'",
}  # fmt: skip
EVIL = b"<!doctype html><script>alert(document.cookie)</script>"


def addresses() -> list[str]:
    """Every URL of the site with something in its holes."""
    found = []
    for _name, pattern in walk():
        plain = re.sub(r"\(\?P<\w+>[^()]*(\([^()]*\))?[^()]*\)", "1-x", pattern.replace("^", "").replace("$", ""))
        found.append("/" + re.sub(r"<int:\w+>", "1", re.sub(r"<(?!int:)[^>]+>", "x", plain)))
    return sorted(set(found))


@pytest.mark.parametrize("who", ["nobody", "owner", "staff"])
def test_every_answer_carries_the_strict_policy(client, who, lin, chen, jiangnan):
    if who != "nobody":
        client.force_login({"owner": lin, "staff": chen}[who])
    client.raise_request_exception = False
    without = []
    for path in [*addresses(), "/no/such/page/"]:
        path = path.replace("/c/x/", "/c/jiangnan/")
        answer = client.get(path)
        policy = set(answer.headers.get("Content-Security-Policy", "").split("; "))
        if policy != POLICY or answer.headers.get("X-Frame-Options") != "DENY" or answer.status_code == 500:
            without.append(f"{path}: {answer.status_code} {sorted(policy ^ POLICY)}")
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
    assert without == []


def test_production_keeps_cookies_and_connections_to_https():
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SUANLI", "DATABASE", "DEBUG", "DEMO", "REDIS"))}
    env |= {
        "SITE_URL": "https://suanli.example", "ALLOWED_HOSTS": "suanli.example", "SECRET_KEY": "k" * 60,
        "DATABASE_URL": "postgresql://127.0.0.1/none", "REDIS_URL": "redis://127.0.0.1/0",
    }  # fmt: skip
    asked = (
        "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_HTTPONLY",
        "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SILENCED_SYSTEM_CHECKS",
        "SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE", "DEBUG", "ALLOWED_HOSTS",
    )  # fmt: skip
    program = (
        "import json; from django.conf import settings; "
        f"print(json.dumps({{name: getattr(settings, name) for name in {asked!r}}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=env | {"DJANGO_SETTINGS_MODULE": "portal.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SILENCED_SYSTEM_CHECKS": [],
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SAMESITE": "Lax",
        "DEBUG": False,
        "ALLOWED_HOSTS": ["suanli.example"],
    }


@pytest.fixture
def evil(world: World, now) -> ResultFile:
    """A run's result that would be a page, if the site showed it as one."""
    order = world.factory.order(world.jiangnan, at=world.factory.slot(1).hour)
    run = Allocation.objects.create(
        organisation=world.jiangnan, cause=order.cause, site=world.factory.site, recipe="script", cores=1,
        memory_mb=64, wall_s=60, give_up_at=now, created_at=now, state="succeeded",
    )  # fmt: skip
    type(order).objects.filter(pk=order.pk).update(allocation=run)
    row = ResultFile.objects.create(
        allocation=run, name="page.html", size_bytes=len(EVIL), sha256="0" * 64, created_at=now
    )
    default_storage.save(row.storage_key, ContentFile(EVIL))
    return row


@pytest.mark.parametrize("door", ["/c/jiangnan/orders/{order}/files/{file}/", "/api/v1/orders/{order}/files/{file}/"])
def test_a_result_is_downloaded_and_never_shown(evil, lin, door):
    client = Client()
    client.force_login(lin)
    order = evil.allocation.cause.removeprefix("order:")
    answer = client.get(door.format(order=order, file=evil.public_id), headers={"Suanli-Company": "jiangnan"})
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == EVIL
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="page.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_no_address_leads_to_what_was_uploaded(world, lin):
    upload = world.factory.order(world.jiangnan, at=world.factory.slot(1).hour).quote.upload
    assert default_storage.exists(upload.storage_key)
    assert not Path(settings.STATIC_ROOT).is_relative_to(default_storage.location)
    client = Client()
    client.force_login(lin)
    for base in ("/", "/static/", "/media/", "/files/", "/c/jiangnan/"):
        assert client.get(f"{base}{upload.storage_key}").status_code == 404
