from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class HistoryConfig(AppConfig):
    name = "portal.history"
    label = "history"
    verbose_name = _("History")

    def ready(self) -> None:
        from portal.core import clock
        from portal.core.errors import register_refusals

        from . import actions, refusals

        register_refusals(refusals.REFUSALS)
        if settings.DEMO:
            clock.use_offset(actions.stored_offset)
