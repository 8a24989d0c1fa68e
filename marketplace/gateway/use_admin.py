"""Staff: keys that call models, calls, their sums by day and money lent to the gateway; to look at, never to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from bank.ledger import desk
from portal.core.words import yuan

from . import key_words, use_queries
from .models import AccessKey, Call, DailyUse, Lease


class OfCompany(desk.Desk):
    """Rows of one company, with a link to it."""

    @admin.display(description=_("Company"), ordering="organisation__name")
    def company(self, row: Any) -> str | SafeString:
        return desk.company_link(row.organisation)

    @admin.display(description=_("Charged, yuan"), ordering="charge_uy")
    def charged(self, row: Any) -> str:
        return yuan(row.charge_uy, exact=True)

    @admin.display(description=_("Tokens"))
    def tokens(self, row: Any) -> str:
        return f"{row.tokens:,}"


@admin.register(AccessKey)
class AccessKeyAdmin(OfCompany):
    list_display = ["name", "public_id", "company", "user", "last_used_at", "revoked_at"]
    list_select_related = ["organisation", "user"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["=public_id", "name", "organisation__name", "user__email"]
    search_help_text = _("company, person, name, or a full number")
    ordering = ["-id"]
    fields = ["public_id", "company", "user", "name", "may", "created_by", "created_at", "expires_at", "revoked_at",
              "last_used_at"]  # fmt: skip

    @admin.display(description=_("What it may do"))
    def may(self, key: AccessKey) -> str:
        return " · ".join(key_words.limits(key, use_queries.names_of_preferences([key])))


@admin.register(Call)
class CallAdmin(OfCompany):
    list_display = ["request_id", "received_at", "company", "model", "provider", "tokens", "charged", "end", "status"]
    list_select_related = ["organisation", "model", "endpoint__provider"]
    list_filter = ["end", "estimated", "door"]
    search_fields = ["=request_id", "=key__public_id", "organisation__name", "=model__slug"]
    search_help_text = _("company, model, or a full number of a call or a key")
    ordering = ["-id"]
    fields = ["request_id", "company", "key", "model", "provider", "door", "stream", "received_at", "first_ms",
              "total_ms", "end", "status", "estimated", "input_tokens", "cached_tokens", "cache_write_tokens",
              "output_tokens", "reasoning_tokens", "pack_tokens", "charged", "reserved", "borne", "prices", "attempts",
              "entry"]  # fmt: skip

    @admin.display(description=_("Provider"))
    def provider(self, call: Call) -> str | SafeString:
        return desk.company_link(call.endpoint.provider) if call.endpoint else desk.NONE

    @admin.display(description=_("Reserved, yuan"))
    def reserved(self, call: Call) -> str:
        return yuan(call.reserved_uy, exact=True)

    @admin.display(description=_("Borne by the platform, yuan"))
    def borne(self, call: Call) -> str:
        return yuan(call.uncovered_uy, exact=True)

    @admin.display(description=_("Entry in the books"))
    def entry(self, call: Call) -> str | SafeString:
        return desk.journal_link(use_queries.entry_of(call))


@admin.register(DailyUse)
class DailyUseAdmin(OfCompany):
    list_display = ["day", "company", "key", "model", "calls", "failed", "tokens", "charged"]
    list_select_related = ["organisation", "key", "model", "endpoint__provider", "endpoint__model"]
    list_filter = ["model"]
    date_hierarchy = "day"
    search_fields = ["organisation__name", "=key__public_id", "=model__slug"]
    search_help_text = _("company, model, or the full number of a key; days are UTC")
    ordering = ["-day", "-id"]


@admin.register(Lease)
class LeaseAdmin(OfCompany):
    list_display = ["public_id", "company", "asset", "lent", "state", "created_at", "closing_at"]
    list_select_related = ["organisation", "hold__account"]
    list_filter = ["state"]
    search_fields = ["=public_id", "organisation__name", "=hold__public_id", "=epoch"]
    search_help_text = _("company, or a full number")
    ordering = ["-id"]
    fields = ["public_id", "company", "asset", "lent", "hold", "epoch", "state", "created_at", "closing_at"]

    @admin.display(description=_("Still set aside"))
    def lent(self, lease: Lease) -> str:
        return desk.words.exact(lease.hold.left, lease.hold.account.asset)
