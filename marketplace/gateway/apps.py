from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GatewayConfig(AppConfig):
    name = "marketplace.gateway"
    label = "gateway"
    verbose_name = _("Model calls")

    def ready(self) -> None:
        from marketplace.catalogue import hooks
        from portal.core.errors import register_refusals
        from portal.history.words import register_names, register_reasons

        from . import key_steps, reference
        from .refusals import REFUSALS
        from .steps import REASONS

        register_refusals(REFUSALS)
        register_reasons(REASONS)
        register_names("endpoint", _endpoints)
        hooks.references.append(reference.load)
        register_reasons(key_steps.REASONS)
        register_names("accesskey", _keys)


def _endpoints(public_ids: list[str]) -> dict[str, str]:
    from .models import Endpoint  # models are not loaded yet when this module is

    return {row.public_id: str(row) for row in Endpoint.objects.filter(public_id__in=public_ids).select_related(
        "model", "provider")}


def _keys(public_ids: list[str]) -> dict[str, str]:
    from .models import AccessKey  # models are not loaded yet when this module is

    return dict(AccessKey.objects.filter(public_id__in=public_ids).values_list("public_id", "name"))
