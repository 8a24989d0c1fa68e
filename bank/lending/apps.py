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
        from portal.history.words import register_names

        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        register_names("application", _applications)
        register_names("loan", _loans)
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


def _applications(public_ids: list[str]) -> dict[str, str]:
    from portal.core.templatetags.suanli import time_text
    from portal.core.words import joined

    from .models import Application  # models are not loaded yet when this module is

    found = Application.objects.filter(public_id__in=public_ids)
    rows = found.values_list("public_id", "organisation__name", "created_at")
    return {public_id: joined([name, time_text(at)]) for public_id, name, at in rows}


def _loans(public_ids: list[str]) -> dict[str, str]:
    from portal.core.templatetags.suanli import time_text
    from portal.core.words import joined

    from .models import Loan

    rows = Loan.objects.filter(public_id__in=public_ids).values_list("public_id", "borrower__name", "started_at")
    return {public_id: joined([name, time_text(at)]) for public_id, name, at in rows}


def _tied(organisation, now):
    from .tied import tied

    return tied(organisation, now)
