from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvisioningConfig(AppConfig):
    name = "marketplace.provisioning"
    label = "provisioning"
    verbose_name = _("Runs")

    def ready(self) -> None:
        from portal.core.errors import register_refusals
        from portal.history.words import register_names

        from .refusals import REASONS

        register_refusals(REASONS)
        register_names("allocation", _runs)


def _runs(public_ids: list[str]) -> dict[str, str]:
    """A run by what it runs for: an order's number, a package that is tried, a site that is tested."""
    from portal.core.templatetags.suanli import time_text
    from portal.history.words import names_of

    from .models import Allocation  # models are not loaded yet when this module is

    found = Allocation.objects.filter(public_id__in=public_ids).values_list("public_id", "cause", "created_at")
    names = names_of(cause for _id, cause, _at in found)
    return {public_id: names.get(cause) or time_text(at) for public_id, cause, at in found}
