"""What this room refuses, in words: code -> (sentence, HTTP status)."""

from django.utils.translation import gettext_lazy as _

REFUSALS = {
    "keys_enough": (_("A company has at most {most} keys for models. Revoke one that nobody uses."), 409),
}
