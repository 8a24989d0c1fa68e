"""The words of this room's refusals."""

from typing import Any

from django.utils.translation import gettext_lazy as _

REFUSALS: dict[str, Any] = {
    "not_a_provider": _(
        "Your company is not registered as a provider yet. Register a site first; nothing was changed."
    ),
    "company_not_approved": _(
        "Your company is still waiting for approval. You can submit as soon as it is approved."
    ),
    "package_not_runnable": _(
        "“{package}” cannot run here yet, so it cannot be offered. Choose another outcome."
    ),
    "class_not_sellable": _("No engine here can run {resource_class} yet. Choose another class."),
    "offering_not_draft": _("Only a draft can be changed. Prices can be changed while it does not wait for approval."),
    "waits_for_approval": _(
        "It waits for approval, and what is approved is what was seen. Take it back first, then change it and hand "
        "it in again. Nothing was changed."
    ),
    "taken_off": _(
        "Our staff took it off the shelf: “{reason}”. They put it back when that is settled. Nothing was changed."
    ),
    "paused_by_provider": _("Its provider paused it; only the provider sells it again. Nothing was changed."),
    "price_not_raised": _("There is no raised price to look at. Nothing was changed."),
    "price_needed": _("Set a price first: buyers must see the most it can cost."),
    "reason_needed": _("Say what the provider should change; they read exactly this sentence."),
    "price_negative": _("A price cannot be below zero."),
    "price_is_zero": _("This price would be zero. Set a base price, a price per unit or a rate per hour."),
    "limit_needed": _("Set the most card-time that one run may use; the cap is made from it."),
    "cores_needed": _("A run needs at least one core."),
    "index_price_stands": _(
        "The price of {date} is already recorded as CNY {price_uy}; a dated price is never changed."
    ),
    "too_many_tries": (_("Too many tries from this address. Wait an hour and try again."), 429),
}
