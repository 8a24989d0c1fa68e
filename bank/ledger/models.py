"""The books: accounts, holds on them, journals of postings, and lots (parts that expire).

The database itself keeps the balances and refuses what must not be (sql/guards.sql):
floors, zero sum, routes, immutability. Rows are written only by `actions`.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Organisation

from .chart import Kind, Reason

# bounds keep every sum of one journal inside a bigint: 500 × 10^16 < 9.2 × 10^18
AMOUNT_MAX = 10**16
LEGS_MAX = 500


class Account(models.Model):
    """One balance in one asset.

    posted: Σ postings (of accounts that are not `counted`: of those already rolled up).
    held: Σ what open holds reserve. available = posted − held − floor.
    excess: how far below a floor the account already was when the floor was changed; it only shrinks.
    """

    public_id = models.CharField(_("reference"), max_length=40, editable=False)
    owner = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    asset = models.CharField(_("counted in"), max_length=24)
    ref = models.CharField(
        _("which one"), max_length=60, blank=True, help_text="which one, where an owner has several"
    )
    floor = models.BigIntegerField(_("lowest balance"), null=True)
    ceiling = models.BigIntegerField(_("highest balance"), null=True)
    posted = models.BigIntegerField(_("balance"), default=0)
    held = models.BigIntegerField(_("set aside"), default=0)
    excess = models.BigIntegerField(_("below the lowest balance"), default=0)
    counted = models.BooleanField(_("balance kept with each entry"), default=True)
    lots = models.BooleanField(_("kept in lots"), default=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="account_public_id"),
            models.UniqueConstraint(fields=["owner", "kind", "asset", "ref"], nulls_distinct=False,
                                    name="ledger_one_account"),
            models.CheckConstraint(condition=Q(posted__gte=F("floor") + F("held") - F("excess")),
                                   name="ledger_floor"),
            models.CheckConstraint(condition=Q(posted__lte=F("ceiling")), name="ledger_ceiling"),
            models.CheckConstraint(condition=Q(held__gte=0) & Q(excess__gte=0), name="ledger_held_positive"),
            models.CheckConstraint(condition=Q(counted=True) | Q(floor=None, ceiling=None, held=0),
                                   name="ledger_uncounted_has_no_floor"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.asset} {self.public_id}"


class Hold(models.Model):
    """Reserves a part of an account until it is settled (in steps or whole), released or expires."""

    class State(models.TextChoices):
        OPEN = "open", _("reserved")
        SETTLED = "settled", _("charged")
        RELEASED = "released", _("released")
        EXPIRED = "expired", _("expired")

    public_id = models.CharField(_("reference"), max_length=40, editable=False)
    key = models.CharField(_("key against repetition"), max_length=200)
    fingerprint = models.CharField(_("fingerprint"), max_length=32)
    account = models.ForeignKey(
        Account, verbose_name=_("account"), on_delete=models.PROTECT, related_name="holds", db_index=False
    )
    amount = models.BigIntegerField(_("amount"))
    settled = models.BigIntegerField(_("charged"), default=0)
    released = models.BigIntegerField(_("given back"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    cause = models.CharField(_("brought about by"), max_length=80)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("over since"), null=True, blank=True)
    resolve_key = models.CharField(_("key of its end"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("amount set aside")
        verbose_name_plural = _("amounts set aside")
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="hold_public_id"),
            models.UniqueConstraint(fields=["key"], name="hold_key"),
            models.CheckConstraint(condition=Q(amount__gt=0) & Q(amount__lte=AMOUNT_MAX), name="hold_amount"),
            models.CheckConstraint(
                condition=Q(settled__gte=0, released__gte=0, amount__gte=F("settled") + F("released")),
                name="hold_within"),
            models.CheckConstraint(
                condition=Q(state="open", resolved_at=None, amount__gt=F("settled") + F("released"))
                | (~Q(state="open") & Q(resolved_at__isnull=False, amount=F("settled") + F("released"))),
                name="hold_resolved"),
            models.UniqueConstraint(
                fields=["resolve_key"], condition=~Q(resolve_key=""), name="hold_resolve_key"),
        ]
        indexes = [
            models.Index(fields=["account", "id"], condition=Q(state="open"), name="hold_open"),
            models.Index(fields=["expires_at", "id"], condition=Q(state="open"), name="hold_due"),
            models.Index(fields=["cause", "id"], name="hold_cause"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def left(self) -> int:
        """What is still reserved."""
        return self.amount - self.settled - self.released


class Journal(models.Model):
    """One movement: two or more postings that sum to zero in each asset. Never changed, never deleted."""

    public_id = models.CharField(_("reference"), max_length=40, editable=False)
    key = models.CharField(_("key against repetition"), max_length=200)
    fingerprint = models.CharField(
        _("fingerprint"), max_length=32, help_text="tells a repetition of a key from a mix-up"
    )
    reason = models.CharField(_("reason"), max_length=24, choices=Reason)
    cause = models.CharField(
        _("brought about by"), max_length=80, help_text="type:public_id of what brought it about"
    )
    at = models.DateTimeField(_("when"))
    actor = models.CharField(_("who"), max_length=80, blank=True)
    memo = models.JSONField(_("remarks"), default=dict, blank=True)
    hold = models.ForeignKey(Hold, verbose_name=_("set aside before"), on_delete=models.PROTECT, null=True, blank=True,
                             related_name="journals", db_index=False)
    reverses = models.ForeignKey(
        "self", verbose_name=_("reverses"), on_delete=models.PROTECT, null=True, blank=True, related_name="reversals",
        db_index=False)

    class Meta:
        verbose_name = _("entry in the books")
        verbose_name_plural = _("entries in the books")
        # unique=True would bring a second index for LIKE, and most journals reverse nothing
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="journal_public_id"),
            models.UniqueConstraint(fields=["key"], name="journal_key"),
            models.UniqueConstraint(
                fields=["reverses"], condition=Q(reverses__isnull=False), name="journal_reversed_once"),
        ]
        indexes = [
            models.Index(fields=["cause", "id"], name="journal_cause"),
            models.Index(fields=["hold"], condition=Q(hold__isnull=False), name="journal_hold"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Posting(models.Model):
    """An amount into (+) or out of (−) an account. Never changed, never deleted.

    That its journal and its account are there is asked by ledger_posted, of all lines of a statement at once.
    """

    journal = models.ForeignKey(Journal, verbose_name=_("entry in the books"), on_delete=models.PROTECT,
                                related_name="postings", db_constraint=False)
    account = models.ForeignKey(Account, verbose_name=_("account"), on_delete=models.PROTECT, related_name="postings",
                                db_index=False, db_constraint=False)
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("line of an entry")
        verbose_name_plural = _("lines of entries")
        indexes = [models.Index(fields=["account", "id"], name="posting_account")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(amount=0) & Q(amount__gte=-AMOUNT_MAX) & Q(amount__lte=AMOUNT_MAX),
                name="posting_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} → {self.account_id}"


class Uncounted(models.Model):
    """What went into an account without floor since the last roll-up; its balance = posted + Σ these."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="uncounted", db_constraint=False)
    amount = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.amount:+d} → {self.account_id}"


class Lot(models.Model):
    """A part of a balance with an origin and an expiry of its own. Σ remaining of an account = posted."""

    public_id = models.CharField(_("reference"), max_length=40, editable=False)
    account = models.ForeignKey(
        Account, verbose_name=_("account"), on_delete=models.PROTECT, related_name="lot_rows", db_index=False
    )
    origin = models.CharField(
        _("came from"), max_length=80, help_text="type:public_id of what it was earned or bought with"
    )
    quantity = models.BigIntegerField(_("quantity"))
    remaining = models.BigIntegerField(_("left"), default=0)
    pinned = models.BigIntegerField(
        _("set aside"), default=0, help_text="reserved by holds: does not expire while it is"
    )
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        verbose_name = _("lot of banked hours")
        verbose_name_plural = _("lots of banked hours")
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="lot_public_id"),
            models.CheckConstraint(
                condition=Q(pinned__gte=0) & Q(remaining__gte=F("pinned")) & Q(quantity__gte=F("remaining")),
                name="lot_within"),
        ]
        indexes = [
            models.Index(
                fields=["account", "expires_at", "id"], condition=Q(remaining__gt=0), name="lot_open"),
            models.Index(fields=["expires_at", "id"], condition=Q(remaining__gt=F("pinned")), name="lot_due"),
        ]

    def __str__(self) -> str:
        return self.public_id


class LotEntry(models.Model):
    """Which part of a posting went into or came out of which lot. Never changed, never deleted."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="entries")
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="lot_entries")
    amount = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.amount:+d} → {self.lot_id}"


class LotPin(models.Model):
    """Which part of a lot a hold reserves; `amount` shrinks as the hold is settled or released."""

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="pins")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="pins")
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="pin_positive"),
            models.UniqueConstraint(fields=["hold", "lot"], name="one_pin"),
        ]

    def __str__(self) -> str:
        return f"{self.hold_id}: {self.amount} of {self.lot_id}"


class DayClose(models.Model):
    """Seals what was recorded since the close before it: everything up to these ids, and its hash.

    Ids and not `at` say what belongs to a day: nothing is refused because its day was closed.
    Never changed, never deleted; the hash also stands outside the database (closings.py).
    """

    number = models.PositiveIntegerField(_("number"), primary_key=True)
    day = models.DateField(_("day"), help_text="closed up to the end of this day of the platform's zone")
    last_journal_id = models.BigIntegerField(_("last entry"))
    last_posting_id = models.BigIntegerField(_("last line"))
    last_lotentry_id = models.BigIntegerField(_("last part of a lot"))
    journals = models.BigIntegerField(_("entries"))
    postings = models.BigIntegerField(_("lines"))
    lotentries = models.BigIntegerField(_("parts of lots"))
    earliest_at = models.DateTimeField(_("earliest entry"), null=True, help_text="of what this close sealed")
    latest_at = models.DateTimeField(_("latest entry"), null=True, help_text="of everything sealed up to here")
    totals = models.JSONField(_("totals"), help_text="asset -> kind -> [in, out, balance after it]")
    previous_hash = models.CharField(_("hash before it"), max_length=64, blank=True)
    hash = models.CharField(_("hash"), max_length=64)
    closed_at = models.DateTimeField(_("closed"))

    class Meta:
        verbose_name = _("seal of the books")
        verbose_name_plural = _("seals of the books")
        constraints = [models.UniqueConstraint(fields=["day"], name="dayclose_day")]

    def __str__(self) -> str:
        return f"{self.number}: {self.day.isoformat()}"


class Proof(models.Model):
    """What the quick proof of the books found, and when; the newest says whether they are right today."""

    at = models.DateTimeField(_("proved"))
    looked_at = models.BigIntegerField(_("things looked at"))
    wrong = models.JSONField(_("what is wrong"), default=list, help_text="[[check, subject, saying]], the first ones")
    wrong_count = models.PositiveIntegerField(_("how many are wrong"), default=0)
    actor = models.CharField(_("who"), max_length=80)
    seen = models.JSONField(
        _("what was looked at"), default=dict, blank=True,
        help_text="parts: [[check, how many]]; journal: the last entry then; closings: lines of the file, null without"
        " one; closings_wrong: how many of them differ; close: the one whose rows were hashed again",
    )  # fmt: skip

    class Meta:
        verbose_name = _("proof of the books")
        verbose_name_plural = _("proofs of the books")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.at:%F %T}: {self.wrong_count}"


class Checkpoint(models.Model):
    """The balance of an account at a close; only of accounts that moved since the close before it."""

    close = models.ForeignKey(DayClose, on_delete=models.PROTECT, related_name="checkpoints")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="checkpoints", db_index=False)
    posted = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "close"], name="one_checkpoint")]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.close_id}: {self.posted}"


class KindRow(models.Model):
    """The chart as PostgreSQL's triggers read it; written by `sync_chart` only."""

    code = models.CharField(max_length=24, primary_key=True)
    owned = models.BooleanField()
    floor_rule = models.CharField(max_length=8)
    counted = models.BooleanField()
    lots = models.BooleanField()
    assets = models.CharField(max_length=8, blank=True)
    ceiling = models.BigIntegerField(null=True)

    class Meta:
        db_table = "ledger_kind"

    def __str__(self) -> str:
        return self.code


class Route(models.Model):
    """Which kind of account may pay which, for which reason; written by `sync_chart` only."""

    source = models.CharField(max_length=24)
    target = models.CharField(max_length=24)
    reason = models.CharField(max_length=24)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "target", "reason"], name="ledger_one_route"),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}: {self.reason}"
