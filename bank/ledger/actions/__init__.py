"""Writes to the books. Every function is atomic, keyword-only and given `now`; a refused one changes nothing.

Order of locks inside one action: holds, then accounts by pk, then keys. An action of another room that
calls several of these in one transaction calls `lock` first with all the accounts it will touch.
"""

from .accounts import lock, open, roll_up, set_floor
from .closing import close_day, export_closings
from .holds import expire_holds, extend, hold, release, settle
from .lots import expire_lots
from .posting import Entry, Leg, LotSpec, post, post_many, reverse, transfer

__all__ = [
    "Entry", "Leg", "LotSpec", "close_day", "expire_holds", "expire_lots", "export_closings", "extend", "hold", "lock",
    "open", "post", "post_many", "release", "reverse", "roll_up", "set_floor", "settle", "transfer",
]
