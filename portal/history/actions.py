"""Moving a thing from one state to the next, and setting the demonstration's clock forward."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F

from portal.core import clock
from portal.core.errors import Refused, Stale

from .models import ClockJump, ClockOffset, Step


def subject_of(obj: models.Model) -> str:
    """`order:ord_…`: how history and the ledger name a thing."""
    return f"{obj._meta.model_name}:{obj.public_id}"  # type: ignore[attr-defined]


def record(
    obj: models.Model, *, before: str, after: str, now: datetime, actor: str, reason: str = "", **params: Any
) -> Step:
    """Write a step that is not a change of state (created, note, price changed)."""
    return Step.objects.create(
        subject=subject_of(obj), before=before, after=after, at=now, actor=actor, reason=reason, params=params
    )


def move(
    obj: models.Model,
    to: str,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
    changes: dict[str, Any] | None = None,
    **params: Any,
) -> None:
    """Compare and set: from the state the object was read in to `to`, with its other `changes`.

    Raises Stale when somebody else moved it first (nothing has changed then) and Refused("bad_move")
    for a step that the room's MOVES does not know. The instance is updated in place.
    """
    before = obj.state  # type: ignore[attr-defined]
    if to not in obj.MOVES[before]:  # type: ignore[attr-defined]
        raise Refused("bad_move", what=subject_of(obj), before=before, after=to)
    fields = {"state": to, **(changes or {})}
    with transaction.atomic():
        model = type(obj)
        if model._default_manager.filter(pk=obj.pk, state=before).update(**fields) != 1:
            raise Stale(subject_of(obj))
        record(obj, before=before, after=to, now=now, actor=actor, reason=reason, **params)
    for name, value in fields.items():
        setattr(obj, name, value)


def stored_offset() -> timedelta:
    row = ClockOffset.objects.filter(pk=1).values_list("offset_s", flat=True).first()
    return timedelta(seconds=row or 0)


def set_forward(*, to: datetime) -> timedelta:
    """Set the demonstration's clock to an instant that lies ahead; returns the jump.

    Refused without DEMO=1, and for an instant that is not ahead: the clock never goes back.
    """
    if not settings.DEMO:
        raise Refused("clock_only_in_demo")
    with transaction.atomic():
        ClockOffset.objects.get_or_create(pk=1)
        ClockOffset.objects.select_for_update().get(pk=1)
        clock.forget()
        before = clock.now()
        jump = int((to - before).total_seconds())
        if jump <= 0:
            raise Refused("clock_never_back")
        ClockOffset.objects.filter(pk=1).update(offset_s=F("offset_s") + jump)
        ClockJump.objects.create(from_at=before, to_at=before + timedelta(seconds=jump))
    clock.forget()
    return timedelta(seconds=jump)
