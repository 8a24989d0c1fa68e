from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "marketplace.catalogue"
    label = "catalogue"

    def ready(self) -> None:
        from portal.core.errors import register_refusals

        from . import refusals

        register_refusals(refusals.REFUSALS)
