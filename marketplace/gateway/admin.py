"""Staff: what each of this room's desks shows."""

from . import listing_admin  # noqa: F401
