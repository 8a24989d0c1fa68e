"""What this room refuses, in words: code -> (sentence, HTTP status)."""

from typing import Any

from django.utils.translation import gettext_lazy as _

REFUSALS: dict[str, Any] = {
    "keys_enough": (_("A company has at most {most} keys for models. Revoke one that nobody uses."), 409),
    # addresses of providers' servers
    "address_malformed": _("This is not an address as https://models.example.cn/v1. Nothing was changed."),
    "address_names_somebody": _(
        "An address carries no name or password before “@”; the secret has a field of its own. Nothing was changed."
    ),
    "address_https": _("The address must begin with https://. Nothing was changed."),
    "address_port": _("Port {port} is not one that models are served at: use 443, or one from 1024 on."),
    "address_private": _(
        "“{host}” is not an address on the public internet, so the platform does not connect to it. Nothing was changed."
    ),
    "secret_again": _(
        "The secret was given for another server, so it is not sent to this one. Type the secret of this server too."
    ),
    "secret_malformed": _("A secret is one line of at most 500 letters, digits and signs. Nothing was changed."),
    "secrets_not_set_up": (
        _("The platform cannot keep secrets yet: SUANLI_SECRET_KEYS is not set. Nothing was changed."), 503
    ),
    "secret_unreadable": (
        _("A kept secret was sealed under a key that is no longer there. Its provider must give it anew."), 503
    ),
    # model endpoints and their prices
    "endpoint_not_draft": _("Only a draft can be changed. Prices and the secret can be changed later too."),
    "output_too_long": _("The longest output is at least 1 token and no more than the model takes: {tokens}."),
    "parallel_needed": _("Calls at once: from 1 to {most}."),
    "name_needed": _("Say what your server calls this model; that name is sent to it."),
    "price_in_past": _("A price cannot begin in the past; what was charged stays charged. Nothing was changed."),
    "price_malformed": _(
        "One of these prices cannot be: a price is not below zero, an input length is below {tokens} tokens, and a "
        "model that makes vectors has no price for output. Nothing was changed."
    ),
    "price_overlaps": _("Two of these prices hold for the same tokens in the same hour. Nothing was changed."),
    "price_gaps": _(
        "A price that differs by length or hour also needs the price of all other calls: fill in its first line. "
        "Nothing was changed."
    ),
    "price_announced": _(
        "A change from {at} on is already announced. Take it back first, then set another. Nothing was changed."
    ),
    "raise_needs_notice": _(
        "Some calls would cost more, and customers are told first: a dearer price begins at {at} at the earliest. "
        "Nothing was changed."
    ),
    "nothing_announced": _("No change of price is announced. Nothing was changed."),
    "too_many_tests": (_("This company has tested addresses {most} times in an hour. Wait, then test again."), 429),
    "key_revoked": (_("The key “{name}” was revoked. Make a new one. Nothing was changed."), 409),
    "key_limit": (_("A limit is more than zero. Leave it empty where there is none. Nothing was changed."), 400),
    "key_model": (_("There is no model “{name}”. Nothing was changed."), 400),
    "key_address": (_("“{address}” is no address and no network; one looks like 192.0.2.0/24."), 400),
    "key_provider": (_("There is no provider “{name}”. Nothing was changed."), 400),
    "key_region": (_("There is no region “{region}”. Nothing was changed."), 400),
    "key_long": (_("Name at most {most} of a kind on one key. Nothing was changed."), 400),
}
