from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"
    verbose_name = _("Companies and people")

    def ready(self) -> None:
        from portal.api import hooks
        from portal.core.errors import register_refusals
        from portal.history.words import register_names, register_reasons

        from . import authentication, refusals, steps

        register_refusals(refusals.REFUSALS)
        register_reasons(steps.REASONS)
        register_names("organisation", _companies)
        hooks.grant_of_session = authentication.grant_of_session


def _companies(public_ids: list[str]) -> dict[str, str]:
    from .models import Organisation  # models are not loaded yet when this module is

    return dict(Organisation.objects.filter(public_id__in=public_ids).values_list("public_id", "name"))
