from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        from portal.api import hooks
        from portal.core.errors import register_refusals

        from . import authentication, refusals

        register_refusals(refusals.REFUSALS)
        hooks.grant_of_session = authentication.grant_of_session
