"""Forms: a new site, a deposit, a withdrawal."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from marketplace.catalogue.models import Offering, Region
from marketplace.dispatch.models import Site

from .models import Deposit

NOTICES = (2, 6, 12, 24, 48)
WEEKS = 8
MOST_CORES = 100_000
USUAL_UNITS = 1  # core-hours of one's own script, until somebody writes another number


def _notice(hours: int) -> str:
    return ngettext("{n} hour", "{n} hours", hours).format(n=hours)


notice_words = lazy(_notice, str)


class SiteForm(forms.Form):
    """A new site of this machine's processor cores."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("How you call it: Night shop, Hall 2 …")
    )
    region = forms.ModelChoiceField(
        label=_("Region it is offered in"),
        queryset=Region.objects.all(),
        empty_label=_("Choose a region"),
        help_text=_(
            "It is the machine this portal runs on; customers are told this region, and that their data stay there."
        ),
        error_messages={"required": _("Choose the region it is offered in.")},
    )
    cards = forms.IntegerField(label=_("Processor cores you can give"), min_value=1, max_value=MOST_CORES)


class DepositForm(forms.Form):
    """Everything of a deposit but the painted hours, which come as 168 checkboxes `hour`."""

    site = forms.ModelChoiceField(
        label=_("Site"), queryset=Site.objects.none(), to_field_name="public_id", empty_label=None
    )
    cards = forms.IntegerField(label=_("Cores"), min_value=1)
    from_date = forms.DateField(
        label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    to_date = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    notice_h = forms.TypedChoiceField(
        label=_("Notice to take hours back"),
        coerce=int,
        choices=[(h, notice_words(h)) for h in NOTICES],
    )
    payout = forms.ChoiceField(label=_("Paid as"), choices=Deposit.Payout.choices, widget=forms.RadioSelect)
    mode = forms.ChoiceField(label=_("When it earns"), choices=Deposit.Mode.choices, widget=forms.RadioSelect)

    def __init__(self, *args: Any, sites: list[Site], today: date, **kwargs: Any) -> None:
        first = sites[0]
        kwargs["initial"] = {
            "site": first,
            "cards": first.cards,
            "from_date": today,
            "to_date": today + timedelta(weeks=WEEKS),
            "notice_h": 12,
            "payout": Deposit.Payout.HOURS,
            "mode": Deposit.Mode.CONSIGNMENT,
            **kwargs.get("initial", {}),
        }
        super().__init__(*args, **kwargs)
        field: Any = self.fields["site"]
        field.queryset = Site.objects.filter(pk__in=[s.pk for s in sites]).order_by("id")
        field.label_from_instance = lambda site: f"{site.name}, {site.cards}"
        if len(sites) == 1:
            field.widget = forms.HiddenInput()
        self.fields["cards"].widget.attrs["max"] = max(s.cards for s in sites)


class WithdrawForm(forms.Form):
    """A run of one's own, paid in banked hours: what runs, how long at most, and its file."""

    offering = forms.ChoiceField(label=_("What shall run"))
    units = forms.IntegerField(
        label=_("Core-hours at most"),
        min_value=1,
        required=False,
        initial=USUAL_UNITS,
        help_text=_("Only for your own script; what is not used comes back."),
    )
    file = forms.FileField(
        label=_("Your file"),
        help_text=_("A Python script, or the file that the package asks for."),
        error_messages={
            "required": _(
                "No file was chosen. Choose the file described above, then press the button again. "
                "Nothing was reserved."
            ),
            "empty": _("This file is empty. Choose the file described above. Nothing was reserved."),
        },
    )

    def __init__(self, *args: Any, offerings: list[Offering], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["offering"]
        field.choices = [(o.public_id, o.title) for o in offerings]
        self.known = {o.public_id: o for o in offerings}

    def clean_offering(self) -> Offering:
        return self.known[self.cleaned_data["offering"]]
