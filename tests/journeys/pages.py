"""Every page of the site by its URL name: who opens it, where, and what must be pressed to come to it.

A new URL fails tests/journeys/test_every_page.py until it stands here: in VISITS, or in EXEMPT with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.urls import get_resolver

NOBODY, BUYER, FACTORY, LENDER, STAFF = "", "buyer", "factory", "lender", "staff"
NEWCOMER = "nobody"  # signed in, without a company


@dataclass(frozen=True)
class Visit:
    """`{name}` in the path is a thing of stage.py. `press` is clicked, after `fill`, to come to the page."""

    who: str
    path: str
    press: str = ""
    fill: dict[str, str] = field(default_factory=dict)
    status: int = 200


def buyer(path: str, press: str = "", **fill: str) -> Visit:
    return Visit(BUYER, f"/c/jiangnan/{path}", press, fill)


def factory(path: str, press: str = "", **fill: str) -> Visit:
    return Visit(FACTORY, f"/c/yongli/{path}", press, fill)


def lender(path: str, press: str = "", **fill: str) -> Visit:
    return Visit(LENDER, f"/c/harbour/{path}", press, fill)


def anybody(path: str) -> tuple[Visit, ...]:
    """A page that differs for who is signed in."""
    return Visit(NOBODY, path), Visit(BUYER, path)


def public(path: str) -> Visit:
    return Visit(NOBODY, path)


def staff(path: str) -> Visit:
    return Visit(STAFF, f"/admin/{path}")


def to(name: str) -> str:
    """The button of the form that leads there."""
    return f'main form[action*="/{name}/"] button'


VISITS: dict[str, tuple[Visit, ...]] = {
    # portal
    "home:front": anybody("/"),
    "home:figures": (public("/figures/"),),
    "gateway:rankings": (public("/rankings/"), public("/rankings/?table=countries")),
    "home:earn": (public("/earn/"), Visit(FACTORY, "/earn/")),
    "home:help": (public("/help/"), Visit(BUYER, "/help/")),
    "home:dashboard": (Visit(BUYER, "/dashboard/"), Visit(FACTORY, "/dashboard/"), Visit(LENDER, "/dashboard/")),
    "api:docs": (public("/api/v1/docs/"),),
    "account_login": (Visit(NOBODY, "/accounts/login/"),),
    "account_signup": (Visit(NOBODY, "/accounts/signup/"),),
    "account_logout": (Visit(BUYER, "/accounts/logout/"),),
    "account_inactive": (Visit(NOBODY, "/accounts/inactive/"),),
    "account_reauthenticate": (Visit(BUYER, "/accounts/reauthenticate/"),),
    "account_email": (Visit(BUYER, "/accounts/email/"),),
    "account_email_verification_sent": (Visit(NOBODY, "/accounts/confirm-email/"),),
    "account_confirm_email": (Visit(NOBODY, "/accounts/confirm-email/no-such-key/"),),
    "account_change_password": (Visit(BUYER, "/accounts/password/change/"),),
    "account_reset_password": (Visit(NOBODY, "/accounts/password/reset/"),),
    "account_reset_password_done": (Visit(NOBODY, "/accounts/password/reset/done/"),),
    "account_reset_password_from_key": (Visit(NOBODY, "/accounts/password/reset/key/1-no-such-key/"),),
    "account_reset_password_from_key_done": (Visit(NOBODY, "/accounts/password/reset/key/done/"),),
    "accounts:register": (Visit(NEWCOMER, "/register/"),),
    "accounts:join": (Visit(STAFF, "/join/{join}/"), Visit(BUYER, "/join/inv_none/none/", status=410)),
    "accounts:you": (Visit(BUYER, "/you/"), Visit(NEWCOMER, "/you/")),
    "accounts:company": (buyer(""),),
    "accounts:edit": (buyer("edit/"),),
    "accounts:people": (buyer("people/"),),
    "accounts:remove_member": (buyer("people/", "details.open summary >> nth=0", **{"": to("remove")}),),
    "accounts:keys": (buyer("keys/"),),
    "accounts:revoke_key": (buyer("keys/", to("revoke")),),
    # marketplace
    "catalogue:shop": (public("/shop/"),),
    "catalogue:industry": (public("/industry/catering/"),),
    "catalogue:search": (public("/search/?q=forecast"), Visit(NOBODY, "/search/?q=nothingofthekind")),
    "catalogue:compare": (public("/compare/?p=cat-fc&p=ret-fc"),),
    "catalogue:offerings": (factory("offerings/"), buyer("offerings/")),
    "catalogue:offering_new": (factory("offerings/new/"),),
    "catalogue:offering": (factory("offerings/{draft}/"), factory("offerings/{offering}/")),
    "dispatch:listing": (factory("offerings/{draft}/where/"),),
    "catalogue:offering_preview": (factory("offerings/{draft}/preview/"),),
    "catalogue:offering_price": (factory("offerings/{draft}/", 'button[name="try"]'),),
    "catalogue:offering_step": (factory("offerings/{draft}/archive/"),),
    "gateway:models": (public("/models/"), public("/models/?q=nothingofthekind")),
    "gateway:model": (public("/models/stage-chat/"),),
    "gateway:endpoints": (factory("models/"), buyer("models/")),
    "gateway:endpoint_new": (factory("models/new/"), buyer("models/new/")),
    "gateway:endpoint": (factory("models/{model_draft}/"), factory("models/{model}/")),
    "gateway:endpoint_preview": (factory("models/{model_draft}/preview/"),),
    "gateway:endpoint_price": (factory("models/{model_draft}/", 'button[name="try"]'),),
    "gateway:endpoint_step": (factory("models/{model_draft}/archive/"),),
    "gateway:keys": (buyer("model-keys/"), factory("model-keys/")),
    "gateway:new_key": (buyer("model-keys/new/"), buyer("model-keys/new/", "main form button", name="till")),
    "gateway:key": (buyer("model-keys/{model_key}/"),),
    "gateway:key_limits": (buyer("model-keys/{model_key}/limits/"),),
    "gateway:revoke_key": (buyer("model-keys/{model_key}/revoke/"),),
    "gateway:use": (buyer("model-use/"), factory("model-use/")),
    "gateway:calls": (buyer("model-use/calls/"),),
    "gateway:call": (buyer("model-use/{model_call}/"),),
    "orders:package": (*anybody("/p/cat-fc/"), Visit(NOBODY, "/p/sof-core/")),
    "orders:sample": (Visit(NOBODY, "/try/{sample}/"),),
    "orders:quote": (buyer("quotes/{quote}/"),),
    "orders:list": (buyer("orders/"), lender("orders/")),
    "orders:detail": (buyer("orders/{order}/"),),
    "orders:why": (buyer("orders/{order}/why/"),),
    "billing:wallet": (buyer("wallet/"), factory("wallet/"), lender("wallet/")),
    "billing:topup": (buyer("wallet/top-up/"), buyer("wallet/top-up/?missing=6000000&quote={quote}")),
    "billing:topup_detail": (buyer("wallet/top-up/{topup}/"),),
    "billing:withdraw": (
        buyer("wallet/withdraw/"),
        buyer("wallet/withdraw/", "main form .btn.ink", amount="12.50", bank_name="ICBC", account_number="6222021102"),
        lender("wallet/withdraw/"),
    ),
    "billing:withdrawals": (buyer("wallet/withdrawals/"), lender("wallet/withdrawals/")),
    "billing:withdrawal": (
        buyer("wallet/withdrawals/{withdrawal}/"),
        buyer("wallet/withdrawals/{withdrawal_paid}/"),
        buyer("wallet/withdrawals/{withdrawal_refused}/"),
    ),
    "billing:bill": (buyer("bills/{bill}/"),),
    # bank
    "ledger:accounts": (buyer("books/"), factory("books/")),
    "ledger:journal": (buyer("books/journals/{journal}/"),),
    "ledger:statement": (buyer("books/{wallet}/"),),
    "deposits:bank": (factory("bank/"), buyer("bank/")),
    "deposits:withdraw": (factory("bank/withdraw/"),),
    "deposits:earnings": (factory("bank/earnings/"),),
    "deposits:take_back": (factory("bank/deposits/{deposit}/take-back/"),),
    "deposits:sites": (factory("sites/"), buyer("sites/")),
    "deposits:site_new": (factory("sites/new/"),),
    "deposits:site": (factory("sites/{site}/"),),
    "lending:loans": (factory("loans/"), buyer("loans/"), lender("loans/")),
    "lending:apply": (factory("loans/apply/"),),
    "lending:credit": (buyer("loans/credit/"),),
    "lending:application": (factory("loans/applications/{answered}/"), lender("loans/applications/{waiting}/")),
    "lending:make_offer": (lender("loans/applications/{waiting}/", to("offer"), amount="10", rate="5", months="3"),),
    "lending:reject": (lender("loans/applications/{waiting}/", to("reject"), reason="too small"),),
    "lending:answer": (factory("loans/applications/{answered}/", 'button[value="accept"]'),),
    "lending:withdraw_offer": (lender("loans/applications/{answered}/", to("withdraw")),),
    "lending:loan": (factory("loans/{loan}/"), lender("loans/{loan}/")),
    "lending:repay": (factory("loans/{loan}/repay/"), factory("loans/{loan}/", to("repay"), amount="1")),
    "lending:pledge": (factory("loans/{loan}/pledge/"),),
    # the staff's desk: the pages of ours, and the tables that its queues open
    "admin:index": (staff(""),),
    "admin:find": (staff("find/?q=ng"), staff("find/?q=nothingofthekind")),
    "admin:accounts_organisation_money": (staff("company/{company_pk}/money/"),),
    "admin:accounts_organisation_decide": (
        staff("accounts/organisation/{registered_pk}/approve/decide/"),
        staff("accounts/organisation/{registered_pk}/suspend/decide/"),
    ),
    "admin:accounts_organisation_changelist": (staff("accounts/organisation/?state__exact=registered"),),
    "admin:accounts_organisation_change": (staff("accounts/organisation/{registered_pk}/change/"),),
    "admin:catalogue_offering_changelist": (staff("catalogue/offering/?state__exact=submitted"),),
    "admin:catalogue_offering_change": (staff("catalogue/offering/{offering_pk}/change/"),),
    "admin:catalogue_offering_step": (
        staff("catalogue/offering/{offering_pk}/do/approve/"),
        staff("catalogue/offering/{offering_pk}/do/return/"),
    ),
    "admin:gateway_endpoint_changelist": (staff("gateway/endpoint/?state__exact=submitted"),),
    "admin:gateway_endpoint_change": (staff("gateway/endpoint/{model_pk}/change/"),),
    "admin:gateway_endpoint_step": (
        staff("gateway/endpoint/{model_pk}/do/approve/"),
        staff("gateway/endpoint/{model_pk}/do/return/"),
    ),
    "admin:dispatch_site_changelist": (staff("dispatch/site/"),),
    "admin:billing_topup_changelist": (staff("billing/topup/?state__exact=waiting"),),
    "admin:billing_topup_book": (staff("billing/topup/{topup_pk}/book/"),),
    "admin:billing_topup_correct": (staff("billing/topup/{booked_pk}/correct/"),),
    "admin:billing_topup_change": (staff("billing/topup/{booked_pk}/change/"),),
    "admin:billing_withdrawal_changelist": (staff("billing/withdrawal/?state__in=asked,paying"),),
    "admin:billing_withdrawal_change": (
        staff("billing/withdrawal/{withdrawal_pk}/change/"),
        staff("billing/withdrawal/{withdrawal_paying_pk}/change/"),
        staff("billing/withdrawal/{withdrawal_paid_pk}/change/"),
    ),
    "admin:billing_correction_changelist": (staff("billing/correction/"),),
    "admin:billing_correction_change": (staff("billing/correction/{correction_pk}/change/"),),
    "admin:billing_booking_changelist": (staff("billing/booking/?state__exact=waiting"),),
    "admin:billing_booking_change": (staff("billing/booking/{booking_pk}/change/"),),
    "admin:billing_booking_unannounced": (staff("billing/booking/unannounced/{company_pk}/"),),
    "admin:lending_creditlimit_add": (staff("lending/creditlimit/add/"),),
    "admin:lending_lenderpayment_add": (staff("lending/lenderpayment/add/"),),
    "admin:lending_proposal_changelist": (staff("lending/proposal/?state__exact=waiting"),),
    "admin:lending_proposal_change": (staff("lending/proposal/{proposal_pk}/change/"),),
    "admin:orders_order_changelist": (staff("orders/order/?stuck=yes"), staff("orders/order/")),
    "admin:orders_order_change": (staff("orders/order/{order_pk}/change/"),),
    "admin:ledger_account_trial_balance": (staff("ledger/account/trial-balance/"),),
    "admin:ledger_hold_by_age": (staff("ledger/hold/by-age/"),),
    "admin:ledger_dayclose_changelist": (staff("ledger/dayclose/"),),
    "admin:ledger_dayclose_change": (staff("ledger/dayclose/1/change/"),),
    "admin:ledger_dayclose_proof": (staff("ledger/dayclose/1/proof/"),),
    "admin:orders_order_ask": (staff("orders/order/{order_pk}/advance/ask/"),),
}
ERRORS = (Visit(NOBODY, "/no-such-page/", status=404), Visit(BUYER, "/c/yongli/wallet/", status=404))

NO_PAGE = "answers without a page: it redirects, or sends a file or data"
BUTTON = "a button of a page that is visited; it answers with a redirect"
MACHINE = "for programs: JSON"
STOCK = "Django's own table, form or question; ours is only the sign above it, which is on every page visited"

EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        ["api:schema", "catalogue:sample", "orders:file", "ledger:statement_csv", "gateway:rankings_csv",
         "gateway:sums_csv", "gateway:calls_csv", "gateway:lease", "gateway:booked",
         "admin:jsi18n", "admin:autocomplete", "admin:view_on_site", "admin:cause", "api-fallback:nothing",
         "admin:None"],
        NO_PAGE,
    ),
    **dict.fromkeys(
        ["accounts:change_role", "accounts:approval_read", "accounts:withdraw_invitation", "accounts:language",
         "set_language",
         "catalogue:tell_me", "catalogue:untell", "orders:try", "admin:logout", "admin:billing_correction_decide",
         "admin:billing_withdrawal_decide", "admin:billing_booking_decide", "admin:lending_proposal_decide",
         "admin:ledger_account_prove", "admin:ledger_dayclose_verify", "gateway:endpoint_test",
         "gateway:endpoint_secret"],
        BUTTON,
    ),
    "home:begin": "redirects to the company's registration or to its first machine",
    "admin:login": "redirects to the one page on which everybody signs in",
    "account_set_password": "only for people without a password; everybody has one, and it redirects",
    "account_confirm_login_code": "signing in by code is switched off; it redirects",
    "admin:app_list": STOCK,
}  # fmt: skip
STOCK_TABLES = {
    "auth": ["group"],
    "account": ["emailaddress"],
    "history": ["step", "clockjump"],
    "accounts": ["organisation", "membership", "invitation", "apikey", "user"],
    "ledger": ["account", "journal", "hold", "lot", "dayclose"],
    "catalogue": ["offering", "package", "indexprice", "interest", "resourceclass", "region"],
    "provisioning": ["allocation"],
    "gateway": ["endpoint", "price", "aimodel", "accesskey", "call", "dailyuse", "lease"],
    "dispatch": ["site"],
    "metering": ["usagerecord"],
    "billing": ["topup", "withdrawal", "charge", "bill", "correction", "booking"],
    "orders": ["order", "quote", "samplerun"],
    "deposits": ["deposit", "slotclose", "holdback", "payout", "idleday"],
    "lending": ["creditlimit", "lenderpayment", "proposal", "application", "offer", "loan"],
}
EXEMPT |= {
    name: STOCK
    for app, tables in STOCK_TABLES.items()
    for table in tables
    for verb in ("changelist", "add", "history", "delete", "change")
    if (name := f"admin:{app}_{table}_{verb}") not in VISITS
}
EXEMPT |= {f"admin:{name}": STOCK for name in ("auth_user_password_change", "password_change", "password_change_done")}


def walk(patterns=None, space: str = "", before: str = "/") -> Iterator[tuple[str, str]]:
    """(name, pattern) of every URL."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        here = before + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from walk(one.url_patterns, f"{space}{one.namespace}:" if one.namespace else space, here)
        else:
            yield f"{space}{one.name}", here


def is_rest(name: str) -> bool:
    return re.match(r"[a-z]+-api:", name) is not None
