"""Forms of providers. Prices are typed in yuan for a million tokens, and leave as micro-yuan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.catalogue.models import Region
from portal.core.money import CNY_UY

from . import tariff
from .listing import needed
from .models import AiModel, Direction, Endpoint
from .tariff import Line, Rate, Window

MORE_LINES = 20
EMPTY_LINES = 1


class ModelChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.maker}: {obj.name}"


class EndpointForm(forms.Form):
    """Which model, and the server that runs it. The secret is never shown again."""

    model = ModelChoice(queryset=AiModel.objects.order_by("maker", "name"), label=gettext_lazy("Model"))
    base_url = forms.CharField(
        label=gettext_lazy("Address of your server"),
        max_length=300,
        widget=forms.URLInput(attrs={"placeholder": "https://models.example.cn/v1", "autocomplete": "off"}),
        help_text=gettext_lazy("Up to and with /v1. Customers never see it."),
    )
    upstream_model = forms.CharField(
        label=gettext_lazy("What your server calls the model"), max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    secret = forms.CharField(
        label=gettext_lazy("Secret of your server"), max_length=500, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Sent as “Authorization: Bearer …”. Empty: your server asks for none."),
    )  # fmt: skip
    region = forms.ModelChoiceField(
        queryset=Region.objects.all(), label=gettext_lazy("Where the data stay"), empty_label=None
    )
    output_tokens = forms.IntegerField(
        label=gettext_lazy("Longest output, tokens"), min_value=0, max_value=2_000_000_000, initial=8192,
        help_text=gettext_lazy("Of one answer; it counts for what is reserved. A model that makes vectors has none."),
    )  # fmt: skip
    parallel = forms.IntegerField(label=gettext_lazy("Calls at once"), min_value=1, max_value=10_000, initial=8)

    def __init__(self, *args: Any, endpoint: Endpoint | None = None, **kwargs: Any) -> None:
        if endpoint is not None:
            names = [name for name in self.base_fields if name != "secret"]
            kwargs.setdefault("initial", {name: getattr(endpoint, name) for name in names})
        super().__init__(*args, **kwargs)
        if endpoint is not None and endpoint.secret:
            self.fields["secret"].help_text = _("Kept; leave empty to keep it.")

    def blame(self, code: str, sentence: str) -> None:
        """Put what an action refused to where it was typed."""
        field = {"output_too_long": "output_tokens", "parallel_needed": "parallel", "name_needed": "upstream_model"}
        kind = code.partition("_")[0]
        self.add_error(field.get(code, {"address": "base_url", "secret": "secret"}.get(kind)), sentence)


class SecretForm(forms.Form):
    secret = forms.CharField(
        label=gettext_lazy("New secret of your server"), max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip


class TokenPriceField(forms.DecimalField):
    """Yuan for a million tokens, up to six decimals, as micro-yuan; empty: None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, decimal_places=6, min_value=Decimal(0), **kwargs)
        self.error_messages["required"] = gettext_lazy("Buyers must see this price.")

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        return None if amount is None else int(amount * CNY_UY)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, int):
            return value
        text = f"{Decimal(value) / CNY_UY:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class FirstLineForm(forms.Form):
    """What tokens cost all day, at any length."""

    needs_prices = True

    def __init__(self, *args: Any, model: AiModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        writes = model.kind == AiModel.Kind.CHAT
        for name in Direction.values if writes else [Direction.INPUT]:
            is_needed = self.needs_prices and name in needed(model)
            self.fields[name] = TokenPriceField(label=capfirst(Direction(name).label), required=is_needed)

    def price_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in Direction.values if name in self.fields]

    def line(self) -> Line:
        return Line(prices=self.prices())

    def prices(self) -> dict[str, int]:
        given = {name: self.cleaned_data.get(name) for name in Direction.values}
        return {name: price for name, price in given.items() if price is not None}


class MoreLineForm(FirstLineForm):
    """What they cost from an input length on, or in some hours of the day. Empty prices: as in the lines before."""

    needs_prices = False
    from_tokens = forms.IntegerField(
        label=gettext_lazy("From so many input tokens on"), min_value=0, max_value=2_000_000_000, required=False
    )
    hours_from = forms.TimeField(
        label=gettext_lazy("From this time of day"), required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )  # fmt: skip
    hours_to = forms.TimeField(
        label=gettext_lazy("Until this time of day"), required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        start, end = data.get("hours_from"), data.get("hours_to")
        if (start is None) != (end is None) and not self.errors:
            self.add_error("hours_to" if end is None else "hours_from", _("Name both times, or neither."))
        elif start is not None and start == end:
            self.add_error("hours_to", _("The two times are the same."))
        elif self.prices() and not data.get("from_tokens") and start is None:
            self.add_error("from_tokens", _("From which length on, or in which hours? All others stand above."))
        return data

    def line(self) -> Line:
        data = self.cleaned_data
        window: Window | None = None
        if data.get("hours_from") is not None:
            window = _minute(data["hours_from"]), _minute(data["hours_to"])
        return Line(data.get("from_tokens") or 0, window, self.prices())


class PlatformTimeField(forms.DateTimeField):
    """An instant typed in the platform's zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(settings.PLATFORM_TZ):
            return super().to_python(value)


class BeginForm(forms.Form):
    starts_at = PlatformTimeField(
        label=gettext_lazy("These prices begin"), required=False,
        help_text=gettext_lazy("Empty: at once. Beijing time."),
    )  # fmt: skip


class PriceTableForm:
    """A whole price table: the usual line, lines for lengths and hours, and when it begins."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, endpoint: Endpoint, rates: Sequence[Rate] = ()
    ) -> None:
        self.endpoint = endpoint
        lines = {(line.from_tokens, line.window): line for line in tariff.lines_of(rates)}
        usual = lines.pop((0, None), Line())
        given = {"form_kwargs": {"model": endpoint.model}}
        more: Any = forms.formset_factory(
            MoreLineForm, extra=EMPTY_LINES, max_num=MORE_LINES, absolute_max=MORE_LINES)
        self.first = FirstLineForm(data, prefix="first", initial=dict(usual.prices), model=endpoint.model)
        self.more = more(data, prefix="more", initial=[_typed(line) for line in lines.values()], **given)
        self.begin = BeginForm(data)
        self.is_bound = data is not None

    def is_valid(self) -> bool:
        if not self.failed:
            self._check_overlaps()
        return not self.failed

    @property
    def errors(self) -> list[str]:
        """What is wrong with the table as a whole."""
        return [str(error) for error in self.first.non_field_errors()] if self.is_bound else []

    @property
    def failed(self) -> bool:
        if not self.is_bound:
            return False
        valid = [form.is_valid() for form in (self.first, self.more, self.begin)]  # each says what is wrong
        return not all(valid)

    @property
    def has_more(self) -> bool:
        """Whether lines beside the usual one are filled in, so that they are shown at once."""
        return bool(self.more.initial) or (self.is_bound and (any(self.more.errors) or len(self.lines) > 1))

    @property
    def lines(self) -> list[Line]:
        forms_ = [self.first, *self.more.forms]
        return [line for form in forms_ if form.is_valid() for line in [form.line()] if line.prices]

    @property
    def rates(self) -> list[Rate]:
        return tariff.rates_of(self.lines)

    @property
    def starts_at(self) -> datetime | None:
        return self.begin.cleaned_data.get("starts_at")

    def _check_overlaps(self) -> None:
        seen: list[Line] = []
        for form in self.more.forms:
            line = form.line()
            if any(_clash(line, other) for other in seen):
                form.add_error(None, _("Another line already has a price for these tokens in these hours."))
                self.first.add_error(None, _("Two lines hold for the same tokens in the same hours."))
            seen.append(line)


def _typed(line: Line) -> dict[str, Any]:
    start, end = line.window or (None, None)
    hours = {"hours_from": _time(start), "hours_to": _time(end)}
    return {**line.prices, **hours, "from_tokens": line.from_tokens or None}


def _clash(a: Line, b: Line) -> bool:
    if a.from_tokens != b.from_tokens or not set(a.prices) & set(b.prices) or (a.window is None) != (b.window is None):
        return False
    if a.window is None or b.window is None:
        return True
    return tariff.holds(a.window, b.window[0]) or tariff.holds(b.window, a.window[0])


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _time(minute: int | None) -> time | None:
    return None if minute is None else time(minute % tariff.DAY_MIN // 60, minute % 60)
