"""What people write into this room's pages. Yuan and hours come in as decimals and leave as integers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.core.money import CARD_HOUR_CMS, CNY_UY, PPM
from portal.core.words import BANKED_UNIT_CMS, banked

from . import queries, terms

GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


class Figure(forms.DecimalField):
    """A decimal as the pages show it: 1,234.5 is taken with its comma."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and GROUPED.fullmatch(value.strip()):
            value = value.replace(",", "")
        return super().to_python(value)


def amount_field(label: Any, **kwargs: Any) -> forms.DecimalField:
    return Figure(
        label=label,
        min_value=Decimal("0.01"),
        max_value=10**9,
        decimal_places=2,
        error_messages={"required": _("Write an amount in yuan.")},
        **kwargs,
    )


def hours_field(label: Any) -> forms.DecimalField:
    """As many decimals as the pages show of less than a tenth."""
    return Figure(
        label=label,
        min_value=Decimal("0.0001"),
        max_value=10**8,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        error_messages={"required": _("Write how many hours.")},
    )


def months_field() -> forms.IntegerField:
    return forms.IntegerField(label=_("Term in months"), min_value=1, max_value=terms.MONTHS_MOST)


class AmountForm(forms.Form):
    """An amount to repay."""

    amount = amount_field(_("Amount in CNY"))

    def amount_uy(self) -> int:
        return int(self.cleaned_data["amount"] * CNY_UY)


def all_of(free_cms: int) -> str:
    """All free hours as one types them: what is less than the last decimal goes with them."""
    return banked(free_cms).replace(",", "")


class HoursForm(forms.Form):
    """Hours to pledge."""

    hours = hours_field(_("Banked hours to pledge"))

    def cms(self, free_cms: int) -> int:
        """Whoever types all that can be typed means all of it, to the last millisecond."""
        typed = int(self.cleaned_data["hours"] * CARD_HOUR_CMS)
        return free_cms if 0 <= free_cms - typed < BANKED_UNIT_CMS else typed


class ApplyForm(HoursForm, AmountForm):
    """Which hours stand behind which loan. Takes the rows of queries.pledgeable."""

    resource_class = forms.ChoiceField(label=_("Class"))
    amount = amount_field(_("Loan in CNY"))
    months = months_field()
    purpose = forms.CharField(
        label=_("What the money is for"),
        max_length=300,
        error_messages={"required": _("Say what the money is for; the lenders read it.")},
    )
    field_order = ["resource_class", "hours", "amount", "months", "purpose"]

    def __init__(self, *args: Any, rows: Sequence[queries.Pledgeable], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = {row.resource_class.key: row for row in rows}
        field = self.fields["resource_class"]
        field.choices = [(key, row.resource_class.name) for key, row in self.rows.items()]  # type: ignore[attr-defined]

    def row(self) -> queries.Pledgeable:
        return self.rows[self.cleaned_data["resource_class"]]


class OfferForm(AmountForm):
    """A lender's terms."""

    amount = amount_field(_("Amount you offer, CNY"))
    rate = forms.DecimalField(
        label=_("Interest a year, %"),
        min_value=0,
        max_value=Decimal(terms.RATE_MOST_PPM) / 10_000,
        decimal_places=2,
        help_text=_("Simple interest by the night, on what is still owed."),
    )
    months = months_field()

    def rate_ppm(self) -> int:
        return int(self.cleaned_data["rate"] * PPM / 100)


class RejectForm(forms.Form):
    """A lender's no."""

    reason = forms.CharField(
        label=_("Why not"), max_length=300, error_messages={"required": _("Say why; the company reads it.")}
    )
