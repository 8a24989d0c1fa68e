from django.apps import AppConfig


class DispatchConfig(AppConfig):
    name = "marketplace.dispatch"
    label = "dispatch"
