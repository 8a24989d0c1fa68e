"""How the staff's tables of money read: amounts in yuan, companies by name, and links both ways.

Rooms above use it for their own tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Organisation
from portal.accounts.queries import people_by_actor
from portal.core.templatetags.suanli import time_text
from portal.core.words import joined
from portal.history.models import Step
from portal.history.words import names_of, others_of, signers_of, who_of

from . import words
from .models import Account, DayClose, Journal

NONE = "–"
SHOWN = 6  # characters of a number, its last
# what brings movements about, in words; its page is found by a room above (admin:cause)
CAUSES = {
    "order": _("Order"),
    "topup": _("Top-up"),
    "withdrawal": _("Withdrawal to the bank"),
    "organisation": _("Registration of the company"),
    "slotclose": _("An hour of a deposit, settled"),
    "deposit": _("Deposit"),
    "payout": _("Payout"),
    "application": _("Loan application"),
    "loan": _("Loan"),
    "lease": _("Set aside for model calls"),
    "calls": _("Model calls"),
}
TECHNICAL = _("Technical: keys and stored numbers, for whoever maintains the program")
# what Django would call them by the names of their columns
LABELS = {
    "public_id": _("full number"),
    "key": _("key: a second request with it does nothing"),
    "resolve_key": _("key of the end"),
    "fingerprint": _("fingerprint: tells a repetition from a mix-up"),
    "asset": _("kept in"),
    "ref": _("which one, where there are several"),
    "counted": _("every movement updates the balance at once"),
    "lots": _("consists of parts that expire"),
    "cause": _("brought about by, as stored"),
    "memo": _("remarks, as stored"),
    "floor": _("lowest balance, micro-yuan or card-milliseconds"),
    "ceiling": _("highest balance, as stored"),
    "posted": _("balance, as stored"),
    "held": _("reserved, as stored"),
    "excess": _("how far below the lowest balance it was when that was set"),
    "lines": _("lines, as stored"),
    "kind": _("kind, as stored"),
    "origin": _("brought about by, as stored"),
    "quantity": _("amount, as stored"),
    "remaining": _("left, as stored"),
    "pinned": _("reserved, as stored"),
}


class Named(ChangeList):
    """A page of rows with the names of what brought them about; one query for those of each kind."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        causes = [getattr(row, "cause", "") or getattr(row, "origin", "") for row in self.result_list]
        names = names_of(causes)
        for row, cause in zip(self.result_list, causes, strict=True):
            row.cause_name = names.get(cause, "")


class Desk(admin.ModelAdmin):
    """To look at, search and follow; never to change."""

    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Named

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Numbered(Desk):
    """What tables call by the last six characters of its number is found by them."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        shown = search_term.strip().lower()
        if len(shown) == SHOWN and shown.isascii() and shown.isalnum():
            return queryset.filter(public_id__endswith=shown), False
        return super().get_search_results(request, queryset, search_term)


def technical(*names: str) -> Any:
    """A folded part with the columns as they are stored, each with words."""
    fields = [stored(name) if name in LABELS else name for name in names]
    return (TECHNICAL, {"classes": ["collapse"], "fields": fields})


def stored(name: str) -> Any:
    """A column under words of this desk; the model's own stand for those that need no others."""

    @admin.display(description=LABELS[name])
    def show(obj: Any) -> Any:
        value = getattr(obj, name)
        return NONE if value is None or value == "" else value if isinstance(value, bool) else str(value)

    show.__name__ = name
    return show


def cause_link(cause: str, name: str | None = None) -> str | SafeString:
    """`Order 2611-00113`, a link to it where a room above knows the way. `name`: where it was looked up already."""
    kind, _colon, public_id = cause.partition(":")
    if kind not in CAUSES:
        return cause
    if name is None:
        name = names_of([cause]).get(cause)
    name = name or public_id[-6:].upper()
    try:
        url = reverse("admin:cause", args=[cause])
    except NoReverseMatch:
        return f"{CAUSES[kind]} {name}"
    return format_html('<a href="{}">{} {}</a>', url, CAUSES[kind], name)


def company_link(owner: Organisation | None) -> str | SafeString:
    if owner is None:
        return _t("the platform")
    try:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:accounts_organisation_money", args=[owner.pk]), owner.name
        )
    except NoReverseMatch:
        return owner.name


def account_link(account: Account) -> SafeString:
    url = reverse("admin:ledger_account_change", args=[account.pk])
    return format_html('<a href="{}">{}</a>', url, words.name_of(account))


def journal_link(journal: Journal | None) -> str | SafeString:
    if journal is None:
        return NONE
    url = reverse("admin:ledger_journal_change", args=[journal.pk])
    return format_html('<a href="{}">{}</a>', url, journal.public_id[-6:].upper())


def close_link(close: DayClose) -> SafeString:
    url = reverse("admin:ledger_dayclose_change", args=[close.pk])
    return format_html('<a href="{}">{}</a>', url, time_text(close.closed_at, "long"))


def journals_of(cause: str) -> str | SafeString:
    """Every movement of one thing, oldest first, each a link to both its sides."""
    rows = Journal.objects.filter(cause=cause).prefetch_related("postings__account").order_by("id")[:50]
    found = [(time_text(j.at, "long"), words.reason(j.reason), moved(j), journal_link(j)) for j in rows]
    if not found:
        return NONE
    return format_html(
        '<ul class="desk-list">{}</ul>', format_html_join("", "<li>{}: {}, {}, {}</li>", found)
    )


def moved(journal: Journal) -> str:
    """How much a journal moved, each asset once."""
    sums: dict[str, int] = {}
    for posting in journal.postings.all():
        if posting.amount > 0:
            asset = posting.account.asset
            sums[asset] = sums.get(asset, 0) + posting.amount
    return joined(words.short(total, asset) for asset, total in sums.items())


def side(journal: Journal, sign: int) -> str:
    """The kinds of account that a journal moved out of (−1) or into (+1)."""
    kinds = dict.fromkeys(p.account.kind for p in journal.postings.all() if p.amount * sign > 0)
    return joined(words.kind(kind) for kind in kinds)


def who(actor: str) -> str:
    """The person behind `user:12`; a program's own name otherwise."""
    return who_of(actor, people_by_actor([Step(actor=actor)])) if actor else _t("the program")


def behind(journal: Journal) -> Step | None:
    """The step of a person that moved this money: of what brought it about, at the same instant. One query."""
    if journal.cause.startswith("organisation:"):  # a registration brings a gift, which nobody decided
        return None
    same = Step.objects.filter(subject=journal.cause, at=journal.at, actor__startswith="user:")
    return same.order_by("id").last()


def signed(journal: Journal) -> str:
    """Who entered it and who confirmed it; the program where no person did."""
    step = behind(journal)
    if step is None:
        return who(journal.actor)
    return signers_of(step, people_by_actor([step, *others_of([step])]))


def given_reason(journal: Journal) -> str:
    """What a person wrote when it was moved."""
    step = behind(journal)
    return journal.memo.get("why", "") or (step.params.get("text", "") if step else "") or NONE


def steps_of(
    subject: str, names: dict[str, Any], author_of: Callable[[Step], str] = lambda step: step.actor
) -> str | SafeString:
    """Every step: when, what (in the words of `names`), who, why; with the author of a reason that another wrote."""
    steps = list(Step.objects.filter(subject=subject).order_by("id")[:50])
    people = people_by_actor([*steps, *(Step(actor=author_of(step)) for step in steps)])

    def why(step: Step) -> str:
        text, author = step.params.get("text", ""), author_of(step)
        if not text or author == step.actor:
            return text
        return _t("{person}: {text}").format(person=who_of(author, people), text=text)

    rows = [
        (
            time_text(s.at, "long"),
            names.get(s.reason) or names.get(s.after, s.after),
            who_of(s.actor, people),
            why(s),
        )
        for s in steps
    ]
    heads = (_t("When"), _t("What"), _t("Who"), _t("Why"))
    return format_html(
        '<table class="desk-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", '<th scope="col">{}</th>', ((h,) for h in heads)),
        format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
    )
