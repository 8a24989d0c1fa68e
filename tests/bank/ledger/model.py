"""An independent model of the books, in plain arithmetic: what they should say after every command."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ModelLot:
    account: str
    expires_h: int
    remaining: int = 0
    pinned: int = 0


@dataclass
class ModelHold:
    account: str
    amount: int
    expires_h: int | None
    settled: int = 0
    released: int = 0
    state: str = "open"
    pins: list = field(default_factory=list)  # [lot, amount], earliest expiry first
    pk: int = 0

    @property
    def left(self) -> int:
        return self.amount - self.settled - self.released


@dataclass
class ModelJournal:
    postings: list  # (account, amount)
    lots: list = field(default_factory=list)  # (lot, amount)
    reversed: bool = False
    pk: int = 0


class No(Exception):
    """The model says no, with one of these codes."""

    def __init__(self, *codes: str) -> None:
        self.codes = codes


@dataclass
class ModelAccount:
    posted: int = 0
    held: int = 0
    floor: int | None = 0
    ceiling: int | None = None
    excess: int = 0


class Model:
    """What the books should say, in plain arithmetic."""

    def __init__(self) -> None:
        self.accounts = {name: ModelAccount() for name in ("w1", "w2", "claims", "pledged", "order", "hours")}
        self.accounts["line"] = ModelAccount(ceiling=0)
        self.accounts["bank"] = ModelAccount(floor=None)
        self.accounts["backing"] = ModelAccount(floor=None)
        self.lots: list[ModelLot] = []
        self.h = 0

    def change(self, name: str, posted: int = 0, held: int = 0) -> None:
        a = self.accounts[name]
        a.posted, a.held = a.posted + posted, a.held + held
        if a.excess:
            a.excess = max(0, min(a.excess, a.floor - (a.posted - a.held)))

    def need(self, name: str, amount: int) -> None:
        a = self.accounts[name]
        if a.floor is not None and a.posted - a.held - a.floor < amount:
            raise No("insufficient_hours" if name in ("claims", "pledged", "hours") else "insufficient_funds")

    def room(self, name: str, amount: int) -> None:
        a = self.accounts[name]
        if a.ceiling is not None and a.posted + amount > a.ceiling:
            raise No("above_ceiling")

    def must_fit(self, postings: list) -> None:
        """Which of several reasons to refuse is said first is not ours to say."""
        no: list[str] = []
        for name, amount in postings:
            try:
                self.need(name, -amount) if amount < 0 else self.room(name, amount)
            except No as refusal:
                no += refusal.codes
        if no:
            raise No(*no)

    def take(self, name: str, amount: int) -> list[tuple[ModelLot, int]]:
        """Parts of lots, earliest expiry first; overdue claims are no use to anybody."""
        parts = []
        for lot in sorted((lot for lot in self.lots if lot.account == name), key=lambda lot: lot.expires_h):
            free = lot.remaining - lot.pinned
            if free > 0 and amount and not (name == "claims" and lot.expires_h <= self.h):
                part = min(free, amount)
                parts.append((lot, part))
                amount -= part
        if amount:
            raise No("insufficient_hours")
        return parts

    def transfer(self, source: str, target: str, amount: int, expires_h: int | None = None) -> ModelJournal:
        journal = ModelJournal([(source, -amount), (target, amount)])
        self.must_fit(journal.postings)
        parts = self.take(source, amount) if source in ("claims", "pledged") else []
        self.book(journal, parts, expires_h)
        return journal

    def book(self, journal: ModelJournal, parts: list, expires_h: int | None = None) -> None:
        (source, out), (target, into) = journal.postings
        self.change(source, out)
        self.change(target, into)
        for lot, part in parts:
            lot.remaining -= part
            journal.lots.append((lot, -part))
        if target in ("claims", "pledged"):
            for lot_expires_h, part in (
                [(expires_h, into)] if expires_h is not None else [(lot.expires_h, part) for lot, part in parts]
            ):
                self.lots.append(ModelLot(target, lot_expires_h, part))
                journal.lots.append((self.lots[-1], part))

    def hold(self, name: str, amount: int, expires_h: int | None) -> ModelHold:
        if expires_h is not None and expires_h <= self.h:
            raise No("hold_expired")
        self.need(name, amount)
        hold = ModelHold(name, amount, expires_h)
        if name == "claims":
            hold.pins = [[lot, part] for lot, part in self.take(name, amount)]
            for lot, part in hold.pins:
                lot.pinned += part
        self.change(name, held=amount)
        return hold

    def unpin(self, hold: ModelHold, amount: int) -> list[tuple[ModelLot, int]]:
        parts = []
        for pin in hold.pins:
            part = min(pin[1], amount)
            if part:
                pin[1] -= part
                pin[0].pinned -= part
                parts.append((pin[0], part))
                amount -= part
        return parts

    def overdue(self, hold: ModelHold) -> bool:
        return hold.state == "open" and hold.expires_h is not None and hold.expires_h <= self.h

    def must_be_open(self, hold: ModelHold) -> None:
        if hold.state != "open":
            raise No("hold_expired" if hold.state == "expired" else "hold_resolved")

    def settle(self, hold: ModelHold, amount: int, final: bool) -> ModelJournal:
        self.must_be_open(hold)
        if self.overdue(hold):
            raise No("hold_expired")
        if amount > hold.left:
            raise No("hold_exceeded")
        target = "hours" if hold.account == "claims" else "order"
        journal = ModelJournal([(hold.account, -amount), (target, amount)])
        for lot, part in self.unpin(hold, amount):
            lot.remaining -= part
            journal.lots.append((lot, -part))
        self.change(hold.account, -amount, -amount)
        self.change(target, amount)
        hold.settled += amount
        if hold.left == 0:
            hold.state = "settled"
        elif final:
            self.resolve(hold, "settled")
        return journal

    def resolve(self, hold: ModelHold, state: str) -> None:
        rest = hold.left
        freed = self.unpin(hold, rest)
        hold.released, hold.state = hold.released + rest, state
        self.change(hold.account, held=-rest)
        self.expire([lot for lot, _part in freed])

    def expire(self, lots: list[ModelLot]) -> int:
        count = 0
        for lot in lots:
            free = lot.remaining - lot.pinned
            if lot.account == "claims" and lot.expires_h <= self.h and free:
                lot.remaining -= free
                self.change("claims", -free)
                self.change("backing", free)
                count += 1
        return count

    def reverse(self, journal: ModelJournal) -> None:
        if journal.reversed:
            raise No("already_reversed")
        self.must_fit([(name, -amount) for name, amount in journal.postings])
        if any(part > 0 and lot.remaining - lot.pinned < part for lot, part in journal.lots):
            raise No("lot_spent")
        for name, amount in journal.postings:
            self.change(name, -amount)
        for lot, part in journal.lots:
            lot.remaining -= part
        journal.reversed = True

    def set_floor(self, floor: int) -> None:
        line = self.accounts["line"]
        if floor != line.floor:
            line.floor, line.excess = floor, max(0, floor - (line.posted - line.held))
