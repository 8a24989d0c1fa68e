"""The words of what happens to keys."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "model_key_made": _("made for {email}"),
    "model_key_limits": _("limits changed"),
    "model_key_revoked": _("revoked"),
}
