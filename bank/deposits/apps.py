from django.apps import AppConfig
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class DepositsConfig(AppConfig):
    name = "bank.deposits"
    label = "deposits"
    verbose_name = _("Deposits and payouts")

    def ready(self) -> None:
        from portal.core.errors import register_refusals
        from portal.history.ticks import ticks
        from portal.history.words import register_names

        from . import sweep
        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        if sweep.tick not in ticks:
            ticks.append(sweep.tick)
        register_names("deposit", _deposits)
        register_names("slotclose", _hours)


def _deposits(public_ids: list[str]) -> dict[str, str]:
    """“Hall A, from 21 Nov 2026”."""
    from portal.core.templatetags.suanli import time_text

    from .models import Deposit  # models are not loaded yet when this module is

    rows = Deposit.objects.filter(public_id__in=public_ids).values_list("public_id", "site__name", "from_date")
    return {
        public_id: gettext("{site}, from {date}").format(site=site, date=time_text(on, "date"))
        for public_id, site, on in rows
    }


def _hours(public_ids: list[str]) -> dict[str, str]:
    """“Hall A, 21 Nov, 22:00”."""
    from portal.core.templatetags.suanli import time_text
    from portal.core.words import joined

    from .models import SlotClose

    rows = SlotClose.objects.filter(public_id__in=public_ids).values_list("public_id", "slot__site__name", "hour")
    return {public_id: joined([site, time_text(hour)]) for public_id, site, hour in rows}
