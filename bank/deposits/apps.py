from django.apps import AppConfig


class DepositsConfig(AppConfig):
    name = "bank.deposits"
    label = "deposits"

    def ready(self) -> None:
        from portal.core.errors import register_refusals
        from portal.history.ticks import ticks

        from . import sweep
        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        if sweep.tick not in ticks:
            ticks.append(sweep.tick)
