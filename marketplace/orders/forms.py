"""Forms of this room: the file, the size of the job, and what else a recipe asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace import recipes
from marketplace.catalogue.models import Package

ASKED = {  # what a buyer may set, by recipe parameter; the rest of a package's params are the package's own
    "vehicles": (_("Vehicles"), 1, 200),
    "capacity": (_("What one vehicle carries"), 1, 1_000_000),
    "horizon": (_("How far ahead"), 1, 60),
}
HELP = {
    "capacity": _("In the same unit as the demand column; leave it if the file has none."),
    "horizon": _("In days, or months where the file is by month."),
}


class JobForm(forms.Form):
    """The file and the plain inputs that size the job."""

    file = forms.FileField(label=_("Your file"))

    def __init__(self, package: Package, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        manifest = recipes.get(package.recipe).manifest
        self.package = package
        self.fields["file"].widget.attrs["accept"] = ",".join(manifest.accepts)
        self.fields["file"].widget.attrs["required"] = True
        if package.unit_key in ASKED or package.unit_key not in {"series", "stops", "lines", "runs"}:
            self.fields["units"] = forms.IntegerField(
                label=package.sizing or package.unit, min_value=package.sizing_min, max_value=package.sizing_max,
                initial=package.sizing_default,
            )
        for key, (label, least, most) in ASKED.items():
            if key in package.params and key != package.unit_key:
                self.fields[key] = forms.IntegerField(
                    label=label, min_value=least, max_value=most, initial=package.params[key], required=False,
                    help_text=HELP.get(key, ""),
                )

    def params(self) -> dict[str, Any]:
        """What the buyer set, as recipe parameters."""
        asked = {k: v for k, v in self.cleaned_data.items() if k in ASKED and v is not None}
        units = self.cleaned_data.get("units")
        if units is not None and self.package.unit_key in ASKED:
            asked[self.package.unit_key] = units
        return asked
