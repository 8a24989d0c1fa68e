"""What this room refuses, in words: code -> (sentence, HTTP status)."""

from django.utils.translation import gettext_lazy as _

REFUSALS = {
    "keys_enough": (_("A company has at most {most} keys for models. Revoke one that nobody uses."), 409),
    "key_revoked": (_("The key “{name}” was revoked. Make a new one. Nothing was changed."), 409),
    "key_limit": (_("A limit is more than zero. Leave it empty where there is none. Nothing was changed."), 400),
    "key_model": (_("There is no model “{name}”. Nothing was changed."), 400),
    "key_address": (_("“{address}” is no address and no network; one looks like 192.0.2.0/24."), 400),
    "key_provider": (_("There is no provider “{name}”. Nothing was changed."), 400),
    "key_region": (_("There is no region “{region}”. Nothing was changed."), 400),
    "key_long": (_("Name at most {most} of a kind on one key. Nothing was changed."), 400),
}
