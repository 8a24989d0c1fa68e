"""Forms of this room. Amounts are typed in yuan and hours, and leave as micro-yuan and card-milliseconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Industry
from portal.core.money import CARD_HOUR_CMS, CNY_UY

from .models import Offering, Package, Plan, Region, ResourceClass


class TellMeForm(forms.Form):
    email = forms.EmailField(label=_("Your e-mail"), max_length=254)


class AmountField(forms.DecimalField):
    """Yuan, up to six decimals, as micro-yuan."""

    def __init__(self, *, scale: int = CNY_UY, **kwargs: Any) -> None:
        self.scale = scale
        super().__init__(max_digits=12, decimal_places=6, min_value=Decimal(0), **kwargs)

    def clean(self, value: Any) -> int:
        amount = super().clean(value)
        return int(amount * self.scale) if amount is not None else 0

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, int):
            return value
        text = f"{Decimal(value) / self.scale:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class PackageChoice(forms.ModelChoiceField):
    """Packages that run, grouped by trade."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{Industry(obj.industry).label}: {obj.name}"


class OfferingForm(forms.Form):
    """What a draft offers, where and on what."""

    package = PackageChoice(queryset=Package.objects.none(), label=_("Outcome"), empty_label=None)
    region = forms.ModelChoiceField(
        queryset=Region.objects.all(), label=_("Where the data stay"), empty_label=None
    )
    resource_class = forms.ModelChoiceField(
        queryset=ResourceClass.objects.none(), label=_("Runs on"), empty_label=None
    )
    name = forms.CharField(
        label=_("Your own title"),
        required=False,
        max_length=120,
        help_text=_("Empty: the title of the outcome."),
    )
    notes = forms.CharField(
        label=_("What buyers should know"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, offering: Offering | None = None, **kwargs: Any) -> None:
        if offering is not None:
            kwargs.setdefault("initial", {name: getattr(offering, name) for name in self.base_fields})
        super().__init__(*args, **kwargs)
        runnable = Package.objects.filter(is_runnable=True).only("code", "industry", "name_zh", "name_en")
        self.fields["package"].queryset = runnable.order_by("industry", "code")  # type: ignore[attr-defined]
        sellable = ResourceClass.objects.filter(is_sellable=True)
        self.fields["resource_class"].queryset = sellable  # type: ignore[attr-defined]


class PriceForm(forms.Form):
    """One price. The most a run can cost is made from it and shown before anything is saved."""

    billing_mode = forms.ChoiceField(label=_("How buyers pay"), choices=Plan.BillingMode.choices)
    base_uy = AmountField(label=_("Base price of a run"), initial=0)
    per_unit_uy = AmountField(label=_("Price per unit"), initial=0)
    rate_uy_per_hour = AmountField(label=_("Price per core-hour used"), initial=0)
    core_limit_cms = AmountField(
        label=_("Core-hours a run may use at most"), scale=CARD_HOUR_CMS, initial=CARD_HOUR_CMS
    )
    cores = forms.IntegerField(label=_("Cores working at once"), min_value=1, max_value=256, initial=1)

    def __init__(
        self, *args: Any, offering: Offering | None = None, plan: Plan | None = None, **kwargs: Any
    ) -> None:
        if plan is not None:
            kwargs.setdefault("initial", {name: getattr(plan, name) for name in self.base_fields})
        elif offering is not None:
            kwargs.setdefault("initial", {**offering.package.price_hint})
        super().__init__(*args, **kwargs)
