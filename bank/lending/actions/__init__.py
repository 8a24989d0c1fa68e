"""Writes of this room. Every function is atomic, keyword-only and given `now`; a refused one changes nothing.

Order of locks: application, then loan, then the books' accounts (all at once, by ledger.lock).
"""

from .applications import add_offer, apply, decline, expire, reject, withdraw, withdraw_offer
from .credit import repay_credit, set_limit
from .loans import accept, add_pledge, book_lender_payment, check_margins, repay
from .proposals import confirm, give_up, propose_limit, propose_payment

__all__ = [
    "accept",
    "add_offer",
    "add_pledge",
    "apply",
    "book_lender_payment",
    "check_margins",
    "confirm",
    "decline",
    "expire",
    "give_up",
    "propose_limit",
    "propose_payment",
    "reject",
    "repay",
    "repay_credit",
    "set_limit",
    "withdraw",
    "withdraw_offer",
]
