from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "portal.api"
    label = "api"

    def ready(self) -> None:
        from portal.core.errors import register_refusals

        from . import refusals

        register_refusals(refusals.REFUSALS)
