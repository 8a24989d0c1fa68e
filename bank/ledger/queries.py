"""Reads of the books: balances, statements, journals with both sides, everything of one cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _

from portal.accounts.models import Organisation
from portal.core.words import joined

from . import words
from .chain import BEGINNING
from .models import Account, Checkpoint, DayClose, Hold, Journal, Lot, Posting, Uncounted


@dataclass(frozen=True)
class Balance:
    """Amounts in the asset's unit. available: what may still go out; None where nothing limits it."""

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
    """A journal with all its legs in the order written; `own` are the pks of the organisation's accounts."""

    journal: Journal
    legs: tuple[Posting, ...]
    own: frozenset[int]
    reversed_by: Journal | None


@dataclass(frozen=True)
class CauseLines:
    """What one thing brought about, oldest first."""

    journals: tuple[Journal, ...]
    holds: tuple[Hold, ...]


@dataclass(frozen=True)
class Step:
    """One step of a story: between which places, in words; `journal` is "" for a reservation."""

    at: datetime
    source: str
    target: str
    amount: int
    asset: str
    journal: str


@dataclass(frozen=True)
class TrialLine:
    """All accounts of a kind together."""

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
    """What is in an account now. One query."""
    return balances([account])[account.pk]


def balances(accounts: Iterable[Account]) -> dict[int, Balance]:
    """Balances by account pk, in one query."""
    rows = Account.objects.filter(pk__in=[a.pk for a in accounts])
    rows = rows.annotate(collected=Sum("uncounted__amount"))
    found = {}
    for pk, row, held, floor, collected in rows.values_list("pk", "posted", "held", "floor", "collected"):
        posted = row + (collected or 0)
        available = None if floor is None else max(0, posted - held - floor)
        found[pk] = Balance(posted=posted, held=held, floor=floor, available=available)
    return found


def balance_at(account: Account, at: datetime) -> int:
    """posted as it was at that instant (inclusive): the newest checkpoint that has nothing later, and what follows.

    A closed range in which everything is later is not looked at, so an instant years ago costs what one today does.
    """
    sealed = Checkpoint.objects.filter(account=account, close__latest_at__lte=at).order_by("-close_id")
    posted, after = sealed.values_list("posted", "close__last_posting_id").first() or (0, BEGINNING)
    closes = DayClose.objects.aggregate(
        touched=Max("last_posting_id", filter=Q(earliest_at__lte=at)), all=Max("last_posting_id"))
    rows = Posting.objects.filter(account=account, journal__at__lte=at)
    for part in (rows.filter(id__gt=after, id__lte=closes["touched"] or BEGINNING),
                 rows.filter(id__gt=max(after, closes["all"] or BEGINNING))):
        posted += part.aggregate(total=Sum("amount"))["total"] or 0
    return posted


def statement(account: Account, *, before: str | None = None, limit: int = 50) -> list[Line]:
    """Postings of an account, newest first, with running balance; next page: `before` = last line's cursor.

    The cursor carries the running balance, so that a page of a long account costs as much as one of a
    short one. At most four queries. ValueError for a cursor that is none.
    """
    rows = Posting.objects.filter(account=account).select_related("journal").order_by("-id")
    if before:
        posting_id, running = parse_cursor(before)
        postings = list(rows.filter(id__lt=posting_id)[:limit])
    else:
        postings = list(rows[:limit])
        # read after the postings, so it may contain newer ones: they are taken off again
        running = balance(account).posted
        if postings:
            newer = Posting.objects.filter(account=account, id__gt=postings[0].pk)
            running -= newer.aggregate(total=Sum("amount"))["total"] or 0
    others = _other_sides(account, postings)
    lines = []
    for p in postings:
        lines.append(Line(
            posting_id=p.pk, journal=p.journal, at=p.journal.at, amount=p.amount, running=running,
            counterparts=others.get((p.journal_id, p.amount < 0), ()), cause=p.journal.cause,
            reason=p.journal.reason))
        running -= p.amount
    return lines


def parse_cursor(text: str) -> tuple[int, int]:
    """(posting id, balance after the line above it); ValueError otherwise."""
    posting_id, _dot, running = text.partition(".")
    if len(text) > 40:
        raise ValueError(text)
    return int(posting_id), int(running)


def _other_sides(account: Account, postings: list[Posting]) -> dict[tuple[int, bool], tuple[str, ...]]:
    """(journal, whether our side is out) -> the kinds on the opposite side."""
    rows = Posting.objects.filter(journal__in=[p.journal_id for p in postings], account__asset=account.asset)
    found: dict[tuple[int, bool], list[str]] = {}
    for journal_id, kind, amount in rows.order_by("id").values_list("journal_id", "account__kind", "amount"):
        kinds = found.setdefault((journal_id, amount > 0), [])
        if kind not in kinds:
            kinds.append(kind)
    return {side: tuple(kinds) for side, kinds in found.items()}


def journal_detail(public_id: str, *, organisation: Organisation) -> JournalDetail | None:
    """A journal in which the organisation has a posting; None for everybody else's."""
    mine = Posting.objects.filter(account__owner=organisation).values("journal_id")
    journals = Journal.objects.select_related("reverses", "hold")
    journal = journals.filter(public_id=public_id, pk__in=mine).first()
    if journal is None:
        return None
    legs = tuple(Posting.objects.filter(journal=journal).select_related("account").order_by("id"))
    own = frozenset(p.account_id for p in legs if p.account.owner_id == organisation.pk)
    return JournalDetail(
        journal=journal, legs=legs, own=own, reversed_by=Journal.objects.filter(reverses=journal).first())


def lines_of_cause(cause: str) -> CauseLines:
    """All journals (with postings and accounts) and holds of one thing, such as `order:ord_…`."""
    journals = Journal.objects.filter(cause=cause).prefetch_related("postings__account").order_by("id")
    holds = Hold.objects.filter(cause=cause).select_related("account").order_by("id")
    return CauseLines(journals=tuple(journals), holds=tuple(holds))


def story(cause: str, *, organisation: Organisation) -> list[Step]:
    """What happened to the organisation's money or hours because of one thing, in order, both sides in words.

    What is reserved stands as a place of its own: Wallet → Reserved → Payment for the order.
    """
    reserved = _("Reserved")
    steps = []
    for hold in Hold.objects.filter(cause=cause, account__owner=organisation).select_related("account"):
        name, asset = words.kind(hold.account.kind), hold.account.asset
        steps.append(Step(hold.created_at, name, reserved, hold.amount, asset, ""))
        if hold.released and hold.resolved_at:
            steps.append(Step(hold.resolved_at, reserved, name, hold.released, asset, ""))
    mine = Posting.objects.filter(journal__cause=cause, account__owner=organisation)
    mine = mine.select_related("account", "journal").prefetch_related("journal__postings__account")
    for own in mine.order_by("id"):
        opposite = [
            p.account.kind for p in own.journal.postings.all()
            if p.account.asset == own.account.asset and (p.amount < 0) != (own.amount < 0)]
        other = joined(words.kind(kind) for kind in dict.fromkeys(opposite))
        here = reserved if own.journal.hold_id and own.amount < 0 else words.kind(own.account.kind)
        source, target = (here, other) if own.amount < 0 else (other, here)
        steps.append(Step(own.journal.at, source, target, abs(own.amount), own.account.asset,
                          own.journal.public_id))
    # at one instant: first reserved, then charged, then given back
    return sorted(steps, key=lambda s: (s.at, s.source == reserved, s.target != reserved and not s.journal))


def open_holds(account: Account) -> QuerySet[Hold]:
    return Hold.objects.filter(account=account, state=Hold.State.OPEN).order_by("id")


def open_lots(account: Account) -> QuerySet[Lot]:
    """The parts of a balance that are left, the next to expire first."""
    return Lot.objects.filter(account=account, remaining__gt=0).order_by("expires_at", "id")


def sum_of_lots(account: Account, *, most: int) -> int:
    """What is left in the first `most` of the parts above."""
    return Lot.objects.filter(pk__in=open_lots(account).values("pk")[:most]).aggregate(t=Sum("remaining"))["t"] or 0


def trial_balances() -> dict[str, list[TrialLine]]:
    """Every kind of account by asset; of each asset the posted column sums to zero.

    One query: between two of them a roll-up could move an amount from where the second looks to where the first did.
    """
    uncounted = Uncounted.objects.filter(account=OuterRef("pk")).order_by().values("account")
    collected = uncounted.annotate(sum=Sum("amount")).values("sum")
    found: dict[str, list[TrialLine]] = {}
    rows = Account.objects.annotate(collected=Case(When(counted=False, then=Subquery(collected))))
    for asset, kind, count, posted, held, more in rows.values_list("asset", "kind").annotate(
            Count("id"), Sum("posted"), Sum("held"), Sum("collected")).order_by("asset", "kind"):
        found.setdefault(asset, []).append(TrialLine(kind, count, posted + (more or 0), held))
    return found


def trial_balance(asset: str) -> list[TrialLine]:
    """Every kind of account in that asset; the posted column sums to zero."""
    return trial_balances().get(asset, [])


@dataclass(frozen=True)
class Aged:
    """What is set aside and open, of one age: [(asset, how many, how much)], and the first of them."""

    key: str
    after: datetime | None  # set aside later than this …
    until: datetime | None  # … and not later than this
    sums: tuple[tuple[str, int, int], ...]
    holds: tuple[Hold, ...]

    @property
    def count(self) -> int:
        return sum(count for _asset, count, _amount in self.sums)


def holds_by_age(*, now: datetime, shown: int = 25) -> tuple[list[Aged], tuple[tuple[str, int, int], ...]]:
    """Everything set aside and open: by age, the overdue and then the oldest first; and the sums of the overdue.

    Two queries, however much it is.
    """
    bounds = [("hour", now - timedelta(hours=1)), ("day", now - timedelta(days=1)), ("week", now - timedelta(days=7))]
    age = Case(*[When(created_at__gt=bound, then=Value(key)) for key, bound in bounds], default=Value("older"))
    rest = F("amount") - F("settled") - F("released")
    late = Q(expires_at__lte=now)
    rows = Hold.objects.filter(state=Hold.State.OPEN).annotate(
        age=age, late=Case(When(late, then=Value(1)), default=Value(0)), rest=rest)
    sums: dict[str, list[tuple[str, int, int]]] = {}
    overdue: list[tuple[str, int, int]] = []
    for key, asset, is_late, count, amount in rows.values_list("age", "account__asset", "late").annotate(
            Count("pk"), Sum("rest")).order_by("account__asset"):
        _add(sums.setdefault(key, []), asset, count, amount)
        if is_late:
            _add(overdue, asset, count, amount)
    holds: dict[str, list[Hold]] = {}
    place = Window(RowNumber(), partition_by="age", order_by=["-late", "created_at", "pk"])
    for hold in rows.annotate(place=place).filter(place__lte=shown).select_related("account__owner").order_by("place"):
        holds.setdefault(hold.age, []).append(hold)  # type: ignore[attr-defined]
    until: list[datetime | None] = [None, *(bound for _key, bound in bounds)]
    ages = [*bounds, ("older", None)]
    return [
        Aged(key, after, before, tuple(sums.get(key, [])), tuple(holds.get(key, [])))
        for (key, after), before in zip(ages, until, strict=True)
    ], tuple(overdue)


def _add(sums: list[tuple[str, int, int]], asset: str, count: int, amount: int) -> None:
    if sums and sums[-1][0] == asset:  # the late and the others of one asset follow each other
        count, amount = count + sums[-1][1], amount + sums[-1][2]
        sums.pop()
    sums.append((asset, count, amount))


def assets() -> list[str]:
    """Every asset that an account is kept in."""
    return list(Account.objects.order_by("asset").values_list("asset", flat=True).distinct())
