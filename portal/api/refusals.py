"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

REFUSALS = {
    "idempotency_key_required": (
        _(
            "Send an Idempotency-Key header with every write: up to 200 visible characters that you "
            "make up once for "
            "each thing you want done, and repeat when you repeat the request."
        ),
        400,
    ),
    "idempotency_key_reused": (
        _(
            "This Idempotency-Key was already used for another request body. Make a new key for a new "
            "request."
        ),
        409,
    ),
    "idempotency_in_progress": (
        _(
            "The first request with this Idempotency-Key is still being worked on. Repeat it in a few "
            "seconds with the same key."
        ),
        409,
    ),
    "company_needed": (
        _(
            "You belong to several companies, or to none. Name one in the header Suanli-Company: its "
            "short name in the address of its pages."
        ),
        400,
    ),
    "scope_needed": (_("This key may not do this: it needs the right “{scope}”."), 403),
    "busy": (
        _("Somebody else is changing the same thing. Repeat the request in a few seconds with the same key."),
        503,
    ),
}
