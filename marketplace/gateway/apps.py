from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GatewayConfig(AppConfig):
    name = "marketplace.gateway"
    label = "gateway"
    verbose_name = _("Model calls")

    def ready(self) -> None:
        from marketplace.catalogue import hooks
        from portal.core.errors import register_refusals

        from . import reference
        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        hooks.references.append(reference.load)
