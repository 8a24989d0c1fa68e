from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DispatchConfig(AppConfig):
    name = "marketplace.dispatch"
    label = "dispatch"
    verbose_name = _("Sites")

    def ready(self) -> None:
        from marketplace.catalogue import hooks
        from portal.core.errors import register_refusals

        from .listings import refuse_without_site
        from .queries import where_machines_stand
        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        hooks.before_submit.append(refuse_without_site)
        hooks.first_choices.append(where_machines_stand)
