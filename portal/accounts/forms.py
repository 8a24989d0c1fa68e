"""What people write into this room's pages. Errors say what to do."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import uscc
from .models import ApiKey, Industry, Membership, Organisation
from .sizing import MEASURES, measures_of

PERSONS_MOST = 10_000_000
WAN_MOST = 1_000_000_000
SIZE_FIELDS = ("industry", *MEASURES)


def number(label: Any, most: int, missing: Any, help_text: Any = "") -> forms.IntegerField:
    wrong = _("Write a whole number without a unit, 0 or more.")
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=most,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "min": "0", "step": "1"}),
        error_messages={"required": missing, "invalid": wrong, "min_value": wrong},
    )


class SizeForm(forms.Form):
    """The trade, and of the three figures those that its size rule counts: the others are no fields at all.

    Alone, it is what the page asks while one types. `cleaned_data` has all three, None for what was not asked.
    """

    industry = forms.ChoiceField(
        label=_("Industry"),
        choices=[("", _("Choose your industry")), *Industry.choices],
        error_messages={"required": _("Choose the industry your company earns most in.")},
    )
    employees = number(_("Employees"), PERSONS_MOST, _("Write how many people work for the company."))
    revenue_wan = number(
        _("Revenue last year, in 10,000 CNY"),
        WAN_MOST,
        _("Write last year’s revenue in 10,000 CNY; 0 if the company is new."),
        _("Nine million yuan is 900."),
    )
    assets_wan = number(
        _("Total assets, in 10,000 CNY"),
        WAN_MOST,
        _("Write the total of last year’s balance sheet in 10,000 CNY."),
        _("The total of last year’s balance sheet; a good guess will do."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trade = str(self["industry"].value() or "")
        for measure in set(MEASURES) - set(measures_of(self.trade)):
            del self.fields[measure]

    @property
    def measures(self) -> list[forms.BoundField]:
        """The figures that are asked."""
        return [self[measure] for measure in MEASURES if measure in self.fields]

    def clean(self) -> dict[str, Any]:
        return {**dict.fromkeys(MEASURES), **(super().clean() or self.cleaned_data)}


class CompanyForm(SizeForm):
    """What a company says of itself, without its code."""

    name = forms.CharField(
        label=_("Company name"),
        min_length=2,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        error_messages={
            "required": _("Write the company’s name as on its business licence."),
            "min_length": _("Write the company’s full name, as on its business licence."),
        },
    )
    is_provider = forms.BooleanField(
        label=_("We also have computers that could work for others"), required=False
    )

    field_order = ["name", *SIZE_FIELDS, "is_provider"]

    @classmethod
    def of(cls, organisation: Organisation, typed: dict[str, str] | None = None) -> CompanyForm:
        """What the company said of itself, with what has been typed over it."""
        return cls(initial={name: getattr(organisation, name) for name in cls.base_fields} | (typed or {}))


class RegistrationForm(CompanyForm):
    """A new company. `cleaned_data` has exactly the arguments of `actions.register_company`."""

    uscc = forms.CharField(
        label=_("Unified social credit code"),
        max_length=40,
        help_text=_("18 characters, on the business licence (统一社会信用代码)."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        error_messages={"required": _("Write the 18 characters of the code on the business licence.")},
    )

    field_order = ["name", "uscc", *SIZE_FIELDS, "is_provider"]

    def clean_uscc(self) -> str:
        faults = uscc.faults(self.cleaned_data["uscc"])
        if faults:
            raise forms.ValidationError([forms.ValidationError(str(f), code=f.code) for f in faults])
        return uscc.normalise(self.cleaned_data["uscc"])


def made_up_code() -> str:
    """A well-formed code of no company, for a demonstration's visitor."""
    return uscc.complete("91330100MA" + "".join(secrets.choice(uscc.ALPHABET) for _i in range(6)))


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        error_messages={
            "required": _("Write the e-mail address of the person."),
            "invalid": _("This is not an e-mail address; it looks like name@company.com."),
        },
    )
    role = forms.ChoiceField(
        label=_("What the person may do"),
        choices=Membership.Role.choices,
        initial=Membership.Role.BUYER,
        widget=forms.RadioSelect,
    )


class KeyForm(forms.Form):
    FOREVER = "0"
    LIVES = (("90", _("90 days")), ("365", _("one year")), (FOREVER, _("until it is revoked")))

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("What will use it: “till”, “nightly report”."),
        error_messages={"required": _("Give the key a name, so that you know later what uses it.")},
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=ApiKey.Scope.choices,
        initial=[ApiKey.Scope.READ, ApiKey.Scope.ORDER],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one thing that the key may do.")},
    )
    life = forms.ChoiceField(label=_("How long it works"), choices=LIVES, initial="90")

    def expires_at(self, now: datetime) -> datetime | None:
        days = self.cleaned_data["life"]
        return None if days == self.FOREVER else now + timedelta(days=int(days))
