from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "marketplace.orders"
    label = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from portal.core.errors import register_refusals
        from portal.history.words import register_names

        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        register_names("order", _numbers)


def _numbers(public_ids: list[str]) -> dict[str, str]:
    from .models import Order  # models are not loaded yet when this module is

    return dict(Order.objects.filter(public_id__in=public_ids).values_list("public_id", "number"))
