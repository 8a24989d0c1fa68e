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
        register_names("quote", _quoted)
        register_names("samplerun", _tried)
        register_names("sample", _tried)  # how a run names the free try that it belongs to


def _numbers(public_ids: list[str]) -> dict[str, str]:
    from .models import Order  # models are not loaded yet when this module is

    return dict(Order.objects.filter(public_id__in=public_ids).values_list("public_id", "number"))


def _quoted(public_ids: list[str]) -> dict[str, str]:
    from portal.core.templatetags.suanli import time_text
    from portal.core.words import joined

    from .models import Quote

    found = Quote.objects.filter(public_id__in=public_ids).select_related("offering__package")
    return {quote.public_id: joined([quote.offering.title, time_text(quote.created_at)]) for quote in found}


def _tried(public_ids: list[str]) -> dict[str, str]:
    from portal.core.templatetags.suanli import time_text
    from portal.core.words import joined

    from .models import SampleRun

    found = SampleRun.objects.filter(public_id__in=public_ids).select_related("package")
    return {run.public_id: joined([run.package.name, time_text(run.created_at)]) for run in found}
