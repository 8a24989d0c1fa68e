from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvisioningConfig(AppConfig):
    name = "marketplace.provisioning"
    label = "provisioning"
    verbose_name = _("Runs")

    def ready(self) -> None:
        from portal.core.errors import register_refusals

        from .refusals import REASONS

        register_refusals(REASONS)
