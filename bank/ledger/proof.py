"""Proves the books from the journal alone, trusting nothing that a trigger or an action has kept.

Each check is two statements: one that counts what was looked at, one that names what is wrong
(subject, saying). All see one snapshot, so it may run while the system is live.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from . import closings as file_of_closings
from . import install, sealed
from .chart import ROUTES, kind_rows
from .models import DayClose, Proof

SHOWN = 20  # findings shown per check; all are counted


@dataclass(frozen=True)
class Check:
    name: str
    proves: str  # with {n}
    count: str
    wrong: str


@dataclass(frozen=True)
class Outcome:
    """One check: how many things were looked at, and what is wrong as (subject, saying)."""

    check: Check
    looked_at: int
    wrong: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return self.check.proves.format(n=f"{self.looked_at:,}")


CHECKS = [
    Check(
        "replay", "{n} postings: every stored balance is their sum",
        "SELECT count(*) FROM ledger_posting",
        """
        SELECT a.public_id, format('%%s %%s: the row says %%s, the journal says %%s', a.kind, a.asset,
               a.posted + coalesce(u.amount, 0), coalesce(p.amount, 0))
          FROM ledger_account a
          LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM ledger_posting GROUP BY 1) p
            ON p.account_id = a.id
          LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM ledger_uncounted GROUP BY 1) u
            ON u.account_id = a.id
         WHERE a.posted + coalesce(u.amount, 0) <> coalesce(p.amount, 0)
        """),
    Check(
        "lines", "{n} postings: each of a journal and an account that are there",
        "SELECT count(*) FROM ledger_posting",
        """
        SELECT format('posting %%s', p.id), format('journal %%s, account %%s', p.journal_id, p.account_id)
          FROM ledger_posting p LEFT JOIN ledger_journal j ON j.id = p.journal_id
          LEFT JOIN ledger_account a ON a.id = p.account_id WHERE j.id IS NULL OR a.id IS NULL
        """),
    Check(
        "zero sum", "{n} assets: each sums to zero over all accounts",
        "SELECT count(DISTINCT asset) FROM ledger_account",
        """
        SELECT a.asset, format('off by %%s', sum(p.amount)) FROM ledger_posting p
          JOIN ledger_account a ON a.id = p.account_id GROUP BY a.asset HAVING sum(p.amount) <> 0
        """),
    Check(
        "journals", "{n} journals: none empty, each sums to zero in every asset",
        "SELECT count(*) FROM ledger_journal",
        """
        SELECT j.public_id, 'empty' FROM ledger_journal j
         WHERE NOT EXISTS (SELECT 1 FROM ledger_posting p WHERE p.journal_id = j.id)
        UNION ALL
        SELECT (SELECT public_id FROM ledger_journal WHERE id = p.journal_id),
               format('off by %%s %%s', sum(p.amount), a.asset)
          FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
         GROUP BY p.journal_id, a.asset HAVING sum(p.amount) <> 0
        """),
    Check(
        "routes", "{n} journals: each took listed routes only",
        "SELECT count(*) FROM ledger_journal WHERE reverses_id IS NULL",
        """
        SELECT min(j.public_id), format('%%s > %%s for %%s, %%s times', s.kind, t.kind, j.reason, count(*))
          FROM ledger_journal j
          JOIN ledger_posting o ON o.journal_id = j.id AND o.amount < 0
          JOIN ledger_account s ON s.id = o.account_id
          JOIN ledger_posting i ON i.journal_id = j.id AND i.amount > 0
          JOIN ledger_account t ON t.id = i.account_id
         WHERE s.asset = t.asset AND j.reverses_id IS NULL
         GROUP BY s.kind, t.kind, j.reason
        HAVING NOT EXISTS (SELECT 1 FROM ledger_route r
                            WHERE r.source = s.kind AND r.target = t.kind AND r.reason = j.reason)
        """),
    Check(
        "reversals", "{n} reversals: each the exact mirror of one journal",
        "SELECT count(*) FROM ledger_journal WHERE reverses_id IS NOT NULL",
        """
        SELECT j.public_id, 'is not the mirror of what it reverses' FROM ledger_journal j
         WHERE j.reverses_id IS NOT NULL AND (j.reason <> 'reversal' OR EXISTS (
           SELECT 1 FROM ledger_posting p WHERE p.journal_id IN (j.id, j.reverses_id)
            GROUP BY p.account_id HAVING sum(p.amount) <> 0))
        UNION ALL
        SELECT public_id, 'was reversed more than once' FROM ledger_journal WHERE id IN (
          SELECT reverses_id FROM ledger_journal WHERE reverses_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1)
        """),
    Check(
        "floors", "{n} accounts: none below its floor or above its ceiling",
        "SELECT count(*) FROM ledger_account",
        """
        SELECT public_id, format('%%s %%s: posted %%s, held %%s, floor %%s, ceiling %%s, excess %%s',
               kind, asset, posted, held, floor, ceiling, excess)
          FROM ledger_account
         WHERE posted - held < floor - excess OR posted > ceiling
            OR excess > greatest(0, floor - posted + held)
        """),
    Check(
        "holds", "{n} holds: charged as the journal says, resolved once, their rest is what is held",
        "SELECT count(*) FROM ledger_hold",
        """
        SELECT a.public_id, format('%%s %%s: the row holds %%s, open holds say %%s', a.kind, a.asset, a.held,
               coalesce(h.rest, 0))
          FROM ledger_account a
          LEFT JOIN (SELECT account_id, sum(amount - settled - released) AS rest
                       FROM ledger_hold GROUP BY 1) h
            ON h.account_id = a.id
         WHERE a.held <> coalesce(h.rest, 0)
        UNION ALL
        SELECT h.public_id, format('the row charged %%s, the journal says %%s',
               h.settled, coalesce(s.amount, 0))
          FROM ledger_hold h
          LEFT JOIN (SELECT j.hold_id, -sum(p.amount) AS amount FROM ledger_journal j
                       JOIN ledger_posting p ON p.journal_id = j.id JOIN ledger_hold o ON o.id = j.hold_id
                      WHERE p.account_id = o.account_id GROUP BY 1) s ON s.hold_id = h.id
         WHERE h.settled <> coalesce(s.amount, 0)
        UNION ALL
        SELECT public_id, format('state %%s with %%s of %%s left', state, amount - settled - released, amount)
          FROM ledger_hold
         WHERE (state = 'open') <> (amount > settled + released) OR settled < 0 OR released < 0
            OR settled + released > amount
        """),
    Check(
        "lots", "{n} lots: what is left of them is the balance, and what is pinned is what is held",
        "SELECT count(*) FROM ledger_lot",
        """
        SELECT a.public_id, format('%%s %%s: posted %%s, lots %%s; held %%s, pinned %%s',
               a.kind, a.asset, a.posted, coalesce(l.remaining, 0), a.held, coalesce(l.pinned, 0))
          FROM ledger_account a
          LEFT JOIN (SELECT account_id, sum(remaining) AS remaining, sum(pinned) AS pinned
                       FROM ledger_lot GROUP BY 1) l
            ON l.account_id = a.id
         WHERE a.lots AND (a.posted <> coalesce(l.remaining, 0) OR a.held <> coalesce(l.pinned, 0))
        UNION ALL
        SELECT l.public_id, format('%%s left, its entries say %%s; %%s pinned, its pins say %%s', l.remaining,
               coalesce(e.amount, 0), l.pinned, coalesce(n.amount, 0))
          FROM ledger_lot l
          LEFT JOIN (SELECT lot_id, sum(amount) AS amount FROM ledger_lotentry GROUP BY 1) e
            ON e.lot_id = l.id
          LEFT JOIN (SELECT lot_id, sum(amount) AS amount FROM ledger_lotpin GROUP BY 1) n ON n.lot_id = l.id
         WHERE l.remaining <> coalesce(e.amount, 0) OR l.pinned <> coalesce(n.amount, 0)
            OR l.remaining < l.pinned OR l.remaining > l.quantity
        UNION ALL
        SELECT (SELECT public_id FROM ledger_journal WHERE id = p.journal_id), 'its lots do not add up'
          FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
          LEFT JOIN (SELECT posting_id, sum(amount) AS amount FROM ledger_lotentry GROUP BY 1) e
            ON e.posting_id = p.id
         WHERE coalesce(e.amount, 0) <> CASE WHEN a.lots THEN p.amount ELSE 0 END
        UNION ALL
        SELECT h.public_id, format('reserves %%s and pins %%s',
               h.amount - h.settled - h.released, coalesce(n.amount, 0))
          FROM ledger_hold h JOIN ledger_account a ON a.id = h.account_id
          LEFT JOIN (SELECT hold_id, sum(amount) AS amount FROM ledger_lotpin GROUP BY 1) n
            ON n.hold_id = h.id
         WHERE coalesce(n.amount, 0) <> CASE WHEN a.lots THEN h.amount - h.settled - h.released ELSE 0 END
        """),
    Check(
        "keys", "{n} keys: each was used once, for what its fingerprint says",
        "SELECT (SELECT count(*) FROM ledger_journal) + (SELECT count(*) FROM ledger_hold)",
        """
        SELECT key, 'written ' || count(*) || ' times' FROM ledger_journal GROUP BY key HAVING count(*) > 1
        UNION ALL
        SELECT key, 'reserved ' || count(*) || ' times' FROM ledger_hold GROUP BY key HAVING count(*) > 1
        UNION ALL
        SELECT public_id, 'has no key' FROM ledger_journal WHERE key = ''
        UNION ALL
        SELECT public_id, 'has no key' FROM ledger_hold WHERE key = ''
        UNION ALL
        SELECT public_id, 'has no fingerprint' FROM ledger_journal WHERE length(fingerprint) <> 32
        UNION ALL
        SELECT public_id, 'has no fingerprint' FROM ledger_hold WHERE length(fingerprint) <> 32
        """),
    Check(
        "accounts", "{n} kinds of account: every account is as the chart says",
        "SELECT count(*) FROM ledger_kind",
        """
        SELECT a.public_id, format('%%s %%s is not as the chart says', a.kind, a.asset)
          FROM ledger_account a LEFT JOIN ledger_kind k ON k.code = a.kind
         WHERE k.code IS NULL OR k.owned <> (a.owner_id IS NOT NULL) OR NOT starts_with(a.asset, k.assets)
            OR k.counted <> a.counted OR k.lots <> a.lots OR a.ceiling IS DISTINCT FROM k.ceiling
            OR (k.floor_rule = 'zero' AND a.floor IS DISTINCT FROM 0)
               OR (k.floor_rule = 'none') <> (a.floor IS NULL)
            OR a.floor > 0
        """),
]


def prove(*, closings: Path | None = None) -> Iterator[Outcome]:
    """Run every check in one snapshot; yields each outcome as it is there.

    closings: the file that the closed days are compared with, instead of the site's own.
    """
    path = closings or Path(settings.BOOKS_CLOSINGS_FILE)
    # read before the snapshot: a day that is closed meanwhile is then in the database and not yet in what was read
    said_outside = path.read_bytes() if path.is_file() else None
    with _snapshot(), connection.cursor() as c:
        for check in CHECKS:
            c.execute(check.count, {})
            looked_at = int(c.fetchone()[0])
            c.execute(check.wrong, {})
            yield Outcome(check, looked_at, tuple((str(s), str(t)) for s, t in c.fetchall()))
        yield from _closed_days(path, said_outside)
        yield _guards_stand()
        yield _chart_is_current()


QUICK = {"replay", "zero sum", "floors", "holds", "lots", "accounts"}  # what a balance stands or falls with


def remember(*, now: datetime, actor: str, close: DayClose | None = None) -> Proof:
    """Run the quick checks, compare the file of closings, and keep what they found.

    close: one whose rows are hashed again. `books check` runs all checks, and hashes every close.
    """
    path = Path(settings.BOOKS_CLOSINGS_FILE)
    said_outside = path.read_bytes() if path.is_file() else None
    parts, wrong = [], []
    with _snapshot(), connection.cursor() as c:
        c.execute("SELECT coalesce(max(id), 0) FROM ledger_journal")
        journal = int(c.fetchone()[0])
        for check in CHECKS:
            if check.name in QUICK:
                c.execute(check.count, {})
                parts.append([check.name, int(c.fetchone()[0])])
                c.execute(check.wrong, {})
                wrong += [[check.name, str(subject), str(saying)] for subject, saying in c.fetchall()]
        guards = _guards_stand()
        differs = file_of_closings.compare(said_outside or b"", sealed.all_closes())[0]
        hashed = sealed.hash_of(close) if close else []
    parts += [[guards.check.name, guards.looked_at], ["closings", (said_outside or b"").count(b"\n")]]
    parts += [["closes", 1]] if close else []
    for name, found in ((guards.check.name, guards.wrong), ("closings", differs), ("closes", hashed)):
        wrong += [[name, subject, saying] for subject, saying in found]
    return Proof.objects.create(
        at=now, looked_at=sum(n for _name, n in parts), wrong=wrong[:SHOWN], wrong_count=len(wrong), actor=actor,
        seen={"parts": parts, "journal": journal, "closings_wrong": len(differs),
              "closings": None if said_outside is None else said_outside.count(b"\n"),
              "close": close.number if close else None},
    )  # fmt: skip


def _closed_days(path: Path, said_outside: bytes | None) -> Iterator[Outcome]:
    """What was closed is as it was closed, in the database and outside."""
    closes = sealed.all_closes()
    check = Check("closes", "{n} closes of days: linked, and every row below them is as it was closed", "", "")
    yield Outcome(check, len(closes), tuple(sealed.hashes(closes)))
    check = Check("checkpoints", "{n} balances at a close: each is the replay up to it, as the totals are", "", "")
    looked_at, wrong = sealed.balances(closes)
    yield Outcome(check, looked_at, tuple(wrong))
    if said_outside is None:
        yield Outcome(Check("closings", f"no hash was compared: there is no file {path}", "", ""), 0, ())
        return
    check = Check("closings", f"{{n}} hashes outside the database, in {path}, are those of the closes", "", "")
    # what the file lacks at its end the next close adds
    yield Outcome(check, said_outside.count(b"\n"), tuple(file_of_closings.compare(said_outside, closes)[0]))


def _guards_stand() -> Outcome:
    """Every trigger and function of sql/ is there, switched on, and says what its file says."""
    with connection.cursor() as c:
        c.execute("SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                  " WHERE c.relnamespace = 'public'::regnamespace AND t.tgenabled IN ('O', 'A')")
        there = set(c.fetchall())
        c.execute("SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        bodies = dict(c.fetchall())
    triggers, functions = install.triggers(), install.functions()
    wrong = [
        (f"{table}.{trigger}", "is missing or switched off") for table, trigger in sorted(triggers - there)]
    wrong += [
        (f"{name}()", "is not as in sql/") for name, body in functions.items() if bodies.get(name) != body]
    check = Check("guards", "{n} triggers and functions stand guard as written", "", "")
    return Outcome(check, len(triggers) + len(functions), tuple(wrong))


def _chart_is_current() -> Outcome:
    """The tables that the triggers read say what chart.py says."""
    with connection.cursor() as c:
        c.execute("SELECT source, target, reason FROM ledger_route")
        stored = {tuple(row) for row in c.fetchall()}
        c.execute("SELECT code, owned, floor_rule, counted, lots, assets, ceiling FROM ledger_kind")
        kinds = {tuple(row) for row in c.fetchall()}
    said = set(kind_rows())
    wrong = [(" > ".join(map(str, row[:2])), f"{row}: only in the table") for row in sorted(stored - ROUTES)]
    wrong += [(" > ".join(row[:2]), f"{row}: only in chart.py") for row in sorted(ROUTES - stored)]
    wrong += [(str(row[0]), "table and chart.py differ") for row in kinds ^ said]
    check = Check("chart", "{n} routes: the database refuses by the chart of this version", "", "")
    return Outcome(check, len(stored), tuple(wrong))


@contextmanager
def _snapshot() -> Iterator[None]:
    if connection.in_atomic_block:  # somebody else's transaction: as good as theirs is
        yield
        return
    with transaction.atomic(), connection.cursor() as c:
        c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # every check reads whole tables: row by row is never right, whatever statistics of emptier days say
        c.execute("SET LOCAL enable_nestloop = off")
        yield
