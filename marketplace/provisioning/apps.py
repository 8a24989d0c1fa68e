from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "marketplace.provisioning"
    label = "provisioning"

    def ready(self) -> None:
        from portal.core.errors import register_refusals

        from .refusals import REASONS

        register_refusals(REASONS)
