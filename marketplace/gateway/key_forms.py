"""What people write about keys that call models, and of which time they ask what was used."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Organisation, User
from portal.core.errors import Refused
from portal.core.money import CNY_UY
from portal.core.words import local

from . import key_actions, use_queries
from .models import AccessKey

YUAN_MOST = 100_000_000
COUNT_MOST = 2_000_000_000
POSITIVE = _("Write a number above zero, or leave it empty.")


def _yuan(label: Any, help_text: Any = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label, required=False, min_value=Decimal("0.000001"), max_value=YUAN_MOST, decimal_places=6,
        help_text=help_text, widget=forms.NumberInput(attrs={"inputmode": "decimal", "min": "0", "step": "any"}),
        error_messages={"invalid": POSITIVE, "min_value": POSITIVE},
    )  # fmt: skip


def _count(label: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=1, max_value=COUNT_MOST,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "min": "1", "step": "1"}),
        error_messages={"invalid": POSITIVE, "min_value": POSITIVE},
    )  # fmt: skip


def _several(label: Any, help_text: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label, required=False, help_text=help_text, widget=forms.CheckboxSelectMultiple)  # fmt: skip


class LimitsForm(forms.Form):
    """A key's name and limits; `limits()` is what the actions take. Everything but the name may stay empty."""

    KEEP, FOREVER = "keep", "0"
    LIVES = (("30", _("30 days")), ("90", _("90 days")), ("365", _("one year")), (FOREVER, _("until it is revoked")))
    FIRST = ("name", "user", "cap", "cap_period", "life")

    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("What will use it: “till”, “nightly report”."),
        error_messages={"required": _("Give the key a name, so that you know later what uses it.")},
    )  # fmt: skip
    cap = _yuan(_("May spend at most, yuan"), _("A call that could cost more than what is left of it is refused."))
    cap_period = forms.ChoiceField(label=_("Counted over"), choices=AccessKey.Period.choices, initial="month")
    life = forms.ChoiceField(label=_("How long it works"), choices=LIVES, initial="90")
    allowed = _several(_("May call"), _("None ticked: every model."))
    calls_per_minute = _count(_("Calls a minute"))
    tokens_per_minute = _count(_("Tokens a minute"))
    addresses = forms.CharField(
        label=_("Only from these addresses"), required=False, max_length=3_000,
        help_text=_("One a line, as 192.0.2.0/24 or 192.0.2.7. Empty: from anywhere."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "off"}),
    )  # fmt: skip
    only = _several(_("Only served by"), _("None ticked: by every provider."))
    ignore = _several(_("Never served by"), _("None ticked: nobody is left out."))
    region = forms.ChoiceField(label=_("Only in this region"), required=False)
    max_input = _yuan(_("Input: at most so many yuan a million tokens"))
    max_output = _yuan(_("Output: at most so many yuan a million tokens"))

    def __init__(self, *args: Any, key: AccessKey | None = None, **kwargs: Any) -> None:
        self.key = key
        if key is not None:
            kwargs["initial"] = _initial(key)
        super().__init__(*args, **kwargs)
        self._offer()

    def _offer(self) -> None:
        """What can be chosen: what is on offer, and what already stands on the key."""
        prefer = self.key.prefer if self.key else {}
        kept = self.key.allowed if self.key else []
        models = {m.slug: f"{m.name} ({m.slug})" for m in use_queries.models_on_offer()}
        providers = {p.slug: p.name for p in use_queries.providers_on_offer()}
        regions = {r.key: r.name for r in use_queries.regions_on_offer()}
        for slug in [*prefer.get("only", []), *prefer.get("ignore", [])]:
            providers.setdefault(slug, slug)
        if prefer.get("region"):
            regions.setdefault(prefer["region"], prefer["region"])
        fields: dict[str, Any] = self.fields
        fields["allowed"].choices = list(({slug: slug for slug in kept} | models).items())
        fields["only"].choices = fields["ignore"].choices = list(providers.items())
        fields["region"].choices = [("", _("anywhere")), *regions.items()]
        for name, choices in (("allowed", models), ("only", providers), ("ignore", providers)):
            if not choices and not kept:
                del self.fields[name]
        if self.key is not None:
            ends = self.key.expires_at
            now = _t("as it is: until {day}").format(day=f"{local(ends):%Y-%m-%d %H:%M}") if ends else _t("as it is")
            fields["life"].choices = [(self.KEEP, now), *self.LIVES]

    @property
    def first(self) -> list[forms.BoundField]:
        """What everybody reads."""
        return [self[name] for name in self.fields if name in self.FIRST]

    @property
    def more(self) -> list[forms.BoundField]:
        """What stays folded until somebody needs it."""
        return [self[name] for name in self.fields if name not in self.FIRST]

    @property
    def has_more(self) -> bool:
        """Something of the folded part is filled or wrong."""
        return any(field.errors or field.value() for field in self.more)

    def clean_addresses(self) -> list[str]:
        found = []
        for text in re.split(r"[\s,;，；]+", self.cleaned_data["addresses"]):
            try:
                found += [key_actions.network(text)] if text else []
            except Refused as refused:
                raise forms.ValidationError(str(refused), code=refused.code) from None
        return found

    def limits(self, now: datetime) -> key_actions.Limits:
        data = self.cleaned_data
        before = self.key.prefer.get("max_price", {}) if self.key else {}
        prices = {**before, "input": _uy(data["max_input"]), "output": _uy(data["max_output"])}
        return {
            "allowed": data.get("allowed") or [],
            "cap_uy": _uy(data["cap"]),
            "cap_period": data["cap_period"],
            "calls_per_minute": data["calls_per_minute"],
            "tokens_per_minute": data["tokens_per_minute"],
            "addresses": data["addresses"],
            "prefer": {"only": data.get("only"), "ignore": data.get("ignore"), "region": data["region"],
                       "max_price": prices},
            "expires_at": self._expires_at(now),
        }  # fmt: skip

    def _expires_at(self, now: datetime) -> datetime | None:
        life = self.cleaned_data["life"]
        if life == self.KEEP:
            return self.key.expires_at if self.key else None
        return None if life == self.FOREVER else now + timedelta(days=int(life))


class NewKeyForm(LimitsForm):
    """A new key, for a member of the company."""

    user = forms.ChoiceField(label=_("For whom"), help_text=_("Who answers for what it spends."))
    field_order = ["name", "user"]

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people: dict[str, User] = {str(m.user_id): m.user for m in use_queries.members_of(organisation)}
        self.fields["user"].choices = [(pk, user.email) for pk, user in self.people.items()]  # type: ignore[attr-defined]

    @property
    def member(self) -> User:
        return self.people[self.cleaned_data["user"]]


class UseFilter(forms.Form):
    """Of which UTC days, by which key and of which model. An empty form asks for the last seven days."""

    TIMES = (
        ("today", _("Today")), ("week", _("7 days")), ("month", _("This month")), ("last", _("Last month")),
        ("days", _("From – to")),
    )  # fmt: skip
    FIRST = date(2020, 1, 1)

    over = forms.ChoiceField(choices=TIMES, required=False)
    first = forms.DateField(label=_("First day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("over") == "days" and not self.errors:
            first, last = data.get("first"), data.get("last")
            if first is None or last is None:
                raise forms.ValidationError(_("Choose a first and a last day."))
            if not self.FIRST <= first <= last:
                raise forms.ValidationError(_("The last day is not before the first, and both are real days."))
            if (last - first).days >= use_queries.DAYS_MOST:
                raise forms.ValidationError(_("Ask for a year at a time."))
        return data

    def days(self, today: date) -> tuple[date, date]:
        """First and last day; of an invalid form the last seven."""
        data = self.cleaned_data if self.is_valid() else {}
        over = data.get("over") or "week"
        if over == "today":
            return today, today
        if over == "month":
            return today.replace(day=1), today
        if over == "last":
            return use_queries.month_of(today.replace(day=1) - timedelta(days=1))
        return (data["first"], data["last"]) if over == "days" else (today - timedelta(days=6), today)


def _uy(yuan: Decimal | None) -> int | None:
    return None if yuan is None else int(yuan * CNY_UY)


def _typed(uy: int | None) -> Decimal | None:
    """As a person would type it: 50, 0.5."""
    if uy is None:
        return None
    yuan = Decimal(uy) / CNY_UY
    return yuan.quantize(Decimal(1)) if yuan == yuan.to_integral() else yuan.normalize()


def _initial(key: AccessKey) -> dict[str, Any]:
    prefer, prices = key.prefer, key.prefer.get("max_price", {})
    return {
        "name": key.name, "cap": _typed(key.cap_uy), "cap_period": key.cap_period, "life": LimitsForm.KEEP,
        "allowed": key.allowed, "calls_per_minute": key.calls_per_minute, "tokens_per_minute": key.tokens_per_minute,
        "addresses": "\n".join(key.addresses), "only": prefer.get("only", []), "ignore": prefer.get("ignore", []),
        "region": prefer.get("region", ""), "max_input": _typed(prices.get("input")),
        "max_output": _typed(prices.get("output")),
    }  # fmt: skip
