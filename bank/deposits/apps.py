from django.apps import AppConfig
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
        register_names("deposit", _deposits)
        if sweep.tick not in ticks:
            ticks.append(sweep.tick)


def _deposits(public_ids: list[str]) -> dict[str, str]:
    from portal.core.templatetags.suanli import time_text
    from portal.core.words import joined

    from .models import Deposit  # models are not loaded yet when this module is

    found = Deposit.objects.filter(public_id__in=public_ids).values_list("public_id", "site__name", "from_date")
    return {public_id: joined([site, time_text(day)]) for public_id, site, day in found}
