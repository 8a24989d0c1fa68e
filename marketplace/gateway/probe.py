"""Asks a provider's server for its list of models, once, as the door would connect to it: does the address work?

The answer is somebody else's text; nothing of it is shown, only what it means.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from portal.core.errors import Refused

from . import addresses, secrets_box
from .models import Endpoint

LIMIT_S = 5
LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Outcome:
    """Whether calls would work, and the sentence for the provider."""

    works: bool
    text: str


def ask(endpoint: Endpoint) -> Outcome:
    """One GET of `<address>/models`: at most 5 seconds and 64 KB, no redirect. The database is not touched."""
    try:
        address = addresses.check(endpoint.base_url)
        secret = secrets_box.open_(endpoint.secret) if endpoint.secret else ""
    except Refused as refused:
        return Outcome(False, str(refused))
    began = time.monotonic()
    status, body = asyncio.run(_get(f"{address.url}/models", secret))
    ms = f"{int((time.monotonic() - began) * 1000):,}"
    if body is None:
        return Outcome(False, _failure(status))
    return _meaning(int(status), body, endpoint.upstream_model, ms)


async def _get(url: str, secret: str) -> tuple[int | str, bytes | None]:
    """(status, the first 64 KB and a byte), or (why not, None)."""
    import aiohttp  # only where somebody presses the button

    from .door.resolver import connector

    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector(addresses.allowed_hosts()), timeout=aiohttp.ClientTimeout(total=LIMIT_S),
                auto_decompress=False,
            ) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):  # fmt: skip
            body = b""
            while len(body) <= LIMIT_BYTES:
                more = await answer.content.read(LIMIT_BYTES + 1 - len(body))
                if not more:
                    break
                body += more
            return answer.status, body
    except TimeoutError:
        return "timeout", None
    except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch):
        return "tls", None
    except aiohttp.ClientConnectorDNSError:
        return "name", None
    except (aiohttp.ClientError, OSError, ValueError):
        return "connection", None


def _failure(why: int | str) -> str:
    if why == "timeout":
        return _("It did not answer within %(s)d seconds.") % {"s": LIMIT_S}
    if why == "tls":
        return _("Its certificate is not valid, so nothing was sent to it.")
    if why == "name":
        return _("Its name cannot be found, or leads to an address that is not on the public internet.")
    return _("No connection could be made, or it broke off.")


def _meaning(status: int, body: bytes, upstream_model: str, ms: str) -> Outcome:
    if 300 <= status < 400:
        return Outcome(False, _("It sends on to another address (%(status)d). The platform follows nobody: enter the "
                                "address where it ends.") % {"status": status})
    if status in (401, 403):
        return Outcome(False, _("It answers, but does not accept the secret (%(status)d).") % {"status": status})
    if status == 404:
        return Outcome(False, _("It answers, but has no list of models there (404). Does the address end with /v1?"))
    if status != 200:
        return Outcome(False, _("It answers with an error (%(status)d).") % {"status": status})
    if len(body) > LIMIT_BYTES:
        return Outcome(True, _("It answers in %(ms)s ms. Its list of models is too long to look through.") % {"ms": ms})
    names = _names(body)
    if names is None:
        return Outcome(False, _("It answers, but not as an OpenAI-compatible server does."))
    if upstream_model not in names:
        return Outcome(False, _("It answers in %(ms)s ms, but does not name a model “%(name)s”.")
                       % {"ms": ms, "name": upstream_model})
    said = _("It works: it answers in %(ms)s ms and knows “%(name)s”.")
    return Outcome(True, said % {"ms": ms, "name": upstream_model})


def _names(body: bytes) -> set[str] | None:
    """Of the models in `{"data": [{"id": …}]}`; None where it is something else."""
    try:
        found: Any = json.loads(body)
        return {str(one["id"]) for one in found["data"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
