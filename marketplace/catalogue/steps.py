"""The words of this room's steps."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "draft_changed": _("changed: {fields}"),
    "price_set": _(
        "price set: base CNY {base_uy}, CNY {per_unit_uy} a unit, CNY {rate_uy_per_hour} a core-hour, "
        "{core_limit_cms} core-hours at most"
    ),
    "price_ended": _("price ended"),
    "listed": _("sites and hours chosen"),
    "returned": _("returned by the staff"),
    "taken_back": _("taken back by the provider"),
    "taken_off": _("taken off the shelf by the staff"),
    "price_accepted": _("raised price looked at by the staff"),
    "put_back": _("put back on the shelf by the staff"),
}
