from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LendingConfig(AppConfig):
    name = "bank.lending"
    label = "lending"
    verbose_name = _("Credit and loans")

    def ready(self) -> None:
        from bank.deposits import hooks as deposits
        from marketplace.billing import hooks
        from portal.core.errors import register_refusals
        from portal.history.ticks import ticks

        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        if _objection not in hooks.objections:
            hooks.objections.append(_objection)
        if _tied not in deposits.ties:
            deposits.ties.append(_tied)
        if _tick not in ticks:
            ticks.append(_tick)


def _tick(now) -> None:
    from .sweep import run_due  # models are not loaded yet when this module is

    run_due(now=now)


def _objection(organisation, now):
    from .queries import against_withdrawal

    return against_withdrawal(organisation, now)


def _tied(organisation, now):
    from .tied import tied

    return tied(organisation, now)
