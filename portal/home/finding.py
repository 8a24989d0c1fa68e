"""One search over all rooms, by what a customer may say on the telephone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Replace
from django.urls import reverse
from django.utils.translation import gettext as _

from bank.ledger import words
from bank.ledger.models import Hold, Journal
from marketplace.billing.models import Charge, Correction, TopUp, Withdrawal
from marketplace.catalogue.models import Offering
from marketplace.dispatch.models import Site
from marketplace.orders.models import Order
from portal.accounts.models import Membership, Organisation, User
from portal.core.money import CNY_UY, FEN_UY
from portal.core.words import joined


@dataclass(frozen=True)
class Found:
    """One answer of the search: what it is, how it is called, and the page that helps."""

    kind: str
    name: str
    note: str
    url: str
    is_inside: bool = False  # what was typed stands only in the middle of a word of it


Finder = Callable[[str], list[Found]]
EACH = 10
HAN = re.compile(r"[\u4e00-\u9fff]+")
AMOUNTS_OF = timedelta(days=90)


def find(text: str, *, may: Callable[[str], bool], now: datetime | None = None) -> list[Found]:
    """Companies, people, orders, top-ups, movements and more by what a customer may say on the telephone.

    `may` answers for a permission ("orders.view_order"); a room that one may not see answers nothing. An amount
    finds what has it, of the 90 days before `now`. Of more than ten answers of a kind it is said that there are more.
    """
    text = unicodedata.normalize("NFKC", text).strip()[:120]
    if len(text) < 2 and not HAN.fullmatch(text):
        return []
    finders: list[tuple[str, Finder]] = [
        ("accounts.view_user", _find_people),
        ("accounts.view_organisation", _find_companies),
        ("orders.view_order", _find_orders),
        ("billing.view_topup", _find_topups),
        ("billing.view_withdrawal", _find_withdrawals),
        ("ledger.view_journal", _find_books),
        ("dispatch.view_site", _find_sites),
        ("catalogue.view_offering", _find_offerings),
    ]
    amount_uy = _amount(text)
    if now is not None and amount_uy:
        finders[:0] = [
            ("billing.view_topup", lambda _text: _topups_of(amount_uy, now)),
            ("orders.view_order", lambda _text: _orders_of(amount_uy, now)),
            ("billing.view_correction", lambda _text: _corrections_of(amount_uy, now)),
        ]
    found = [one for permission, finder in finders if may(permission) for one in _first(finder(text))]
    found = [replace(one, is_inside=_is_inside(text, one)) for one in found]
    return sorted(found, key=lambda one: one.is_inside)  # "chen": the person before the kitchen


def _is_inside(text: str, one: Found) -> bool:
    """Whether Latin letters that were typed begin no word of the answer: they stand inside one, or in a name that
    the reader is not shown, such as the one in the other language.
    """
    if not text.isascii():
        return False
    for said in (one.name, one.note):
        if text.lower() in said.lower():
            return re.search(rf"(?<![0-9a-z]){re.escape(text)}", said, re.IGNORECASE) is None
    return text.isalpha() and _bare(text) not in _bare(one.name)


def _first(found: list[Found]) -> list[Found]:
    """Ten of a kind, and that there are more."""
    if len(found) <= EACH:
        return found
    more = Found(found[0].kind, _("There are more than {n}").format(n=EACH), _("Write more of it to find fewer."), "")
    return [*found[:EACH], more]


def _amount(text: str) -> int | None:
    """`78.50`, `12,000`, `¥79` as micro-yuan; None where it is no amount."""
    match = re.fullmatch(r"[¥￥]?\s*(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2}))?\s*元?", text)
    if match is None:
        return None
    return int(match[1].replace(",", "")) * CNY_UY + int((match[2] or "0").ljust(2, "0")) * FEN_UY


def _topups_of(amount_uy: int, now: datetime) -> list[Found]:
    rows = TopUp.objects.filter(
        Q(amount_uy=amount_uy) | Q(booked_uy=amount_uy), created_at__gt=now - AMOUNTS_OF
    ).select_related("organisation")
    return [
        Found(
            _("Top-up"),
            t.reference,
            f"{t.organisation.name}, {words.short(t.booked_uy or t.amount_uy, 'CNY')}, {t.get_state_display()}",
            reverse("admin:billing_topup_change", args=[t.pk]),
        )
        for t in rows.order_by("-id")[: EACH + 1]
    ]


def _orders_of(amount_uy: int, now: datetime) -> list[Found]:
    """By the cap, or by what was charged as it is shown, to the fen."""
    half = FEN_UY // 2
    charged = Charge.objects.filter(
        asset="CNY", total__gte=amount_uy - half, total__lte=amount_uy + half, settled_at__gt=now - AMOUNTS_OF,
        cause__startswith="order:",
    )  # fmt: skip
    totals = {cause.removeprefix("order:"): total for cause, total in charged.values_list("cause", "total")}
    rows = Order.objects.filter(
        Q(quote__cap=amount_uy, quote__asset="CNY") | Q(public_id__in=totals), placed_at__gt=now - AMOUNTS_OF
    ).select_related("organisation", "quote")
    found = []
    for o in rows.order_by("-id")[: EACH + 1]:
        cap, total = words.short(o.quote.cap, "CNY"), totals.get(o.public_id)
        note = _("at most {cap}").format(cap=cap) if total is None else _("at most {cap}, charged {total}").format(
            cap=cap, total=words.short(total, "CNY"))  # fmt: skip
        url = reverse("admin:orders_order_change", args=[o.pk])
        found.append(Found(_("Order"), o.number, f"{o.organisation.name}, {note}, {o.get_state_display()}", url))
    return found


def _corrections_of(amount_uy: int, now: datetime) -> list[Found]:
    rows = Correction.objects.filter(
        Q(from_uy=amount_uy) | Q(to_uy=amount_uy), asked_at__gt=now - AMOUNTS_OF
    ).select_related("topup__organisation")
    return [
        Found(
            _("Correction"),
            c.topup.reference,
            f"{c.topup.organisation.name}, {words.short(c.from_uy, 'CNY')} → {words.short(c.to_uy, 'CNY')}, "
            f"{c.get_state_display()}",
            reverse("admin:billing_correction_change", args=[c.pk]),
        )
        for c in rows.order_by("-id")[: EACH + 1]
    ]


def _money(pk: int, anchor: str = "") -> str:
    return reverse("admin:accounts_organisation_money", args=[pk]) + anchor


def _named(field: str, text: str) -> Q:
    """Called so, or in short: every word is in the name, and the characters of a Chinese one stand in this order, as
    百兴 is said for 百味兴隆.
    """
    short = Q()
    for word in text.split():
        if HAN.fullmatch(word):
            short &= Q(**{f"{field}__regex": ".*".join(word)})
        else:
            short &= Q(**{f"{field}__icontains": word})
    return short


def _bare(text: str) -> str:
    """A code as it is said: without dashes and blanks."""
    return re.sub(r"[\s\-‐‑–—_]", "", text).upper()


def _without_dashes(rows: QuerySet, field: str) -> QuerySet:
    return rows.annotate(bare=Replace(F(field), Value("-"), Value("")))


def _find_companies(text: str) -> list[Found]:
    rows = Organisation.objects.filter(
        _named("name", text) | Q(uscc=_bare(text)) | Q(slug__iexact=text) | Q(public_id=text.lower())
    )
    return [
        Found(_("Company"), o.name, joined([o.get_state_display(), o.uscc]), _money(o.pk)) for o in rows[: EACH + 1]
    ]


def _find_people(text: str) -> list[Found]:
    """Whoever works for a company, on that company's page; others, such as our own staff, on a page of their own."""
    rows = Membership.objects.filter(user__email__icontains=text).select_related("user", "organisation")
    alone = User.objects.filter(email__icontains=text, memberships=None).order_by("email")[: EACH + 1]
    found = [
        Found(
            _("Person"),
            m.user.email,
            joined([m.organisation.name, m.role_name]),
            _money(m.organisation_id, "#people"),
        )
        for m in rows.order_by("user__email")[:EACH + 1]
    ]
    return found + [
        Found(
            _("Person"),
            user.email,
            _("our staff") if user.is_staff else _("of no company"),
            reverse("admin:accounts_user_change", args=[user.pk]),
        )
        for user in alone
    ]


def _of_package(path: str, text: str) -> Q:
    return _named(f"{path}__name_en", text) | _named(f"{path}__name_zh", text)


def _find_orders(text: str) -> list[Found]:
    bare = text.removeprefix("order:").lower()
    rows = _without_dashes(Order.objects.all(), "number").filter(
        Q(bare__contains=_bare(text) or text)
        | Q(public_id=bare)
        | Q(quote__public_id=bare)
        | Q(allocation__public_id=bare)
        | _of_package("quote__offering__package", text)
    ).select_related("organisation", "quote__offering__package")
    return [
        Found(
            _("Order"),
            o.number,
            joined([o.organisation.name, o.quote.offering.package.name, o.get_state_display()]),
            reverse("admin:orders_order_change", args=[o.pk]),
        )
        for o in rows.order_by("-id")[:EACH + 1]
    ]


def _find_topups(text: str) -> list[Found]:
    rows = _without_dashes(TopUp.objects.all(), "reference").filter(
        Q(bare__contains=_bare(text) or text)
        | Q(bank_reference__iexact=text)
        | Q(public_id=text.lower().removeprefix("topup:"))
    ).select_related("organisation")
    return [
        Found(
            _("Top-up"),
            t.reference,
            joined([t.organisation.name, words.short(t.booked_uy or t.amount_uy, "CNY"), t.get_state_display()]),
            _money(t.organisation_id, f"#topup-{t.reference}"),
        )
        for t in rows[:EACH + 1]
    ]


def _find_withdrawals(text: str) -> list[Found]:
    rows = _without_dashes(Withdrawal.objects.all(), "reference").filter(
        Q(bare__contains=_bare(text) or text)
        | Q(bank_reference__iexact=text)
        | Q(public_id=text.lower().removeprefix("withdrawal:"))
    ).select_related("organisation")
    return [
        Found(
            _("Withdrawal to the bank"),
            w.reference,
            f"{w.organisation.name}, {words.short(w.amount_uy, 'CNY')}, {w.get_state_display()}",
            _money(w.organisation_id, f"#withdrawal-{w.reference}"),
        )
        for w in rows[:EACH]
    ]


def _find_books(text: str) -> list[Found]:
    """Journals and reservations, by the public id or by its last six characters as statements show them."""
    low = text.lower()
    match = Q(public_id=low) | Q(cause=low)
    if len(low) == 6 and low.isalnum() and low.isascii():
        match |= Q(public_id__endswith=low)
    journals = Journal.objects.filter(match).order_by("-id")[:EACH + 1]
    found = [
        Found(
            _("Movement in the books"),
            j.public_id[-6:].upper(),
            words.reason(j.reason),
            reverse("admin:ledger_journal_change", args=[j.pk]),
        )
        for j in journals
    ]
    for hold in Hold.objects.filter(match).select_related("account").order_by("-id")[:EACH + 1]:
        found.append(
            Found(
                _("Reserved money or hours"),
                hold.public_id[-6:].upper(),
                joined([words.exact(hold.amount, hold.account.asset), hold.get_state_display()]),
                reverse("admin:ledger_hold_change", args=[hold.pk]),
            )
        )
    return found


def _find_sites(text: str) -> list[Found]:
    rows = Site.objects.filter(_named("name", text) | Q(public_id=text.lower())).select_related(
        "organisation"
    )
    return [
        Found(
            _("Site"),
            s.name,
            joined([s.organisation.name, s.get_state_display()]),
            reverse("admin:dispatch_site_change", args=[s.pk]),
        )
        for s in rows[:EACH + 1]
    ]


def _find_offerings(text: str) -> list[Found]:
    rows = Offering.objects.filter(
        Q(public_id=text.lower())
        | Q(package__code__iexact=text)
        | _named("name", text)
        | _of_package("package", text)
    ).select_related("package", "provider")
    return [
        Found(
            _("Offering"),
            o.title,
            joined([o.provider.name, o.get_state_display()]),
            reverse("admin:catalogue_offering_change", args=[o.pk]),
        )
        for o in rows[:EACH + 1]
    ]
