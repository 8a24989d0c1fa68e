"""The bookkeeper's words for accounts, reasons and amounts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.core.money import CARD_HOUR_CMS, CNY_UY, FEN_UY
from portal.core.words import MINUS, banked, whole_places, yuan

from .chart import CARD_HOURS, CNY, Kind, Reason

if TYPE_CHECKING:
    from .models import Account
    from .queries import Balance


def kind(code: str) -> str:
    return str(Kind(code).label) if code in Kind.values else code


def reason(code: str) -> str:
    return str(Reason(code).label) if code in Reason.values else code


def name_of(account: Account) -> str:
    """`Wallet`, `Banked hours, A800`."""
    name = kind(account.kind)
    if account.asset.startswith(CARD_HOURS):
        return _("{name}, {card}").format(name=name, card=account.asset.removeprefix(CARD_HOURS))
    return name


def unit(asset: str) -> str:
    """`CNY` / 元, `h` / 小时, or the asset itself."""
    if asset == CNY:
        return pgettext("unit", "CNY")
    return pgettext("unit", "h") if asset.startswith(CARD_HOURS) else asset


def amount(value: int, asset: str, *, signed: bool = False) -> str:
    """In yuan to the fen, or to the micro-yuan (all six decimals, for columns) where it is not whole fen."""
    if asset == CNY:
        text = yuan(value, exact=True)
        if value % FEN_UY:
            text = text.partition(".")[0] + f".{abs(value) % CNY_UY:06d}"
    elif asset.startswith(CARD_HOURS):
        text = banked(value)
    else:
        text = f"{value:,}"
    return f"+{text}" if signed and value > 0 else text


def shown(value: int, asset: str) -> int:
    """What of an amount its text says: of hours whole places only, so that what is shown can be added up."""
    return whole_places(value) if asset.startswith(CARD_HOURS) else value


def parts(values: Iterable[int], asset: str, *, before: int = 0) -> list[int]:
    """Parts of one whole as they are shown: their sum is the whole as it is shown. `before`: earlier parts."""
    found, total = [], before
    for value in values:
        found.append(shown(total + value, asset) - shown(total, asset))
        total += value
    return found


def held(balance: Balance, account: Account) -> str:
    """What is reserved: of hours what is left of the balance as it is shown beside what is available."""
    if account.asset.startswith(CARD_HOURS) and balance.available is not None and not balance.floor:
        rest = shown(balance.posted, account.asset) - shown(balance.available, account.asset)
        return amount(rest, account.asset)
    return amount(balance.held, account.asset)


def available(balance: Balance, account: Account) -> str:
    """What may still go out; "" where that means nothing (an account that is a debt or only collects)."""
    if balance.available is None or account.kind == Kind.LOAN:
        return ""
    return amount(balance.available, account.asset)


def plain(value: int, asset: str) -> str:
    """For a spreadsheet: an exact decimal number without grouping, in yuan or hours (nine decimals)."""
    if asset == CNY:
        scale, places = CNY_UY, 6
    elif asset.startswith(CARD_HOURS):
        scale, places = CARD_HOUR_CMS, 9
    else:
        return str(value)
    whole, part = divmod(abs(value), scale)
    decimals = f"{(part * 10**places * 2 + scale) // (2 * scale):0{places}d}".rstrip("0").ljust(2, "0")
    return f"{'-' if value < 0 else ''}{whole}.{decimals}"


def exact(value: int, asset: str, *, signed: bool = False) -> str:
    """With its unit, nothing rounded away: `CNY 0.004321`, `1.20 h`. For details."""
    text = amount(value, asset, signed=signed)
    if asset == CNY:
        return pgettext("amount of money", "CNY %(amount)s") % {"amount": text}
    return f"{text} {unit(asset)}"


def short(value: int, asset: str, *, signed: bool = False) -> str:
    """The headline figure, to the fen: `CNY 0.50`; what is there but below a fen is not called nothing."""
    if asset != CNY:
        return exact(value, asset, signed=signed)
    if 0 < abs(value) < FEN_UY:
        sign = f"{MINUS} " if value < 0 else "+ " if signed else ""
        return sign + pgettext("amount of money", "less than CNY 0.01")
    plus = "+" if signed and value > 0 else ""
    return pgettext("amount of money", "CNY %(amount)s") % {"amount": plus + yuan(value)}
