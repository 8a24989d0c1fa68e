from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "marketplace.billing"
    label = "billing"
    verbose_name = _("Payments and bills")

    def ready(self) -> None:
        from portal.accounts import hooks
        from portal.core.errors import register_refusals
        from portal.history.words import register_names

        from .refusals import REFUSALS

        register_refusals(REFUSALS)
        register_names("topup", _references)
        register_names("withdrawal", _withdrawals)
        register_names("booking", _bookings)
        register_names("correction", _corrections)
        hooks.after_registration.append(_open_wallet)


def _open_wallet(organisation, now) -> None:
    from .actions import ensure_wallet  # models are not loaded yet when this module is

    ensure_wallet(organisation, now)


def _references(public_ids: list[str]) -> dict[str, str]:
    from .models import TopUp  # models are not loaded yet when this module is

    return dict(TopUp.objects.filter(public_id__in=public_ids).values_list("public_id", "reference"))


def _withdrawals(public_ids: list[str]) -> dict[str, str]:
    from .models import Withdrawal

    return dict(Withdrawal.objects.filter(public_id__in=public_ids).values_list("public_id", "reference"))


def _bookings(public_ids: list[str]) -> dict[str, str]:
    from .models import Booking

    return dict(Booking.objects.filter(public_id__in=public_ids).values_list("public_id", "topup__reference"))


def _corrections(public_ids: list[str]) -> dict[str, str]:
    from .models import Correction

    return dict(Correction.objects.filter(public_id__in=public_ids).values_list("public_id", "topup__reference"))
