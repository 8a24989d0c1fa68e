"""Opening accounts, their limits, locks, and the roll-up of those that only collect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.core.ids import public_id

from ..chart import CHART, CNY, Floor, Kind
from ..models import Account

ROLL_UP_LOCK = 0x1ED6E2  # any number that nobody else takes


def open(*, owner: Organisation | None, kind: str, asset: str = CNY, ref: str = "") -> Account:
    """The account of that owner, kind, asset and ref; made at its first use.

    owner None: the platform's own. Refused: wrong_owner, wrong_asset.
    """
    spec = CHART[Kind(kind)]
    owner_id = owner.pk if owner else None
    wanted = {"owner_id": owner_id, "kind": Kind(kind).value, "asset": asset, "ref": ref}
    found = Account.objects.filter(**wanted).first()
    if found:
        return found
    if spec.owned != (owner is not None):
        raise Refused("wrong_owner", kind=str(kind))
    if not asset or not asset.startswith(spec.assets) or asset == spec.assets == "CH:":
        raise Refused("wrong_asset", kind=str(kind), asset=asset)
    fresh = Account(
        public_id=public_id("acc"), **wanted, floor=None if spec.floor == Floor.NONE else 0,
        ceiling=spec.ceiling, counted=spec.counted, lots=spec.lots,
    )
    with transaction.atomic():
        Account.objects.bulk_create([fresh], ignore_conflicts=True)  # somebody else may be opening it too
    return Account.objects.get(**wanted)


def set_floor(*, account: Account, floor: int, now: datetime) -> Account:
    """The lowest balance from now on (≤ 0; a credit limit L is floor −L), where the kind has a limit.

    A floor above what is already drawn only stops drawing. Refused: no_floor_here.
    """
    if CHART[Kind(account.kind)].floor != Floor.LIMIT or floor > 0:
        raise Refused("no_floor_here", account=account.public_id)
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(floor=floor)
        return Account.objects.get(pk=account.pk)


def lock(*accounts: Account) -> None:
    """Take the locks of these accounts in the one order that cannot deadlock, until the transaction ends."""
    locked({a.pk for a in accounts})


def locked(ids: Iterable[int]) -> dict[int, Account]:
    """Those accounts, freshly read; the counted ones locked (the others must make nobody wait)."""
    wanted = sorted(set(ids))
    rows = Account.objects.filter(pk__in=wanted, counted=True).order_by("pk").select_for_update(no_key=True)
    found = {a.pk: a for a in rows}
    missing = [pk for pk in wanted if pk not in found]
    if missing:
        found |= {a.pk: a for a in Account.objects.filter(pk__in=missing)}
    return found


def roll_up(*, limit: int = 100_000) -> int:
    """Add what floorless accounts collected to their balance rows; returns how many amounts were added.

    May run at any time; a second one beside it leaves the work to the first. A trigger does the adding.
    """
    with transaction.atomic(), connection.cursor() as c:
        c.execute("SELECT pg_try_advisory_xact_lock(%s)", [ROLL_UP_LOCK])
        if not c.fetchone()[0]:
            return 0
        c.execute(
            "DELETE FROM ledger_uncounted WHERE id IN (SELECT id FROM ledger_uncounted LIMIT %s)", [limit])
        return int(c.rowcount)
