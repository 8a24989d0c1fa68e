"""The books for staff: to look at, never to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from portal.core import clock
from portal.core.ids import made_at
from portal.core.templatetags.suanli import time_text

from . import desk, overview, proof, words
from .models import Account, DayClose, Hold, Journal, Lot, Posting, Uncounted


class PostingInline(admin.TabularInline):
    model = Posting
    fields = ("to", "company", "amount_in_words")
    readonly_fields = fields
    extra = 0
    can_delete = False
    verbose_name_plural = _("Both sides")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Posting]:
        return super().get_queryset(request).select_related("account__owner")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("Account"))
    def to(self, posting: Posting) -> SafeString:
        return desk.account_link(posting.account)

    @admin.display(description=_("Company"))
    def company(self, posting: Posting) -> str | SafeString:
        return desk.company_link(posting.account.owner)

    @admin.display(description=_("In and out"))
    def amount_in_words(self, posting: Posting) -> str:
        return words.exact(posting.amount, posting.account.asset, signed=True)


@admin.register(Account)
class AccountAdmin(desk.Desk):
    list_display = ["name", "company", "balance", "reserved", "limit", "ref"]
    list_filter = ["kind", "asset"]
    list_select_related = ["owner"]
    search_fields = ["=public_id", "ref", "owner__name", "=owner__public_id"]
    search_help_text = _("company, or a full number")
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["name", "company", "balance_exact", "reserved", "limit", "journals"]}),
        desk.technical(
            "public_id", "kind", "asset", "ref", "posted", "held", "floor", "ceiling", "excess", "counted", "lots"
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        collected = Uncounted.objects.filter(account=OuterRef("pk")).order_by().values("account")
        found = super().get_queryset(request).select_related("owner")
        return found.annotate(collected=Subquery(collected.annotate(sum=Sum("amount")).values("sum")))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.trial_balance)
        prove = self.admin_site.admin_view(self.prove)
        return [
            path("trial-balance/", view, name="ledger_account_trial_balance"),
            path("prove/", prove, name="ledger_account_prove"),
            *super().get_urls(),
        ]

    def prove(self, request: HttpRequest) -> HttpResponse:
        """Prove the books now, and show what came of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            found = proof.remember(now=clock.now(), actor=f"user:{request.user.pk}")
            if found.wrong_count:
                self.message_user(request, _t("The books are wrong. See below."), messages.ERROR)
            else:
                self.message_user(request, _t("The books are right."), messages.SUCCESS)
        return redirect("admin:ledger_account_trial_balance")

    def trial_balance(self, request: HttpRequest) -> TemplateResponse:
        """Every kind of account of every asset, and whether each asset sums to zero."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": _t("Trial balance"), "now": clock.now(),
                   "assets": overview.trial_balance(), "books": overview.books(now=clock.now())}  # fmt: skip
        return TemplateResponse(request, "admin/ledger/trial_balance.html", context)

    @admin.display(description=_("Account"), ordering="kind")
    def name(self, account: Account) -> str:
        return words.name_of(account)

    @admin.display(description=_("Company"), ordering="owner__name")
    def company(self, account: Account) -> str | SafeString:
        return desk.company_link(account.owner)

    @admin.display(description=_("Balance"), ordering="posted")
    def balance(self, account: Any) -> str:
        return words.short(account.posted + (account.collected or 0), account.asset)

    @admin.display(description=_("Balance"))
    def balance_exact(self, account: Any) -> str:
        return words.exact(account.posted + (account.collected or 0), account.asset)

    @admin.display(description=_("Reserved of it"), ordering="held")
    def reserved(self, account: Account) -> str:
        return words.short(account.held, account.asset) if account.held else desk.NONE

    @admin.display(description=_("May go down to"))
    def limit(self, account: Account) -> str:
        return _t("without end") if account.floor is None else words.short(account.floor, account.asset)

    @admin.display(description=_("Movements"))
    def journals(self, account: Account) -> SafeString:
        moves = f"{reverse('admin:ledger_journal_changelist')}?postings__account__id__exact={account.pk}"
        holds = f"{reverse('admin:ledger_hold_changelist')}?account__id__exact={account.pk}"
        return format_html(
            '<a href="{}">{}</a> · <a href="{}">{}</a>', moves, _t("Every movement"), holds, _t("What was reserved")
        )


@admin.register(Journal)
class JournalAdmin(desk.Numbered):
    list_display = ["number", "happened", "recorded", "what", "out_of", "into", "amount", "company", "came_from"]
    list_filter = ["reason"]
    search_fields = ["=public_id", "=cause", "=key"]
    search_help_text = _(
        "the code as shown or the number in full, or what brought it about (order:ord_…); listed by when it was "
        "recorded, newest first"
    )
    ordering = ["-id"]
    inlines = [PostingInline]
    fieldsets = [
        (None, {"fields": ["what", "amount", "happened", "recorded", "company", "came_from", "why", "by", "reversal"]}),
        (_("What else belongs to it"), {"fields": ["others", "closed_with"]}),
        desk.technical("public_id", "key", "fingerprint", "cause", "memo"),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related("hold", "reverses")
            .prefetch_related("postings__account__owner")
        )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The movements of one account, or of all of a kind, are listed from their pages."""
        return lookup in overview.MOVES or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("code of the entry"))
    def number(self, journal: Journal) -> str:
        return journal.public_id[-6:].upper()

    @admin.display(description=_("Happened"), ordering="at")
    def happened(self, journal: Journal) -> str:
        return time_text(journal.at, "long")

    @admin.display(description=_("Recorded"), ordering="id")
    def recorded(self, journal: Journal) -> str:
        return time_text(made_at(journal.public_id), "long")

    @admin.display(description=_("What"), ordering="reason")
    def what(self, journal: Journal) -> str:
        return words.reason(journal.reason)

    @admin.display(description=_("Amount"))
    def amount(self, journal: Journal) -> str:
        return desk.moved(journal)

    @admin.display(description=_("Out of"))
    def out_of(self, journal: Journal) -> str:
        return desk.side(journal, -1)

    @admin.display(description=_("Into"))
    def into(self, journal: Journal) -> str:
        return desk.side(journal, 1)

    @admin.display(description=_("Company"))
    def company(self, journal: Journal) -> str | SafeString:
        owners = {p.account.owner_id: p.account.owner for p in journal.postings.all() if p.account.owner}
        if not owners:
            return desk.company_link(None)
        return format_html(", ".join(["{}"] * len(owners)), *(desk.company_link(o) for o in owners.values()))

    @admin.display(description=_("brought about by"))
    def came_from(self, journal: Journal) -> str | SafeString:
        return desk.cause_link(journal.cause, getattr(journal, "cause_name", None))

    @admin.display(description=_("Why"))
    def why(self, journal: Journal) -> str:
        return desk.given_reason(journal)

    @admin.display(description=_("Who"))
    def by(self, journal: Journal) -> str:
        return desk.signed(journal)

    @admin.display(description=_("Reversal"))
    def reversal(self, journal: Journal) -> str | SafeString:
        if journal.reverses:
            return format_html("{} {}", _t("This reverses"), desk.journal_link(journal.reverses))
        mirror = Journal.objects.filter(reverses=journal).first()
        return format_html("{} {}", _t("This was reversed:"), desk.journal_link(mirror)) if mirror else desk.NONE

    @admin.display(description=_("Movements"))
    def others(self, journal: Journal) -> str | SafeString:
        return desk.journals_of(journal.cause)

    @admin.display(description=_("Sealed with"))
    def closed_with(self, journal: Journal) -> str | SafeString:
        close = DayClose.objects.filter(last_journal_id__gte=journal.pk).order_by("number").first()
        return desk.close_link(close) if close else _t("not yet sealed")


@admin.register(Hold)
class HoldAdmin(desk.Numbered):
    list_display = ["number", "company", "where", "reserved", "left_over", "state", "came_from", "created_at"]
    list_filter = ["state"]
    list_select_related = ["account__owner"]
    search_fields = ["=public_id", "=cause", "=key", "=account__public_id"]
    search_help_text = _("the code as shown or the number in full, or what brought it about (order:ord_…)")
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["company", "where", "reserved", "charged", "gave_back", "left_over", "state",
                           "came_from", "created_at", "expires_at", "resolved_at"]}),
        (_("What else belongs to it"), {"fields": ["others"]}),
        desk.technical("public_id", "key", "resolve_key", "fingerprint", "cause"),
    ]  # fmt: skip

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.by_age)
        return [path("by-age/", view, name="ledger_hold_by_age"), *super().get_urls()]

    def by_age(self, request: HttpRequest) -> TemplateResponse:
        """What is reserved and open, by how long; nothing old goes unseen."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = clock.now()
        context = {**self.admin_site.each_context(request), "title": _t("Reserved, by age"), "now": now,
                   **overview.reserved(now=now)}  # fmt: skip
        return TemplateResponse(request, "admin/ledger/by_age.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        return super().get_queryset(request).select_related("account__owner")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "account__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("code of the reservation"))
    def number(self, hold: Hold) -> str:
        return hold.public_id[-6:].upper()

    @admin.display(description=_("Company"), ordering="account__owner__name")
    def company(self, hold: Hold) -> str | SafeString:
        return desk.company_link(hold.account.owner)

    @admin.display(description=_("Account"))
    def where(self, hold: Hold) -> SafeString:
        return desk.account_link(hold.account)

    @admin.display(description=_("Reserved"), ordering="amount")
    def reserved(self, hold: Hold) -> str:
        return words.exact(hold.amount, hold.account.asset)

    @admin.display(description=_("Charged"))
    def charged(self, hold: Hold) -> str:
        return words.exact(hold.settled, hold.account.asset)

    @admin.display(description=_("Went back"))
    def gave_back(self, hold: Hold) -> str:
        return words.exact(hold.released, hold.account.asset)

    @admin.display(description=_("Reserved now"))
    def left_over(self, hold: Hold) -> str:
        return words.short(hold.left, hold.account.asset) if hold.left else desk.NONE

    @admin.display(description=_("brought about by"))
    def came_from(self, hold: Hold) -> str | SafeString:
        return desk.cause_link(hold.cause, getattr(hold, "cause_name", None))

    @admin.display(description=_("Movements"))
    def others(self, hold: Hold) -> str | SafeString:
        return desk.journals_of(hold.cause)


@admin.register(Lot)
class LotAdmin(desk.Desk):
    list_display = ["number", "company", "hours", "hours_left", "came_from", "expires_at"]
    list_select_related = ["account__owner"]
    search_fields = ["=public_id", "=origin", "=account__public_id"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["company", "where", "hours", "hours_left", "pinned_in_words", "came_from", "expires_at"]}),
        desk.technical("public_id", "origin", "quantity", "remaining", "pinned"),
    ]

    @admin.display(description=_("code of the lot"))
    def number(self, lot: Lot) -> str:
        return lot.public_id[-6:].upper()

    @admin.display(description=_("Company"))
    def company(self, lot: Lot) -> str | SafeString:
        return desk.company_link(lot.account.owner)

    @admin.display(description=_("Account"))
    def where(self, lot: Lot) -> SafeString:
        return desk.account_link(lot.account)

    @admin.display(description=_("Amount"), ordering="quantity")
    def hours(self, lot: Lot) -> str:
        return words.exact(lot.quantity, lot.account.asset)

    @admin.display(description=_("left"), ordering="remaining")
    def hours_left(self, lot: Lot) -> str:
        return words.exact(lot.remaining, lot.account.asset)

    @admin.display(description=_("Reserved of it"))
    def pinned_in_words(self, lot: Lot) -> str:
        return words.exact(lot.pinned, lot.account.asset)

    @admin.display(description=_("brought about by"))
    def came_from(self, lot: Lot) -> str | SafeString:
        return desk.cause_link(lot.origin, getattr(lot, "cause_name", None))


@admin.register(DayClose)
class DayCloseAdmin(desk.Desk):
    list_display = ["sealed_at", "number", "entries", "lines", "hash"]
    list_display_links = ["sealed_at", "number"]
    ordering = ["-number"]
    change_form_template = "admin/ledger/dayclose.html"
    fieldsets = [
        (None, {"fields": ["number", "entries", "lines", "earliest_at", "latest_at"]}),
        (_("What moved, and the balances at the moment of the seal"), {"fields": ["by_kind"]}),
        (_("The seal"), {"fields": ["hash", "previous_hash", "meaning"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DayClose]:
        before = DayClose.objects.filter(number=OuterRef("number") - 1)
        return super().get_queryset(request).annotate(after=Subquery(before.values("last_journal_id")))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Called by the moment of its seal: what it sealed is not the business of one day."""
        close = DayClose.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        seen: dict[str, Any] = {"title": _("Seal of the books")}
        if close is not None:
            seen |= {"subtitle": time_text(close.closed_at, "long"), "close": close, "sealed": overview.sealed(close),
                     "compared": overview.compared(close)}
        return super().change_view(request, object_id, form_url, {**seen, **(extra_context or {})})

    @admin.display(description=_("Sealed"), ordering="closed_at")
    def sealed_at(self, close: DayClose) -> str:
        return time_text(close.closed_at, "long")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/verify/", view(self.verify), name="ledger_dayclose_verify"),
            path("<int:pk>/proof/", view(self.proof_page), name="ledger_dayclose_proof"),
            *super().get_urls(),
        ]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:ledger_dayclose_change", object_id)  # it is never changed

    def verify(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Hash its rows again, compare the file of closings, prove the books; keep what came of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        close = get_object_or_404(DayClose, pk=pk)
        if request.method == "POST":
            found = proof.remember(now=clock.now(), actor=f"user:{request.user.pk}", close=close)
            if found.wrong_count:
                told = "; ".join(f"{subject}: {saying}" for _check, subject, saying in found.wrong[:3])
                self.message_user(request, _t("Not as it was closed: {what}").format(what=told), messages.ERROR)
            else:
                self.message_user(request, _t("Everything is as it was closed."), messages.SUCCESS)
        return redirect("admin:ledger_dayclose_change", pk)

    def proof_page(self, request: HttpRequest, pk: int) -> TemplateResponse:
        """For an auditor, on paper: figures, hashes, and what was compared just now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        close = get_object_or_404(self.get_queryset(request), pk=pk)
        context = {**self.admin_site.each_context(request), "title": _t("Proof of a close"), "close": close,
                   "now": clock.now(), "evidence": overview.evidence(close), "sealed": overview.sealed(close),
                   "totals": overview.totals_table(close)}  # fmt: skip
        return TemplateResponse(request, "admin/ledger/close_proof.html", context)

    @admin.display(description=_("Entries"), ordering="journals")
    def entries(self, close: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', overview.entries_url(close), f"{close.journals:,}")

    @admin.display(description=_("Lines"), ordering=F("postings"))
    def lines(self, close: DayClose) -> str:
        return f"{close.postings:,}"

    @admin.display(description=_("By kind of account"))
    def by_kind(self, close: Any) -> SafeString:
        return overview.totals_table(close)

    @admin.display(description=_("What it proves"))
    def meaning(self, close: DayClose) -> str:
        return _t(
            "The hash is computed from every entry, line and balance of this close and from the hash before it. "
            "It also stands in a file outside the database; the full check of the books compares them."
        )
