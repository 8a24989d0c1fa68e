"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

REFUSALS = {
    "bad_move": _("This cannot go from “{before}” to “{after}”. Nothing was changed."),
    "clock_only_in_demo": _("The clock can be set forward only in a demonstration (DEMO=1)."),
    "clock_never_back": _("The demonstration's clock only goes forward; choose a later time."),
}
