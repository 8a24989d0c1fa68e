"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

from portal.core.errors import Refusals

REFUSALS: Refusals = {
    "not_available": _("This cannot be bought at the moment. Nothing was charged."),
    "file_deleted": _("This file was deleted when its time was over. Bring it again; nothing was charged."),
    "not_yours": (_("This file belongs to another company."), 404),
    "too_big": (_("This job has {units} units; this package takes {least} to {most}. Nothing was charged."), 400),
    "quote_expired": _("This quote has ended and its room was given back. Nothing was charged; ask for a new one, it takes a second."),
    "quote_gone": _("This quote was given back. Nothing was charged; ask for a new one."),
    "needs_approval": (
        _("This can cost up to CNY {cap_uy}. Until your company is approved you can buy up to CNY {limit_uy} at a time; approval usually takes one working day. Nothing was reserved."),
        403,
    ),
    "staff_stop": _("Our staff stopped it."),
    "platform_stop": _("Our staff stopped it for a cause on our side. Nothing was charged."),
    "company_suspended": (_("This company is suspended and cannot buy. Nothing was reserved."), 403),
    "too_many_samples": (_("That is enough tries for now; come back in an hour, or sign up and run your own file."), 429),
}
