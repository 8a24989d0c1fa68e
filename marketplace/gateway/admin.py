"""Staff: what each of this room's desks shows."""

from . import listing_admin, use_admin

__all__ = ["listing_admin", "use_admin"]
