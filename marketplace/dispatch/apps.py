from django.apps import AppConfig


class DispatchConfig(AppConfig):
    name = "marketplace.dispatch"
    label = "dispatch"

    def ready(self) -> None:
        from portal.core.errors import register_refusals

        from .refusals import REFUSALS

        register_refusals(REFUSALS)
