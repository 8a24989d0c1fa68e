"""The form of a job: the file, and what else a package asks of its buyer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from marketplace import recipes
from marketplace.catalogue.models import Package

FROM_FILE = {"series", "stops"}  # units that the file itself tells


def _in_words(asked: dict[str, Any]) -> str:
    zh = (get_language() or "").startswith("zh")
    return asked["label_zh"] if zh else asked["label_en"]


def _field(asked: dict[str, Any], initial: Any) -> forms.Field:
    """The field of one entry of params["ask"]: {key, kind: integer|number|clock, label_en/_zh, min, max}."""
    common: dict[str, Any] = {"label": _in_words(asked), "required": False, "initial": initial}
    if asked["kind"] == "integer":
        return forms.IntegerField(min_value=int(asked["min"]), max_value=int(asked["max"]), **common)
    if asked["kind"] == "clock":
        return forms.TimeField(widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), **common)
    return forms.FloatField(min_value=float(asked["min"]), max_value=float(asked["max"]), **common)


class JobForm(forms.Form):
    """The file and the plain inputs that size the job."""

    file = forms.FileField(label=_("Your file"))

    def __init__(self, package: Package, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        manifest = recipes.get(package.recipe).manifest
        self.package = package
        self.asked = list(package.params.get("ask", []))
        self.fields["file"].widget.attrs |= {
            "accept": ",".join(manifest.accepts),
            "data-most": manifest.max_bytes,
        }
        if package.unit_key not in FROM_FILE:
            self.fields["units"] = forms.IntegerField(
                label=package.sizing or package.unit,
                min_value=package.sizing_min,
                max_value=package.sizing_max,
                initial=package.sizing_default,
            )
        for asked in self.asked:
            self.fields[asked["key"]] = _field(asked, package.params.get(asked["key"]))

    def params(self) -> dict[str, Any]:
        """What the buyer set, as recipe parameters (JSON values)."""
        found: dict[str, Any] = {}
        for asked in self.asked:
            value = self.cleaned_data.get(asked["key"])
            if value is not None:
                found[asked["key"]] = value.strftime("%H:%M") if asked["kind"] == "clock" else value
        units = self.cleaned_data.get("units")
        if units is not None:
            found[self.package.unit_key] = units
        return found
