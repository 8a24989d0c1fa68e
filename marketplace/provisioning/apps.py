from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "marketplace.provisioning"
    label = "provisioning"
