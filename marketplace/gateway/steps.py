"""The words of this room's steps."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "secret_set": _("secret given anew"),
    "prices_set": _(
        "prices from {at} on: input CNY {input_uy}, output CNY {output_uy} for a million tokens in most hours"
    ),
    "input_price_set": _("price from {at} on: input CNY {input_uy} for a million tokens in most hours"),
    "prices_changed": _("prices changed from {at} on"),
    "prices_taken_back": _("announced prices taken back"),
}
