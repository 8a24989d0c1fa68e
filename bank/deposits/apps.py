from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DepositsConfig(AppConfig):
    name = "bank.deposits"
    label = "deposits"
    verbose_name = _("Deposits and payouts")

    def ready(self) -> None:
        from portal.core.errors import register_refusals
        from portal.history.ticks import ticks

        from . import sweep
        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        if sweep.tick not in ticks:
            ticks.append(sweep.tick)
