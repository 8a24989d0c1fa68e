"""One cell: dates, numbers, formulas, as people and their tills write them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

EXCEL_EPOCH_DATE = date(1899, 12, 30)
EXCEL_SERIALS = range(29221, 55153)  # 1980-01-01 to 2050-12-31, so five digits are never a year and month
YEARS = range(1900, 2101)

_TIME = r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_YMD = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_YMD_PLAIN = re.compile(r"(\d{4})(\d{2})(\d{2})")
_YMD_HAN = re.compile(rf"(\d{{4}})年(\d{{1,2}})月(\d{{1,2}})[日号]{_TIME}")
_DMY_DOTS = re.compile(rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}){_TIME}")
_YM = re.compile(r"(\d{4})[-/.](\d{1,2})|(\d{4})年(\d{1,2})月份?|(\d{4})(\d{2})")
_ORDER_UNCLEAR = re.compile(r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}|\d{2}-\d{1,2}-\d{1,2}")

_PLAIN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?|-?\.\d+")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:([, '’])\d{3})(?:\1\d{3})*(?:\.\d+)?")
_THOUSANDS_DOTS = re.compile(r"-?\d{1,3}(?:\.\d{3})+,\d+")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d{1,2}")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a month (its first day). `repaired` is a note code when the writing was unusual."""

    day: date
    is_month: bool = False
    repaired: str = ""


class OrderUnclearError(ValueError):
    """Day and month could be either way round."""


@lru_cache(maxsize=8192)
def parse_moment(text: str) -> Moment:
    """A date as people write it: 2026-11-21, 2026/11/21, 2026.11.21, 20261121, 2026年11月21日, 21.11.2026,
    2026-11, 202611, 2026年11月, an Excel serial (46347); a time behind it is dropped.

    Raises OrderUnclearError for 11/12/2026, ValueError for everything else.
    """
    text = _plain(text)
    if found := _YMD.fullmatch(text):
        repaired = "times_dropped" if ":" in text else ""
        return Moment(_day(found[1], found[3], found[4]), repaired=repaired)
    if found := _YMD_HAN.fullmatch(text.replace(" ", "")) or _YMD_PLAIN.fullmatch(text):
        return Moment(_day(found[1], found[2], found[3]))
    if found := _DMY_DOTS.fullmatch(text):
        return Moment(_day(found[3], found[2], found[1]))
    if found := _YM.fullmatch(text):
        year, month = (part for part in found.groups() if part)
        return Moment(_day(year, month, "1"), is_month=True)
    if text.removesuffix(".0").isdecimal() and int(text.removesuffix(".0")) in EXCEL_SERIALS:
        serial = int(text.removesuffix(".0"))
        return Moment(EXCEL_EPOCH_DATE + timedelta(days=serial), repaired="excel_serials")
    if _ORDER_UNCLEAR.fullmatch(text.split(" ")[0]):
        raise OrderUnclearError(text)
    raise ValueError(text)


def _day(year: str, month: str, day: str) -> date:
    if int(year) not in YEARS:
        raise ValueError(year)
    return date(int(year), int(month), int(day))


@lru_cache(maxsize=8192)
def parse_number(text: str) -> tuple[float, str]:
    """(value, note code or ""): 1234, 1,234.5, 1 234, 1.234,5, 12,5, ￥12.00, full-width digits, (5) = -5.

    Raises ValueError; a bare exponent overflow or nan counts as no number.
    """
    if _PLAIN.fullmatch(text):
        return _finite(text), ""
    text = _plain(text).lstrip("¥￥$€").removesuffix("元").strip()
    text = text.replace("\N{MINUS SIGN}", "-").removeprefix("+")
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    elif text.endswith("-"):
        text = "-" + text[:-1]
    if _PLAIN.fullmatch(text):
        return _finite(text), ""
    if _THOUSANDS.fullmatch(text):
        return _finite(re.sub(r"[, '’]", "", text)), "thousands"
    if _THOUSANDS_DOTS.fullmatch(text):
        return _finite(text.replace(".", "").replace(",", ".")), "thousands"
    if _DECIMAL_COMMA.fullmatch(text):
        return _finite(text.replace(",", ".")), "decimal_comma"
    raise ValueError(text)


def _finite(text: str) -> float:
    value = float(text)
    if abs(value) > 1e15:
        raise ValueError(text)
    return value


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run this cell: it starts with = + - @ and is no plain number or dash."""
    text = text.lstrip(" \t\r\n\u00a0'\"")
    if not text or text[0] not in "=+-@＝＋－＠":
        return False
    if text[0] in "=@＝＠":
        return True
    try:
        parse_number(text)
    except ValueError:
        return any(char.isalnum() for char in text)
    return False


def _plain(text: str) -> str:
    """Full-width and exotic spaces made ordinary."""
    return " ".join(unicodedata.normalize("NFKC", text).split())
