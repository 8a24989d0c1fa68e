"""The worker is killed after every step of an order's life; afterwards the order ends and is charged once."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import pytest

from bank.ledger import queries as books
from marketplace.billing import actions as billing
from marketplace.billing.models import Charge
from marketplace.dispatch.models import Reservation
from marketplace.orders import actions as orders
from marketplace.orders.models import Order
from tests.marketplace.conftest import ACTOR

WORKER = """
import os, sys, time, django
from datetime import datetime, timedelta
django.setup()
from django.conf import settings
settings.SUANLI_NO_BROKER = True
from marketplace.orders import actions
now, pk = datetime.fromisoformat(sys.argv[1]), int(sys.argv[2])
for n in range(200):
    order = actions.advance(order_id=pk, now=now + timedelta(seconds=3 * n), actor="system:doomed")
    if not order.is_open:
        break
    time.sleep(0.1)
"""
STEPS = (
    "order.allocated",
    "order.started",
    "order.looked",
    "order.home",
    "order.metered",
    "order.used",
    "order.charged",
    "order.settled",
)


def run_worker(own_database: str, order: Order, now, failpoint: str) -> int:
    """A process of its own that advances the order and dies at the failpoint; its exit code."""
    url = urlsplit(os.environ["DATABASE_URL"])
    env = {
        **os.environ,
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{own_database}")),
        "SUANLI_FAILPOINT": failpoint,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", WORKER, now.isoformat(), str(order.pk)],
        env=env,
        timeout=90,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 137), done.stderr[-2000:]
    return done.returncode


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(180)
@pytest.mark.parametrize("failpoint", STEPS)
def test_an_order_ends_charged_once_wherever_the_worker_dies(
    market, funded, own_database, now, needs_sandbox, failpoint
):
    company = funded
    order = market.place(company)
    assert run_worker(own_database, order, now, failpoint) == 137, "the worker never came to this step"
    began = time.monotonic()
    while order.is_open and time.monotonic() - began < 60:
        later = now + timedelta(
            minutes=11, seconds=time.monotonic() - began
        )  # past the lease of the dead one
        order = orders.advance(order_id=order.pk, now=later, actor=ACTOR)
        time.sleep(0.1)
    assert order.state == Order.State.DELIVERED
    charge = Charge.objects.get(cause=order.cause)
    balance = books.balance(billing.wallet_of(company))
    assert (balance.posted, balance.held) == (100_000_000 - charge.total, 0)
    order.quote.reservation.refresh_from_db()
    assert order.quote.reservation.state == Reservation.State.USED
    assert order.allocation.usage.count() == 1
