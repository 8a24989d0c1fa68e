"""Numbers as people read them: yuan with two decimals, hours, the platform's time zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import pgettext

from .money import CARD_HOUR_CMS, CNY_UY, FEN_UY, Rounding, mul_div

MINUS = "−"


def yuan(amount_uy: int, exact: bool = False) -> str:
    """`1234567890` → `1,234.57`; exact shows as many of the six decimals as are needed (at least two)."""
    sign = MINUS if amount_uy < 0 else ""
    absolute = abs(amount_uy)
    if exact:
        whole, part = divmod(absolute, CNY_UY)
        decimals = f"{part:06d}".rstrip("0").ljust(2, "0")
        return f"{sign}{whole:,}.{decimals}"
    fen = mul_div(absolute, 100, CNY_UY)
    if fen == 0:
        sign = ""
    return f"{sign}{fen // 100:,}.{fen % 100:02d}"


def micro(amount_uy: int) -> str:
    """All six decimals, for a column of exact amounts: `78.503961`, `79.000000`."""
    sign = MINUS if amount_uy < 0 else ""
    whole, part = divmod(abs(amount_uy), CNY_UY)
    return f"{sign}{whole:,}.{part:06d}"


def comma() -> str:
    """Between two things, as the language writes it: `, ` or `，`."""
    return pgettext("between two things", ", ")


def colon() -> str:
    """`: ` or `：`."""
    return pgettext("between two things", ": ")


def joined(parts: Iterable[str]) -> str:
    """“Hall 2, 1 core” 「二号机房，1 核」."""
    return comma().join(str(part) for part in parts)


def floor_fen(amount_uy: int) -> int:
    """Down to the fen: what is named as the most must be accepted when it is typed."""
    return amount_uy // FEN_UY * FEN_UY


def hours(quantity_cms: int, rounding: Rounding = "half_even", places: int | None = None) -> str:
    """Card-milliseconds as hours: one decimal from ten hours on, four below one tenth, or always `places`.

    "down" for what is there to use: the figure shown is never more than there is.
    """
    sign = MINUS if quantity_cms < 0 else ""
    q = abs(quantity_cms)
    if places is None:
        places = 1 if q >= 10 * CARD_HOUR_CMS or q == 0 else 2 if q >= CARD_HOUR_CMS // 10 else 4
    scaled = mul_div(q, 10**places, CARD_HOUR_CMS, rounding)
    return f"{sign}{scaled // 10**places:,}.{scaled % 10**places:0{places}d}"


BANKED_PLACES = 4
BANKED_UNIT_CMS = CARD_HOUR_CMS // 10**BANKED_PLACES  # the last place of banked hours on a page, and in a form


def whole_places(quantity_cms: int) -> int:
    """What of banked hours a page shows, towards nothing: no more than is there, so that it can be used."""
    whole = abs(quantity_cms) // BANKED_UNIT_CMS * BANKED_UNIT_CMS
    return -whole if quantity_cms < 0 else whole


def whole_parts(parts_cms: list[int], whole_cms: int) -> list[int]:
    """The parts of a quantity as a page shows them: each rounded down, the largest takes what is left of the whole."""
    shown = [whole_places(part) for part in parts_cms]
    if shown:
        largest = max(range(len(shown)), key=lambda n: parts_cms[n])
        shown[largest] += whole_places(whole_cms) - sum(shown)
    return shown


def banked(quantity_cms: int, rounding: Rounding = "down") -> str:
    """Banked hours, the same on every page: `36.0807`. "up" for what is missing."""
    return hours(quantity_cms, rounding, BANKED_PLACES)


def local(at: datetime) -> datetime:
    """The same instant in the platform's zone, where business days and hours of the week are counted."""
    return at.astimezone(ZoneInfo(settings.PLATFORM_TZ))
