"""The demonstration's model: a random one on llama.cpp's own server, installed after the site is up.

It is really called, counted and paid for; what it says has no sense, and the shelf says so.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection

from marketplace import engines
from marketplace.catalogue.models import Region
from marketplace.engines.local import runtime
from portal.accounts.models import Organisation
from portal.core import clock

from . import listing, secrets_box
from .models import AiModel, Endpoint
from .news import tell_shelf
from .tariff import Line, rates_of

SLUG, ACTOR = "tiny-random", "system:demo"
PRICES = {"input": 2_000_000, "cached": 500_000, "output": 8_000_000}  # micro-yuan a million tokens
CONTEXT = 2048


def serve_model(port: int, ready: Callable[[], None] = lambda: None) -> None:
    """Install what the server needs, start it on that port of this machine, offer it, and stay with it."""
    folder = settings.SUANLI_DATA / "tokens"
    home = Path(engines.__file__).parent
    if not isinstance(runtime.install(folder, home), runtime.Ready):
        raise SystemExit("the demonstration's model server is not installed")
    python, model = runtime.python(folder), folder / "tiny.gguf"
    if not model.exists():
        subprocess.run([python, home / "tokens" / "tiny.py", model], check=True)
    secret = secrets.token_urlsafe(24)
    command = [str(part) for part in (python, home / "tokens" / "server.py", port, model, secret)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "listening at" in line:
                offer(f"http://127.0.0.1:{port}/v1", secret)
                connection.close()
                ready()
    raise SystemExit(server.returncode)


def offer(url: str, secret: str) -> Endpoint:
    """The platform's endpoint for the random model, at this address from now on."""
    now = clock.now()
    model = AiModel.objects.get(slug=SLUG)
    platform = Organisation.objects.get(role=Organisation.Role.PLATFORM)
    endpoint = Endpoint.objects.filter(provider=platform, model=model).exclude(state=Endpoint.State.ARCHIVED).first()
    if endpoint is None:
        endpoint = listing.create_endpoint(
            provider=platform, model=model, base_url=url, upstream_model=SLUG, region=Region.objects.order_by("key")[0],
            output_tokens=CONTEXT // 2, parallel=16, secret=secret, actor=ACTOR, now=now)
        listing.set_prices(endpoint=endpoint, rates=rates_of([Line(prices=PRICES)]), actor=ACTOR, now=now)
        listing.submit(endpoint=endpoint, actor=ACTOR, now=now)
        listing.approve(endpoint=endpoint, actor=ACTOR, now=now)
    else:  # the same machine at another port: no other server, so that nobody looks at it again
        Endpoint.objects.filter(pk=endpoint.pk).update(base_url=url, secret=secrets_box.seal(secret))
    tell_shelf()
    return endpoint
