"""What providers and staff do to a model endpoint: one function per verb, atomic, refusing without a change.

A price is never edited: the row that holds is ended at an instant and another begins there. A price that only was
announced never held for anybody, so it can be taken back before its instant.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from marketplace.catalogue.models import Region
from portal import policy
from portal.accounts.models import Organisation
from portal.core.errors import Refused, Stale
from portal.core.words import local
from portal.history.actions import move, record

from . import addresses, secrets_box, tariff
from .models import AiModel, Direction, Endpoint, Price
from .news import tell_shelf
from .tariff import Rate

State = Endpoint.State
EDITABLE = {"model", "base_url", "upstream_model", "region", "output_tokens", "parallel"}
PARALLEL_MOST = 10_000
SECRET_CHARS = 500
RATES_MOST = 200


def lock(endpoint: Endpoint) -> Endpoint:
    """The one lock of this file: prices, submission and shelf of an endpoint change one at a time."""
    return Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)


def create_endpoint(
    *,
    provider: Organisation,
    model: AiModel,
    base_url: str,
    upstream_model: str,
    region: Region,
    output_tokens: int,
    parallel: int = 8,
    secret: str = "",
    actor: str,
    now: datetime,
) -> Endpoint:
    """A draft that only its provider sees.

    Refused: not_a_provider, company_not_approved, what addresses.check and secrets_box.seal refuse, output_too_long,
    parallel_needed, name_needed, secret_malformed.
    """
    _check_provider(provider)
    fields = _checked(
        {"model": model, "base_url": base_url, "upstream_model": upstream_model, "region": region,
         "output_tokens": output_tokens, "parallel": parallel}, model)  # fmt: skip
    sealed = _sealed(secret)
    with transaction.atomic():
        made = Endpoint.objects.create(provider=provider, secret=sealed, created_at=now, **fields)
        record(made, before="", after=State.DRAFT, now=now, actor=actor)
    return made


def update_draft(
    *, endpoint: Endpoint, secret: str | None = None, actor: str, now: datetime, **fields: Any
) -> None:
    """Change what EDITABLE names; `secret` None keeps it. Refused: endpoint_not_draft, secret_again, and as above.

    A secret goes only to the server it was given for: another server needs it typed again.
    """
    unknown = set(fields) - EDITABLE
    if unknown:
        raise TypeError(f"not a field of a draft: {', '.join(sorted(unknown))}")
    if endpoint.state != State.DRAFT:
        raise Refused("endpoint_not_draft")
    given = _checked({name: fields.get(name, getattr(endpoint, name)) for name in EDITABLE},
                     fields.get("model", endpoint.model))
    changes = {name: value for name, value in given.items() if getattr(endpoint, name) != value}
    if secret is not None:
        changes["secret"] = _sealed(secret)
    elif endpoint.secret and "base_url" in changes and _origin(changes["base_url"]) != _origin(endpoint.base_url):
        raise Refused("secret_again")
    if not changes:
        return
    with transaction.atomic():
        if Endpoint.objects.filter(pk=endpoint.pk, state=State.DRAFT, secret=endpoint.secret).update(**changes) != 1:
            raise Stale(endpoint.public_id)
        record(endpoint, before=State.DRAFT, after=State.DRAFT, now=now, actor=actor, reason="draft_changed",
               fields=sorted(changes))
    for name, value in changes.items():
        setattr(endpoint, name, value)


def set_secret(*, endpoint: Endpoint, secret: str, actor: str, now: datetime) -> None:
    """Give the server's secret anew, also while it is sold; the door takes it within seconds.

    Refused: bad_move (archived), secret_malformed.
    """
    sealed = _sealed(secret)
    with transaction.atomic():
        locked = lock(endpoint)
        if locked.state == State.ARCHIVED:
            raise Refused("bad_move", what=endpoint.public_id, before=locked.state, after="changed")
        Endpoint.objects.filter(pk=locked.pk).update(secret=sealed)
        record(locked, before=locked.state, after=locked.state, now=now, actor=actor, reason="secret_set")
        tell_shelf()
    endpoint.secret = sealed


def seal_again() -> tuple[int, int]:
    """Every secret under the newest key: how many were sealed again, how many were already. Safe to repeat.

    Refused: secret_unreadable (nothing was changed), secrets_not_set_up.
    """
    sealed = kept = 0
    with transaction.atomic():
        rows = Endpoint.objects.exclude(secret="").select_for_update(no_key=True).order_by("pk")
        for pk, secret in rows.values_list("pk", "secret"):
            if secrets_box.is_newest(secret):
                kept += 1
                continue
            Endpoint.objects.filter(pk=pk).update(secret=secrets_box.seal(secrets_box.open_(secret)))
            sealed += 1
    return sealed, kept


def set_prices(
    *, endpoint: Endpoint, rates: Iterable[Rate], starts_at: datetime | None = None, actor: str, now: datetime
) -> None:
    """The whole price table from `starts_at` on (None: now). Rows that stay as they are go on; the others end there.

    On the shelf nothing gets dearer without notice (policy.TOKEN_RAISE_NOTICE_S), and one change is announced at a
    time. The same table again changes nothing. Refused: price_in_past, price_malformed, price_overlaps, price_gaps,
    price_needed, raise_needs_notice, price_announced, waits_for_approval, bad_move (archived). Stale when a price
    began at this very instant.
    """
    new, starts_at = sorted(set(rates)), starts_at or now
    if starts_at < now:
        raise Refused("price_in_past")
    with transaction.atomic():
        locked = lock(endpoint)
        _check_priceable(locked)
        _check_rates(new, locked)
        if locked.state == State.DRAFT:
            _drop_unborn(locked, starts_at, now)
        open_rows = list(Price.objects.filter(Q(effective_to=None) | Q(effective_to__gt=now), endpoint=locked))
        _check_future(open_rows, now)
        before = [_rate(row) for row in open_rows]
        if sorted(before) == new:
            return
        if locked.state != State.DRAFT:
            _check_change(locked, before, new, starts_at, now)
        ending = [row for row in open_rows if _rate(row) not in new]
        if any(row.effective_from >= starts_at for row in ending):
            raise Stale(endpoint.public_id)
        Price.objects.filter(pk__in=[row.pk for row in ending]).update(effective_to=starts_at)
        Price.objects.bulk_create(
            Price(endpoint=locked, effective_from=starts_at, **vars(rate)) for rate in new if rate not in before)
        _record_prices(locked, new, starts_at, now, actor)
        tell_shelf()


def take_back_prices(*, endpoint: Endpoint, actor: str, now: datetime) -> None:
    """What was announced does not come; what holds goes on. Refused nothing_announced, waits_for_approval."""
    with transaction.atomic():
        locked = lock(endpoint)
        _check_priceable(locked)
        coming, _rows = Price.objects.filter(endpoint=locked, effective_from__gt=now).delete()
        kept = Price.objects.filter(endpoint=locked, effective_to__gt=now).update(effective_to=None)
        if not (coming or kept):
            raise Refused("nothing_announced")
        record(locked, before=locked.state, after=locked.state, now=now, actor=actor, reason="prices_taken_back")
        tell_shelf()


def submit(*, endpoint: Endpoint, actor: str, now: datetime) -> None:
    """Hand a draft to the staff.

    Refused: not_a_provider, company_not_approved, price_needed, what addresses.check refuses, bad_move.
    """
    _check_provider(endpoint.provider)
    addresses.check(endpoint.base_url)
    with transaction.atomic():
        _check_sellable(lock(endpoint), now)  # no price is ended beside the submission that looks at it
        changes = {"submitted_at": now, "returned_reason": ""}
        move(endpoint, State.SUBMITTED, now=now, actor=actor, changes=changes)


def withdraw_submission(*, endpoint: Endpoint, actor: str, now: datetime) -> None:
    """The provider takes a submitted endpoint back to work on it."""
    _only_from(endpoint, State.SUBMITTED, State.DRAFT)
    move(endpoint, State.DRAFT, now=now, actor=actor, reason="taken_back", changes={"submitted_at": None})


def approve(*, endpoint: Endpoint, seen: datetime | None = None, actor: str, now: datetime) -> None:
    """Staff put on the shelf what was handed in. `seen`: the submission that was looked at; Stale when it is another.

    Refused as in submit.
    """
    _only_from(endpoint, State.SUBMITTED, State.PUBLISHED)
    _check_provider(endpoint.provider)
    addresses.check(endpoint.base_url)
    with transaction.atomic():
        locked = _as_seen(endpoint, seen)
        _check_sellable(locked, now)
        move(endpoint, State.PUBLISHED, now=now, actor=actor, changes={"published_at": now})
        tell_shelf()


def return_to_draft(
    *, endpoint: Endpoint, reason: str, seen: datetime | None = None, actor: str, now: datetime
) -> None:
    """Staff give it back with a sentence that the provider reads. `seen`: as in approve. Refused reason_needed."""
    text = _sentence(reason)
    _only_from(endpoint, State.SUBMITTED, State.DRAFT)
    with transaction.atomic():
        _as_seen(endpoint, seen)
        changes = {"returned_reason": text, "submitted_at": None}
        move(endpoint, State.DRAFT, now=now, actor=actor, reason="returned", changes=changes, text=text)


def pause(*, endpoint: Endpoint, actor: str, now: datetime) -> None:
    """No new calls; those under way end."""
    move(endpoint, State.PAUSED, now=now, actor=actor)
    tell_shelf()


def resume(*, endpoint: Endpoint, actor: str, now: datetime) -> None:
    """Serve again; it was approved before. Refused taken_off while the staff keep it off the shelf; else as submit."""
    with transaction.atomic():
        locked = lock(endpoint)
        if locked.state == State.PAUSED and locked.returned_reason:
            raise Refused("taken_off", reason=locked.returned_reason)
        _serve_again(endpoint, now=now, actor=actor)


def take_off(*, endpoint: Endpoint, reason: str, actor: str, now: datetime) -> None:
    """Staff take it off the shelf, with a sentence that the provider reads. Refused reason_needed."""
    text = _sentence(reason)
    changes = {"returned_reason": text}
    move(endpoint, State.PAUSED, now=now, actor=actor, reason="taken_off", changes=changes, text=text)
    tell_shelf()


def put_back(*, endpoint: Endpoint, actor: str, now: datetime) -> None:
    """Staff put back what they had taken off. Refused paused_by_provider for anything else that is paused."""
    with transaction.atomic():
        locked = lock(endpoint)
        if locked.state == State.PAUSED and not locked.returned_reason:
            raise Refused("paused_by_provider")
        _serve_again(endpoint, now=now, actor=actor, reason="put_back", changes={"returned_reason": ""})


def archive(*, endpoint: Endpoint, actor: str, now: datetime) -> None:
    """For good: kept for its calls, never called again. Its secret is forgotten."""
    move(endpoint, State.ARCHIVED, now=now, actor=actor, changes={"secret": ""})
    tell_shelf()


def needed(model: AiModel) -> list[str]:
    """Directions that must have a price: a model that makes vectors has no output."""
    return [Direction.INPUT] if model.kind == AiModel.Kind.EMBEDDING else [Direction.INPUT, Direction.OUTPUT]


def _serve_again(endpoint: Endpoint, *, now: datetime, actor: str, **more: Any) -> None:
    _only_from(endpoint, State.PAUSED, State.PUBLISHED)
    _check_provider(endpoint.provider)
    addresses.check(endpoint.base_url)
    _check_sellable(endpoint, now)
    move(endpoint, State.PUBLISHED, now=now, actor=actor, **more)
    tell_shelf()


def _only_from(endpoint: Endpoint, before: str, after: str) -> None:
    if endpoint.state != before:
        raise Refused("bad_move", what=endpoint.public_id, before=endpoint.state, after=after)


def _as_seen(endpoint: Endpoint, seen: datetime | None) -> Endpoint:
    locked = lock(endpoint)
    if seen is not None and locked.submitted_at != seen:
        raise Stale(endpoint.public_id)
    return locked


def _sentence(reason: str) -> str:
    if not reason.strip():
        raise Refused("reason_needed")
    return reason.strip()


def _check_provider(provider: Organisation) -> None:
    if not provider.is_provider:
        raise Refused("not_a_provider")
    if provider.state != Organisation.State.APPROVED:
        raise Refused("company_not_approved")


def _checked(fields: dict[str, Any], model: AiModel) -> dict[str, Any]:
    """The fields of a draft as they are stored."""
    is_embedding = model.kind == AiModel.Kind.EMBEDDING
    output = 0 if is_embedding else fields["output_tokens"]
    if not is_embedding and not 1 <= output <= model.context_tokens:
        raise Refused("output_too_long", tokens=f"{model.context_tokens:,}")
    if not 1 <= fields["parallel"] <= PARALLEL_MOST:
        raise Refused("parallel_needed", most=f"{PARALLEL_MOST:,}")
    upstream = fields["upstream_model"].strip()
    if not upstream or not upstream.isprintable():
        raise Refused("name_needed")
    url = addresses.check(fields["base_url"].strip()).url
    return {**fields, "output_tokens": output, "upstream_model": upstream, "base_url": url}


def _sealed(secret: str) -> str:
    """For the database; "" stays "": a server without a secret."""
    secret = secret.strip()
    if not (secret.isascii() and (not secret or secret.isprintable()) and len(secret) <= SECRET_CHARS):
        raise Refused("secret_malformed")
    return secrets_box.seal(secret) if secret else ""


def _origin(url: str) -> tuple[str, str, int] | None:
    """Of an address that may have been stored under other rules."""
    try:
        return addresses.check(url).origin
    except Refused:
        return None


def _rate(row: Price) -> Rate:
    return Rate(row.direction, row.from_tokens, row.window_from, row.window_to, row.uy_per_m)


def _check_priceable(locked: Endpoint) -> None:
    if locked.state == State.ARCHIVED:
        raise Refused("bad_move", what=locked.public_id, before=locked.state, after="priced")
    if locked.state == State.SUBMITTED:
        raise Refused("waits_for_approval")


def _check_rates(rates: list[Rate], endpoint: Endpoint) -> None:
    writes = endpoint.model.kind == AiModel.Kind.CHAT
    known = set(Direction.values) - (set() if writes else {Direction.OUTPUT, Direction.REASONING})
    for rate in rates:
        window_is_right = 0 <= rate.window_from < rate.window_to <= tariff.DAY_MIN
        length_is_right = 0 <= rate.from_tokens < endpoint.model.context_tokens
        if rate.direction not in known or rate.uy_per_m < 0 or not (window_is_right and length_is_right):
            raise Refused("price_malformed", tokens=f"{endpoint.model.context_tokens:,}")
    if len(rates) > RATES_MOST or tariff.overlap(rates):
        raise Refused("price_overlaps")
    if tariff.open_hours(rates):
        raise Refused("price_gaps")


def _drop_unborn(endpoint: Endpoint, starts_at: datetime, now: datetime) -> None:
    """Of a draft, which nobody could call: what was to come never held, so only what holds now is left."""
    prices = Price.objects.filter(endpoint=endpoint)
    prices.filter(Q(effective_from__gt=now) | Q(effective_from=starts_at)).delete()
    prices.filter(effective_to__gt=now).update(effective_to=None)


def _check_future(rows: list[Price], now: datetime) -> None:
    coming = {row.effective_from for row in rows if row.effective_from > now}
    coming |= {row.effective_to for row in rows if row.effective_to is not None}
    if coming:
        raise Refused("price_announced", at=f"{local(min(coming)):%Y-%m-%d %H:%M}")


def _check_change(
    endpoint: Endpoint, before: list[Rate], new: list[Rate], starts_at: datetime, now: datetime
) -> None:
    """What is approved keeps its prices complete, and nobody pays more than what was told before."""
    if {rate.direction for rate in new} < set(needed(endpoint.model)):
        raise Refused("price_needed")
    notice = timedelta(seconds=policy.TOKEN_RAISE_NOTICE_S)
    if starts_at < now + notice and tariff.is_raise(before, new):
        raise Refused("raise_needs_notice", at=f"{local(now + notice):%Y-%m-%d %H:%M}")


def _check_sellable(endpoint: Endpoint, now: datetime) -> None:
    """Every direction that needs a price has one now."""
    held = set(Price.objects.at(now).filter(endpoint=endpoint).values_list("direction", flat=True))
    if not set(needed(endpoint.model)) <= held:
        raise Refused("price_needed")


def _record_prices(endpoint: Endpoint, rates: list[Rate], starts_at: datetime, now: datetime, actor: str) -> None:
    usual = next(iter(tariff.lines_of(rates)), tariff.Line()).prices
    figures = {f"{name}_uy": usual[name] for name in ("input", "output") if name in usual}
    reason = "prices_set" if len(figures) == 2 else "input_price_set" if "input_uy" in figures else "prices_changed"
    record(endpoint, before=endpoint.state, after=endpoint.state, now=now, actor=actor, reason=reason,
           at=f"{local(starts_at):%Y-%m-%d %H:%M}", rows=[list(vars(rate).values()) for rate in rates], **figures)
