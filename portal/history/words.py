"""Steps as a bookkeeper reads them: what happened, who did it and why, in the language of the moment.

A step keeps codes (its subject's kind, two states, a reason); the words of kinds and states are those of the
models, the words of reasons are registered by the rooms when the project starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext

from portal.core import errors
from portal.core.words import hours, joined, yuan

from .models import Step

_namers: dict[str, Callable[[list[str]], Mapping[str, str]]] = {}
_reasons: dict[str, Promise | str] = {  # what several rooms say alike
    "expired": _l("its time was over"),
    "cancelled": _l("before it began"),
    "stopped": _l("stopped"),
    "ended": _l("ended"),
    "failed": _l("failed"),
    "lost": _l("lost at the site"),
    "recalled": _l("hours taken back"),
    "last_day": _l("its last day was over"),
    "made_way": _l("made room for a newer quote; its price is kept"),
    "price_kept": _l("taken up again at its price, with new room"),
    "staff_stop": _l("our staff stopped it"),
    "platform_stop": _l("our staff stopped it for a cause on our side"),
    "staff_advance": _l("our staff moved it on"),
    "staff_verify": _l("our staff ran the benchmark again"),
    "credit_limit": _l("credit limit set"),
    "margin_call": _l("more hours or a repayment asked for"),
    "margin_call_answered": _l("what was asked for is there"),
    "lender_said_no": _l("a lender said no"),
}


@dataclass(frozen=True)
class WordedStep:
    """One step. `what`: what happened; `why`: what somebody wrote, or what changed."""

    at: datetime
    thing: str
    what: str
    who: str
    why: str


def register_reasons(words: Mapping[str, Promise | str]) -> None:
    """What a step's reason means. Params stand in {braces}; `_uy` is shown in yuan, `_cms` in hours."""
    _reasons.update(words)


def register_names(kind: str, names: Callable[[list[str]], Mapping[str, str]]) -> None:
    """How things of a kind are called on the telephone: public ids → names, in one query."""
    _namers[kind] = names


def names_of(subjects: Iterable[str]) -> dict[str, str]:
    """`order:ord_…` → `2611-00113`, for the kinds that have such names. One query a kind."""
    asked: dict[str, list[str]] = {}
    for subject in set(subjects):
        kind, _colon, public_id = subject.partition(":")
        if kind in _namers:
            asked.setdefault(kind, []).append(public_id)
    return {
        f"{kind}:{public_id}": name for kind, ids in asked.items() for public_id, name in _namers[kind](ids).items()
    }


def worded(steps: Iterable[Step]) -> list[WordedStep]:
    """Steps in words, in their order. One query for the names of people, one for those of each kind of thing."""
    steps = list(steps)
    people, names = people_of(steps), names_of(step.subject for step in steps)
    return [
        WordedStep(step.at, thing_of(step.subject, names), what_of(step), who_of(step.actor, people), why_of(step))
        for step in steps
    ]


def model_of(subject: str) -> type[Model] | None:
    kind = subject.partition(":")[0]
    return next((model for model in apps.get_models() if model._meta.model_name == kind), None)


def thing_of(subject: str, names: Mapping[str, str] | None = None) -> str:
    """`order:ord_…` → "Order 2611-00113"; what has no number of its own by the end of its id."""
    model, public_id = model_of(subject), subject.partition(":")[2]
    if model is None:
        return (names or {}).get(subject) or subject
    name = (names or {}).get(subject) or public_id[-6:].upper()
    return f"{capfirst(str(model._meta.verbose_name))} {name}".strip()


def state_of(subject: str, code: str) -> str:
    """The word for a state of that kind of thing."""
    states = getattr(model_of(subject), "State", None)
    return str(states(code).label) if states is not None and code in states.values else code


def what_of(step: Step) -> str:
    """`waiting for approval → published`, or the words of the reason where the state stays."""
    before, after = state_of(step.subject, step.before), state_of(step.subject, step.after)
    if not step.before:
        moved = _("begun: %(state)s") % {"state": after} if after else ""
    else:
        moved = "" if before == after else f"{before} → {after}"
    said = reason_of(step)
    if said == after:  # "registered: registered"
        said = ""
    if moved and said:
        return _("%(moved)s: %(said)s") % {"moved": moved, "said": said}
    return moved or said or after


def why_of(step: Step) -> str:
    """What somebody wrote, and which fields changed from what to what."""
    said = [str(step.params["text"])] if step.params.get("text") else []
    new, old = step.params.get("new"), step.params.get("old")
    if isinstance(new, dict) and isinstance(old, dict):
        for name in new:
            was, now = _value(step.subject, name, old.get(name)), _value(step.subject, name, new[name])
            said.append(f"{_field(step.subject, name)} {was} → {now}")
    return pgettext("between two remarks", "; ").join(said)


def who_of(actor: str, people: Mapping[str, str]) -> str:
    """A person's e-mail address; programs and the portal itself by what they are."""
    if actor in people:
        return people[actor]
    if actor.startswith("user:"):
        return _("somebody who has left")
    return _("a program with a key") if actor.startswith("key:") else _("the portal itself")


def others_of(steps: Iterable[Step]) -> list[Step]:
    """Whose names the words of these steps need, beside whoever made them."""
    return [Step(actor=s.params[name]) for s in steps for name in ("asked", "confirmed") if s.params.get(name)]


def signers_of(step: Step, people: Mapping[str, str]) -> str:
    """Everybody who stands behind a step: who asked for it, who confirmed it, who carried it out."""
    asked = step.params.get("asked", step.actor)
    # a booking is in the wallet by its confirmation; a correction may be carried out later, by anybody
    confirmed = step.params.get("confirmed", step.actor if asked != step.actor else "")
    said = who_of(asked, people)
    if confirmed:
        said = _("{asked}, confirmed by {decided}").format(asked=said, decided=who_of(confirmed, people))
    if step.actor not in (confirmed or asked, confirmed):
        said = _("{asked}, carried out by {person}").format(asked=said, person=who_of(step.actor, people))
    return said


def people_of(steps: Iterable[Step]) -> dict[str, str]:
    """`user:12` → the e-mail address."""
    actors = {step.actor.partition(":")[2] for step in steps if step.actor.startswith("user:")}
    people = get_user_model()._default_manager.filter(pk__in=[int(pk) for pk in actors if pk.isdigit()])
    return {f"user:{pk}": email for pk, email in people.values_list("pk", "email")}


def reason_of(step: Step) -> str:
    """What a step's reason means; "" where it has none."""
    words = _reasons.get(step.reason)
    if words is None:
        return errors.sentence(step.reason, step.params) if step.reason else ""
    shown = {key: _shown(step.subject, key, value) for key, value in step.params.items()}
    try:
        return str(words).format(**shown)
    except (KeyError, IndexError):
        return str(words)


def _shown(subject: str, key: str, value: Any) -> str:
    if key == "fields" and isinstance(value, list):
        return joined(_field(subject, name) for name in value)
    if isinstance(value, int) and key.endswith(("_uy", "_uy_per_hour")):
        return yuan(value, exact=True)
    return hours(value) if isinstance(value, int) and key.endswith("_cms") else str(value)


def _field(subject: str, name: str) -> str:
    model = model_of(subject)
    try:
        return str(model._meta.get_field(name).verbose_name) if model else name  # type: ignore[union-attr]
    except FieldDoesNotExist:
        return name


def _value(subject: str, name: str, value: Any) -> str:
    """A choice by its word, yes or no, or the value itself."""
    model = model_of(subject)
    try:
        choices = dict(model._meta.get_field(name).flatchoices) if model else {}  # type: ignore[union-attr]
    except FieldDoesNotExist:
        choices = {}
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(choices.get(value, value))
