from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    name = "bank.ledger"
    label = "ledger"
    verbose_name = _("Books")

    def ready(self) -> None:
        from portal.core.errors import register_refusals

        from . import install, refusals

        register_refusals(refusals.REFUSALS)
        post_migrate.connect(install.after_migrate, sender=self)
