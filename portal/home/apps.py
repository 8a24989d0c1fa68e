from django.apps import AppConfig
from django.db.models.signals import post_migrate


class HomeConfig(AppConfig):
    name = "portal.home"
    label = "home"

    def ready(self) -> None:
        from django.apps import apps

        from . import roles

        # the last room with tables: every permission is there then
        post_migrate.connect(roles.after_migrate, sender=apps.get_app_config("lending"))
