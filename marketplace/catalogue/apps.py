from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogueConfig(AppConfig):
    name = "marketplace.catalogue"
    label = "catalogue"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        from portal.core.errors import register_refusals
        from portal.history.words import register_reasons

        from . import refusals, steps

        register_refusals(refusals.REFUSALS)
        register_reasons(steps.REASONS)
