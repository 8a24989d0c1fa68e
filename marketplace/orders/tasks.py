"""Celery's door to orders: each task looks at one thing once, and comes back while it is not over."""

from __future__ import annotations

from celery import shared_task

from marketplace.dispatch import actions as dispatch
from marketplace.dispatch import listings
from marketplace.provisioning import actions as provisioning
from marketplace.provisioning.models import Allocation
from portal.core import clock

from . import actions, measures, samples, uploads
from .models import SampleRun

AGAIN_S = 1


@shared_task(name="orders.advance", ignore_result=True)
def advance(order_id: int, **kwargs) -> None:
    order = actions.advance(order_id=order_id, now=clock.now(), actor="system:orders.advance")
    if order.is_open:
        advance.apply_async(args=(order_id,), countdown=AGAIN_S)


@shared_task(name="orders.advance_sample", ignore_result=True)
def advance_sample(run_id: int, **kwargs) -> None:
    run = samples.advance(run_id=run_id, now=clock.now())
    if run.allocation is not None and not run.allocation.is_ended:
        advance_sample.apply_async(args=(run_id,), countdown=AGAIN_S)


@shared_task(name="orders.tidy", ignore_result=True)
def tidy(allocation_id: int, **kwargs) -> None:
    allocation = Allocation.objects.select_related("site").get(pk=allocation_id)
    if allocation.is_ended:
        provisioning.forget(allocation=allocation)


@shared_task(name="orders.sweep", ignore_result=True)
def sweep(**kwargs) -> None:
    """Find what a lost message forgot: due orders and samples, expired quotes and room; keep the pool open."""
    now = clock.now()
    for order_id in actions.due_orders(now=now):
        actions.advance(order_id=order_id, now=now, actor="system:orders.sweep")
    for run_id in SampleRun.objects.filter(
        allocation__due_at__lte=now, allocation__ended_at=None
    ).values_list("pk", flat=True)[:50]:
        samples.advance(run_id=run_id, now=now)
    actions.expire_quotes(now=now)
    dispatch.expire_reservations(now=now)


@shared_task(name="orders.open_pool", ignore_result=True)
def open_pool(**kwargs) -> None:
    """Keep the coming hours of sites that are always open, and of listings, in the pool."""
    now = clock.now()
    dispatch.open_always(now=now)
    listings.open_listed(now=now)


@shared_task(name="orders.measure", ignore_result=True)
def measure(**kwargs) -> None:
    """How soon runs start and what they take, for the shelves."""
    measures.measure(now=clock.now())


@shared_task(name="orders.forget", ignore_result=True)
def forget(**kwargs) -> None:
    """Delete customers' files and results whose time is over."""
    now = clock.now()
    uploads.forget_old(now=now)
    provisioning.forget_old_results(now=now)
