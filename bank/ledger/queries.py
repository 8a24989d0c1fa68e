"""Reads of the books: balances, statements, journals with both sides, everything of one cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from portal.accounts.models import Organisation

from .models import Account, Hold, Journal, Lot, Posting, Uncounted


@dataclass(frozen=True)
class Balance:
    """Amounts in the asset's unit. available: what may still go out, None where nothing limits it."""

    posted: int
    held: int
    floor: int | None
    available: int | None


@dataclass(frozen=True)
class Line:
    """One posting on a statement. `running` is the balance after it."""

    posting_id: int
    journal: Journal
    at: datetime
    amount: int
    running: int
    counterparts: tuple[str, ...]  # kinds on the other side, in the same asset
    cause: str
    reason: str

    @property
    def cursor(self) -> str:
        """Give this as `before` to go on below this line."""
        return f"{self.posting_id}.{self.running - self.amount}"


@dataclass(frozen=True)
class JournalDetail:
    """A journal with both sides, as far as the organisation may see them: `legs` in the order written."""

    journal: Journal
    legs: tuple[Posting, ...]
    own: frozenset[int]  # pks of the organisation's accounts among them
    hold: Hold | None
    reverses: Journal | None
    reversed_by: Journal | None


@dataclass(frozen=True)
class CauseLines:
    journals: tuple[Journal, ...]
    holds: tuple[Hold, ...]


@dataclass(frozen=True)
class TrialLine:
    kind: str
    accounts: int
    posted: int
    held: int


def find(*, owner: Organisation | None, kind: str, asset: str = "CNY", ref: str = "") -> Account | None:
    """The account if it was ever opened."""
    return Account.objects.filter(owner=owner, kind=kind, asset=asset, ref=ref).first()


def accounts_of(owner: Organisation | None) -> QuerySet[Account]:
    return Account.objects.filter(owner=owner).order_by("kind", "asset", "ref")


def balance(account: Account) -> Balance:
    """What is in an account now."""
    return balances([account])[account.pk]


def balances(accounts: Iterable[Account]) -> dict[int, Balance]:
    """Balances by account pk, in one query."""
    rows = Account.objects.filter(pk__in=[a.pk for a in accounts]).annotate(
        collected=Sum("uncounted__amount")).values_list("pk", "posted", "held", "floor", "collected")
    found = {}
    for pk, posted, held, floor, collected in rows:
        total = posted + (collected or 0)
        available = None if floor is None else max(0, total - held - floor)
        found[pk] = Balance(posted=total, held=held, floor=floor, available=available)
    return found


def balance_at(account: Account, at: datetime) -> int:
    """posted as it was at that instant (inclusive), from the journal."""
    known = Posting.objects.filter(account=account, journal__at__lte=at).aggregate(total=Sum("amount"))
    return known["total"] or 0


def statement(account: Account, *, before: str | None = None, limit: int = 50) -> list[Line]:
    """Postings of an account, newest first, with running balance; next page: `before` = last line's cursor.

    The cursor carries the running balance, so that a page of a long account costs as much as one of a
    short one. Three queries.
    """
    rows = Posting.objects.filter(account=account).select_related("journal").order_by("-id")
    if before:
        posting_id, running = (int(part) for part in before.split("."))
        rows = rows.filter(id__lt=posting_id)
        postings = list(rows[:limit])
    else:
        # the postings first: a balance read afterwards may contain newer ones, which are then taken off
        postings = list(rows[:limit])
        running = balance(account).posted
        if postings:
            newer = Posting.objects.filter(account=account, id__gt=postings[0].pk).aggregate(total=Sum("amount"))
            running -= newer["total"] or 0
    others: dict[int, list[str]] = {}
    sides = Posting.objects.filter(
        journal__in=[p.journal_id for p in postings], account__asset=account.asset).exclude(account=account)
    for journal_id, kind, amount in sides.values_list("journal_id", "account__kind", "amount").order_by("id"):
        others.setdefault(journal_id, []).append((kind, amount))  # type: ignore[arg-type]
    lines = []
    for p in postings:
        kinds = tuple(dict.fromkeys(
            kind for kind, amount in others.get(p.journal_id, []) if (amount < 0) != (p.amount < 0)))  # type: ignore[misc]
        lines.append(Line(
            posting_id=p.pk, journal=p.journal, at=p.journal.at, amount=p.amount, running=running,
            counterparts=kinds, cause=p.journal.cause, reason=p.journal.reason))
        running -= p.amount
    return lines


def journal_detail(public_id: str, *, organisation: Organisation) -> JournalDetail | None:
    """A journal in which the organisation has a posting; None for everybody else's."""
    journal = (
        Journal.objects.select_related("reverses", "hold")
        .filter(Q(public_id=public_id), postings__account__owner=organisation).distinct().first()
    )
    if journal is None:
        return None
    legs = tuple(Posting.objects.filter(journal=journal).select_related("account").order_by("id"))
    return JournalDetail(
        journal=journal, legs=legs, own=frozenset(p.account_id for p in legs if p.account.owner_id == organisation.pk),
        hold=journal.hold, reverses=journal.reverses, reversed_by=Journal.objects.filter(reverses=journal).first())


def lines_of_cause(cause: str) -> CauseLines:
    """All journals (with postings and accounts) and holds that one thing brought about, oldest first."""
    journals = Journal.objects.filter(cause=cause).prefetch_related("postings__account").order_by("id")
    holds = Hold.objects.filter(cause=cause).select_related("account").order_by("id")
    return CauseLines(journals=tuple(journals), holds=tuple(holds))


def open_lots(account: Account) -> QuerySet[Lot]:
    """The parts of a balance that are left, the next to expire first."""
    return Lot.objects.filter(account=account, remaining__gt=0).order_by("expires_at", "id")


def trial_balance(asset: str) -> list[TrialLine]:
    """Every kind of account in that asset; the posted column sums to zero."""
    collected = dict(
        Uncounted.objects.filter(account__asset=asset).values_list("account__kind").annotate(Sum("amount")))
    from django.db.models import Count

    rows = Account.objects.filter(asset=asset).values_list("kind").annotate(
        Count("id"), Sum("posted"), Sum("held")).order_by("kind")
    return [TrialLine(kind, count, (posted or 0) + (collected.get(kind) or 0), held or 0)
            for kind, count, posted, held in rows]
