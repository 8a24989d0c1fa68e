"""Money and capacity as integers: micro-yuan, card-milliseconds, parts per million.

One rounding function for the whole project. Where a share does not divide, the caller books the
residue (bank.ledger has an account for it); nothing is lost in a float.
"""

from __future__ import annotations

from typing import Literal

CNY_UY = 1_000_000  # micro-yuan in a yuan
FEN_UY = 10_000  # micro-yuan in a fen, the smallest amount a bank moves
CARD_HOUR_CMS = 3_600_000  # card-milliseconds in a card-hour (or core-hour)
PPM = 1_000_000

Rounding = Literal["down", "up", "half_even"]


def mul_div(value: int, numerator: int, denominator: int, rounding: Rounding = "half_even") -> int:
    """value × numerator ÷ denominator, rounded once. Raises ValueError for a denominator below one.

    "down" goes towards minus infinity and "up" towards plus infinity, so that down + up sides of a
    split always enclose the exact amount.
    """
    if denominator < 1:
        raise ValueError("denominator must be positive")
    quotient, rest = divmod(value * numerator, denominator)
    if rest == 0 or rounding == "down":
        return quotient
    if rounding == "up":
        return quotient + 1
    twice = 2 * rest
    return quotient + (1 if twice > denominator or (twice == denominator and quotient % 2) else 0)


def share(amount: int, ppm: int, rounding: Rounding = "down") -> int:
    """That many parts per million of an amount."""
    return mul_div(amount, ppm, PPM, rounding)


def price_of(quantity_cms: int, rate_uy_per_hour: int, rounding: Rounding = "half_even") -> int:
    """Micro-yuan for card-milliseconds at a rate per card-hour."""
    return mul_div(quantity_cms, rate_uy_per_hour, CARD_HOUR_CMS, rounding)


def to_fen(amount_uy: int) -> int:
    """The nearest whole fen."""
    return mul_div(amount_uy, 1, FEN_UY) * FEN_UY


def ceil_to(amount: int, step: int) -> int:
    """The next multiple of step that is not below amount."""
    return -(-amount // step) * step
