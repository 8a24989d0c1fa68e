"""What the operator's staff see and do about orders that do not get on.

Both actions leave a step in the order's history with the member of staff and the reason, also where
nothing could be moved.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value

from portal.history import actions as history

from . import actions
from .models import STOPPED_BY_STAFF, STOPPED_FOR_US, Order

MACHINE_S = 300  # what an order may wait for its machine, beyond the time of the run itself
UNSEEN_S = 300  # due for so long means that nobody works on it
SECOND = Value(timedelta(seconds=1))


def stuck(orders: QuerySet[Order], *, now: datetime) -> QuerySet[Order]:
    """Those that are open longer than run and machine may take, or that nobody has looked at when due."""
    length = ExpressionWrapper(F("quote__wall_s") * SECOND, output_field=DurationField())
    over = ExpressionWrapper(F("placed_at") + length, output_field=DateTimeField())
    return (
        orders.filter(state__in=Order.OPEN)
        .alias(over_at=over)
        .filter(
            Q(over_at__lt=now - timedelta(seconds=MACHINE_S))
            | Q(due_at__lt=now - timedelta(seconds=UNSEEN_S))
        )
    )


def advance_now(*, order: Order, why: str, now: datetime, actor: str) -> Order:
    """Look at an order at once instead of when it is due; returns it as it is afterwards."""
    history.record(
        order, before=order.state, after=order.state, now=now, actor=actor, reason="staff_advance", text=why
    )
    return actions.advance(order_id=order.pk, now=now, actor=actor)


def stop_and_release(*, order: Order, why: str, now: datetime, actor: str, for_us: bool = False) -> Order:
    """End an order: what is reserved goes back, less the computing that a running machine has counted;
    with `for_us`, because the fault is ours, all of it.

    Raises Stale when it moved meanwhile (nothing has changed then). A machine that does not answer is
    given its time; the order stays open until then and ends by itself.
    """
    with transaction.atomic():
        reason = STOPPED_FOR_US if for_us else STOPPED_BY_STAFF
        history.record(
            order, before=order.state, after=order.state, now=now, actor=actor, reason=reason, text=why
        )
        order = actions.stop(order=order, now=now, actor=actor, by_staff=True, for_us=for_us)
    return actions.advance(order_id=order.pk, now=now, actor=actor) if order.is_open else order
