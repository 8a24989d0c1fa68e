from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DispatchConfig(AppConfig):
    name = "marketplace.dispatch"
    label = "dispatch"
    verbose_name = _("Sites")

    def ready(self) -> None:
        from marketplace.catalogue import hooks
        from portal.core.errors import register_refusals
        from portal.history.words import register_names

        from .listings import refuse_without_site
        from .queries import where_machines_stand
        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        register_names("site", _names)
        hooks.before_submit.append(refuse_without_site)
        hooks.first_choices.append(where_machines_stand)


def _names(public_ids: list[str]) -> dict[str, str]:
    from .models import Site  # models are not loaded yet when this module is

    return dict(Site.objects.filter(public_id__in=public_ids).values_list("public_id", "name"))
