"""Events of calls into the books: each call once, what it cost out of its company's leases, its provider paid.

Safe to repeat with the same events, and beside itself: a call that is written already is left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bank.ledger import actions as ledger
from bank.ledger import queries as books
from bank.ledger.chart import Kind, Reason
from bank.ledger.models import Account, Hold
from marketplace.billing.purses import wallet_of
from portal import policy
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.core.ids import public_id
from portal.core.money import FEN_UY, ceil_to, share

from .models import Call, Endpoint, Lease

# what an event is, as door/event.py writes it; the joins stand for foreign keys, asked once for all of a batch
EVENT = """
 e(id text, organisation bigint, key bigint, model bigint, endpoint bigint, door text, stream boolean,
   received_ms bigint, epoch text, first_ms int, total_ms int, "end" text, status int, estimated boolean,
   counts bigint[], pack_tokens bigint, reserved_uy bigint, charge_uy bigint, prices jsonb, attempts jsonb)
"""
WRITE = f"""
WITH e AS (
  SELECT DISTINCT ON (e.id) e.* FROM jsonb_to_recordset(%(events)s::jsonb) AS {EVENT}
    JOIN gateway_accesskey k ON k.id = e.key AND k.organisation_id = e.organisation
    JOIN gateway_aimodel m ON m.id = e.model
    LEFT JOIN gateway_endpoint p ON p.id = e.endpoint
   WHERE e.endpoint IS NULL OR p.id IS NOT NULL
   ORDER BY e.id),
fresh AS (
  INSERT INTO gateway_call (request_id, organisation_id, key_id, model_id, endpoint_id, door, stream, received_at,
      first_ms, total_ms, "end", status, estimated, input_tokens, cached_tokens, cache_write_tokens, output_tokens,
      reasoning_tokens, pack_tokens, reserved_uy, charge_uy, uncovered_uy, prices, attempts, batch)
    SELECT id, organisation, key, model, endpoint, door, stream, to_timestamp(received_ms / 1000.0), first_ms, total_ms,
           "end", status, estimated, counts[1], counts[2], counts[3], counts[4], counts[5], pack_tokens, reserved_uy,
           charge_uy, 0, prices, CASE jsonb_typeof(attempts) WHEN 'array' THEN attempts ELSE '[]' END, %(batch)s
      FROM e ORDER BY id
    ON CONFLICT (request_id) DO NOTHING
    RETURNING *),
rolled AS (
  INSERT INTO gateway_dailyuse AS d (day, organisation_id, key_id, model_id, endpoint_id, calls, failed, input_tokens,
      cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, pack_tokens, charge_uy)
    SELECT (received_at AT TIME ZONE 'UTC')::date, organisation_id, key_id, model_id, endpoint_id, count(*),
           count(*) FILTER (WHERE charge_uy = 0 AND pack_tokens = 0), sum(input_tokens), sum(cached_tokens),
           sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), sum(pack_tokens), sum(charge_uy)
      FROM fresh GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (day, organisation_id, key_id, model_id, endpoint_id) DO UPDATE SET
      calls = d.calls + excluded.calls, failed = d.failed + excluded.failed,
      input_tokens = d.input_tokens + excluded.input_tokens, cached_tokens = d.cached_tokens + excluded.cached_tokens,
      cache_write_tokens = d.cache_write_tokens + excluded.cache_write_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
      pack_tokens = d.pack_tokens + excluded.pack_tokens, charge_uy = d.charge_uy + excluded.charge_uy),
used AS (
  UPDATE gateway_accesskey k SET last_used_at = greatest(k.last_used_at, u.at)
    FROM (SELECT key_id, max(received_at) AS at FROM fresh GROUP BY key_id) u WHERE k.id = u.key_id)
SELECT f.organisation_id, e.epoch, f.endpoint_id, sum(f.charge_uy)::bigint, count(*)
  FROM fresh f JOIN e ON e.id = f.request_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@dataclass(frozen=True)
class Owed:
    """What new calls of one company came to under one run of Redis, by endpoint; micro-yuan."""

    company: int
    epoch: str
    by_endpoint: dict[int, int]

    @property
    def total(self) -> int:
        return sum(self.by_endpoint.values())


@transaction.atomic
def book(lines: Sequence[str], *, now: datetime) -> int:
    """Write the calls of these events that are not written yet and charge them; returns how many were new."""
    batch = public_id("cbt")
    with connection.cursor() as c:
        # what a statement writes has no statistics: it would be taken for one row, and compared with every other
        c.execute("SET LOCAL enable_nestloop = off")
        c.execute(WRITE, {"events": f"[{','.join(lines)}]", "batch": batch})
        rows = c.fetchall()
        c.execute("SET LOCAL enable_nestloop = on")
    new = sum(row[-1] for row in rows)
    if new < len(lines):
        _refuse_strangers(lines)
    sums: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for company, epoch, endpoint, charge, _calls in rows:
        if charge:
            sums[company, epoch][endpoint] = charge
    _charge([Owed(company, epoch, parts) for (company, epoch), parts in sorted(sums.items())], batch, now)
    return new


def _refuse_strangers(lines: Sequence[str]) -> None:
    """ValueError for an event that was neither written now nor before: its company, key or model is not there."""
    ids = {json.loads(line)["id"] for line in lines}
    strangers = ids - set(Call.objects.filter(request_id__in=ids).values_list("request_id", flat=True))
    if strangers:
        raise ValueError(f"no such company, key, model or endpoint: {sorted(strangers)[:3]}")


def _charge(owed: list[Owed], batch: str, now: datetime) -> None:
    """Holds, then accounts, then entries: the order in which the books take their locks."""
    if not owed:
        return
    companies = Organisation.objects.in_bulk({o.company for o in owed})
    providers = {e.pk: e.provider for e in Endpoint.objects.select_related("provider").filter(
        pk__in={endpoint for o in owed for endpoint in o.by_endpoint})}
    leases = {(o.company, o.epoch): list(Lease.objects.filter(
        organisation_id=o.company, epoch=o.epoch).exclude(state=Lease.State.CLOSED).order_by("id")) for o in owed}
    held = Hold.objects.select_for_update(no_key=True, of=("self",)).select_related("account").order_by("pk")
    holds = {h.pk: h for h in held.filter(pk__in=[lease.hold_id for some in leases.values() for lease in some])}
    purses = {pk: ledger.open(owner=company, kind=Kind.CALLS) for pk, company in companies.items()}
    targets = {pk: _due(provider) for pk, provider in providers.items()}
    ledger.lock(*purses.values(), *targets.values(), *(h.account for h in holds.values()),
                *(wallet_of(company) for company in companies.values()))
    entries = []
    for o in owed:
        purse = purses[o.company]
        mine = [holds[lease.hold_id] for lease in leases[o.company, o.epoch]]
        missing = _fill(purse, o, mine, companies[o.company], batch, now)
        entries.append(_shared(o, purse, missing, targets, batch))
        if missing:
            _mark_uncovered(o, missing, batch)
    for outcome in ledger.post_many(entries, now=now):
        if isinstance(outcome, Refused):  # all of it was locked and looked at above
            raise outcome


def _fill(purse: Account, owed: Owed, holds: list[Hold], company: Organisation, batch: str, now: datetime) -> int:
    """Bring whole fen into the purse until it pays what is owed; returns what nobody could pay."""
    missing = owed.total - (books.balance(purse).posted or 0)
    for hold in holds:
        part = min(hold.left, ceil_to(missing, FEN_UY))
        if part <= 0 or hold.state != Hold.State.OPEN:
            continue
        ledger.settle(key=f"{batch}:{hold.public_id}", hold=hold, target=purse, amount=part, reason=Reason.CALLS_PAID,
                      now=now)
        missing -= part
    if missing <= 0:
        return 0
    try:  # its lease has gone back meanwhile: out of the wallet, if it is there
        ledger.transfer(key=f"{batch}:{company.public_id}", reason=Reason.CALLS_PAID, cause=f"calls:{batch}",
                        source=wallet_of(company), target=purse, amount=ceil_to(missing, FEN_UY), now=now)
    except Refused:
        return missing
    return 0


def _due(provider: Organisation) -> Account:
    if provider.role == Organisation.Role.PLATFORM:
        return ledger.open(owner=None, kind=Kind.PACKAGE_INCOME)
    return ledger.open(owner=provider, kind=Kind.PROVIDER_DUE)


def _shared(owed: Owed, purse: Account, missing: int, targets: dict[int, Account], batch: str) -> ledger.Entry:
    """Out of the purse (and, for what nobody paid, out of the platform's own) to the providers, less the fee."""
    fees, legs = 0, [ledger.Leg(purse, -(owed.total - missing))]
    if missing:
        legs.append(ledger.Leg(ledger.open(owner=None, kind=Kind.COMPENSATION), -missing))
    for endpoint, amount in owed.by_endpoint.items():
        target = targets[endpoint]
        fee = share(amount, policy.PLATFORM_FEE_PPM, "up") if target.kind == Kind.PROVIDER_DUE else 0
        fees += fee
        legs.append(ledger.Leg(target, amount - fee))
    legs.append(ledger.Leg(ledger.open(owner=None, kind=Kind.FEES), fees))
    return ledger.Entry(f"{batch}:{owed.company}:{owed.epoch}", Reason.CALLS_SHARED, f"calls:{batch}",
                        [leg for leg in legs if leg.amount])


def _mark_uncovered(owed: Owed, missing: int, batch: str) -> None:
    """Say at the last calls of the batch that the platform bore them."""
    for call in Call.objects.filter(batch=batch, organisation_id=owed.company, charge_uy__gt=0).order_by("-id"):
        part = min(missing, call.charge_uy)
        Call.objects.filter(pk=call.pk).update(uncovered_uy=part)
        missing -= part
        if not missing:
            return
