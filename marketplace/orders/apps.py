from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "marketplace.orders"
    label = "orders"

    def ready(self) -> None:
        from portal.core.errors import register_refusals

        from .refusals import REFUSALS

        register_refusals(REFUSALS)
