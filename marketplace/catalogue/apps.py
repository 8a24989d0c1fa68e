from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogueConfig(AppConfig):
    name = "marketplace.catalogue"
    label = "catalogue"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        from portal.core.errors import register_refusals
        from portal.history.words import register_names, register_reasons

        from . import refusals, steps

        register_refusals(refusals.REFUSALS)
        register_reasons(steps.REASONS)
        register_names("offering", _titles)


def _titles(public_ids: list[str]) -> dict[str, str]:
    from .models import Offering  # models are not loaded yet when this module is

    found = Offering.objects.filter(public_id__in=public_ids).select_related("package")
    return {offering.public_id: offering.title for offering in found}
