"""The words and figures every page uses: money, hours, times, icons, refusals, and the paper objects.

Amounts come in as integers (`_uy` micro-yuan, `_cms` card-milliseconds) and leave as text; nothing here
calculates a price. The markup lives in templates/components/, listed in its README.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import formats
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, pgettext, pgettext_lazy

from portal.core import words as plain
from portal.core.errors import Refused, sentence
from portal.core.money import CARD_HOUR_CMS, FEN_UY, ceil_to

register = template.Library()

SHORT_DAYS = (
    pgettext_lazy("short weekday", "Mon"),
    pgettext_lazy("short weekday", "Tue"),
    pgettext_lazy("short weekday", "Wed"),
    pgettext_lazy("short weekday", "Thu"),
    pgettext_lazy("short weekday", "Fri"),
    pgettext_lazy("short weekday", "Sat"),
    pgettext_lazy("short weekday", "Sun"),
)


def _rounded(amount: int, unit: int) -> int:
    """`amount` (≥ 0) in units of `unit`, halves upwards."""
    return (amount + unit // 2) // unit


@register.filter
def yuan(amount_uy: int | None, style: str = "") -> str:
    """Micro-yuan as yuan: grouped, two decimals, a true minus sign. None gives an empty text.

    style: "" two decimals; "short" drops ".00"; "exact" up to six decimals where they exist;
    "micro" all six, for a column; "beyond" all six where two do not say it all, else an empty text;
    "cap" is "short" rounded up, so that a ceiling is never shown lower than it is;
    "most" is rounded down, so that what is named as the most is not more than that;
    "signed" puts + before what comes in.
    """
    if amount_uy is None or amount_uy == "":
        return ""
    amount = int(amount_uy)
    if style == "micro" or (style == "beyond" and amount % FEN_UY):
        return plain.micro(amount)
    if style == "beyond":
        return ""
    if style == "cap":
        amount = ceil_to(amount, FEN_UY)
    elif style == "most":
        amount = plain.floor_fen(amount)
    text = plain.yuan(amount, exact=style == "exact")
    if style in ("short", "cap"):
        text = text.removesuffix(".00")
    return f"+{text}" if style == "signed" and amount > 0 else text


@register.filter
def unbroken(code: str) -> SafeString:
    """A code that is read out and copied, never broken at a dash: "SL-NY4T-V4"."""
    return format_html('<span class="nb">{}</span>', code)


@register.filter
def cny(amount_uy: int | None, style: str = "") -> str:
    """The amount with its currency, for use inside a sentence: "CNY 79.00", 「79.00 元」."""
    text = yuan(amount_uy, style)
    return pgettext("amount of money", "CNY %(amount)s") % {"amount": text} if text else ""


@register.filter
def hours(amount_cms: int | None, style: str = "") -> str:
    """Card-milliseconds as hours; None gives "".

    style: "short" drops a decimal that says nothing; "free" is rounded down, for what is there to use;
    "least" says "less than 0.01" where so little would read as nothing.
    """
    if amount_cms is None or amount_cms == "":
        return ""
    amount = int(amount_cms)
    if style == "least" and 0 < amount < CARD_HOUR_CMS // 100:
        return gettext("less than 0.01")
    text = plain.hours(amount, "down" if style == "free" else "half_even")
    return text.removesuffix(".0").removesuffix(".00") if style == "short" else text


@register.filter
def banked(amount_cms: int | None, style: str = "") -> str:
    """Banked hours, and core-hours beside them: four decimals, rounded down; None gives "". "up": what is missing."""
    if amount_cms is None or amount_cms == "":
        return ""
    return plain.banked(int(amount_cms), "up" if style == "up" else "down")


register.simple_tag(plain.comma)
register.simple_tag(plain.colon)


@register.filter
def seconds(milliseconds: int | None) -> str:
    """Milliseconds as seconds with three decimals: 2387 → "2.387"."""
    if milliseconds is None or milliseconds == "":
        return ""
    whole, part = divmod(int(milliseconds), 1000)
    return f"{whole:,}.{part:03d}"


@register.filter
def grouped(number: int | None) -> str:
    """An integer with thousands separators and a true minus sign, in every language."""
    if number is None or number == "":
        return ""
    return f"{int(number):,}".replace("-", plain.MINUS)


@register.filter
def filesize(size: int | None) -> str:
    """Bytes as kB or MB, as a shop would write it."""
    size = int(size or 0)
    if size < 1000:
        return pgettext("file size", "%(n)s bytes") % {"n": size}
    if size < 1_000_000:
        return f"{_rounded(size, 1000)} kB"
    mega = _rounded(size, 100_000)
    return f"{mega // 10:,}.{mega % 10} MB"


@register.filter
def contact_url(contact: str, subject: str = "") -> str:
    """`mailto:` or `tel:` for an address or a telephone number; "" for anything else ("window 3, ground floor")."""
    if re.fullmatch(r"[^@\s]+@[^@\s]+", contact):
        return f"mailto:{contact}" + (f"?subject={quote(subject)}" if subject else "")
    number = re.sub(r"[\s()-]", "", contact)
    return f"tel:{number}" if re.fullmatch(r"\+?\d{3,15}", number) else ""


@register.filter
def drums(text: str) -> list[tuple[str, str]]:
    """The characters of a figure with the class of their drum: "" whole, "p" point or comma, "d" decimals."""
    found, point = [], False
    for char in str(text):
        if char in ".,":
            point = point or char == "."
            found.append((char, "p"))
        else:
            found.append((char, "d" if point else ""))
    return found


@register.simple_tag
def share(part: int, whole: int) -> str:
    """`part` of `whole` as an SVG percentage with one decimal, kept between 0% and 100%."""
    if not whole or int(whole) <= 0:
        return "0%"
    mille = max(0, min(1000, int(part) * 1000 // int(whole)))
    return f"{mille // 10}.{mille % 10}%"


@register.filter
def words(obj: Any, field: str) -> str:
    """`field`_zh or `field`_en of an object or mapping by the language of the page, the other as fallback."""
    first, second = ("zh", "en") if (get_language() or "").startswith("zh") else ("en", "zh")
    for language in (first, second):
        key = f"{field}_{language}"
        value = obj.get(key) if isinstance(obj, Mapping) else getattr(obj, key, "")
        if value:
            return str(value)
    return ""


def _time_format(style: str) -> str:
    return {
        "full": pgettext("date format", "l j F Y, H:i"),
        "long": pgettext("date format", "j F Y, H:i"),
        "short": pgettext("date format", "j M, H:i"),
        "time": pgettext("date format", "H:i"),
        "clock": pgettext("date format", "H:i:s"),
        "date": pgettext("date format", "j M Y"),
        "day": pgettext("date format", "j M"),
        "month": pgettext("date format", "F Y"),
    }[style]


@register.filter
def time_text(moment: datetime | date | None, style: str = "short") -> str:
    """A moment in the platform's zone as text; styles as in `public_time`."""
    if not moment:
        return ""
    if isinstance(moment, datetime):
        moment = plain.local(moment)
    elif style in ("full", "long", "short"):
        style = "date"
    return formats.date_format(moment, _time_format(style), use_l10n=False)


@register.simple_tag
def public_time(moment: datetime | date | None, style: str = "short") -> SafeString | str:
    """`<time>` in the platform's zone. style: full, long, short, time, clock, date, day, month."""
    if not moment:
        return ""
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), time_text(moment, style))


@register.simple_tag
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """A drawing from the sprite: the 16 trades by key, or a small sign. size: "s" 18 px, "l" 64 px."""
    css = f"i i-{size}" if size else "i"
    href = f"{static('img/sprite.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, href
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, href)


@register.simple_tag
def refusal(refused: Any) -> str:
    """What a refusal says in the language of the page: a Refused, a stored code, or (code, params)."""
    if isinstance(refused, Refused):
        return str(refused)
    if isinstance(refused, (tuple, list)):
        return sentence(refused[0], refused[1])
    return sentence(str(refused)) if refused else ""


@register.simple_tag
def money(amount_uy: int, size: str = "price", style: str = "short", cap: bool = False) -> SafeString:
    """A figure as a hero: serif digits beside a small currency, under the red lid when `cap`.

    A hero ("hl") of many digits is set smaller, so that it stays on one line of a receipt.
    """
    text = yuan(amount_uy, "cap" if cap else style)
    if "hl" in size.split() and len(text) > 5:
        size += " hl-m" if len(text) == 6 else " hl-s" if len(text) <= 8 else " hl-x"
    return SafeString(render_to_string("components/money.html", {"text": text, "size": size, "cap": cap}))


@register.simple_block_tag
def receipt(content: str, **parameters: Any) -> str:
    """Paper with a torn edge around any content; parameters as in components/receipt.html."""
    return render_to_string("components/receipt.html", {**parameters, "content": content})


@register.simple_block_tag
def section(content: str, *, title: str, id: str, note: str = "", url: str = "") -> str:
    """A section under a ruled heading, with a remark or a link at the right."""
    return render_to_string(
        "components/section.html", {"title": title, "id": id, "note": note, "url": url, "content": content}
    )


@register.simple_block_tag
def errorpanel(content: str, **parameters: Any) -> str:
    """What went wrong, what happened to the money, what to do; parameters as in components/error.html."""
    return render_to_string("components/error.html", {**parameters, "content": content})


@register.inclusion_tag("components/ink_grid.html")
def ink_grid(
    name: str,
    weights: Sequence[int],
    painted: Collection[int] = (),
    legend: str = "",
    locked: bool = False,
    taken: Collection[int] = (),
    tonight: Any = None,
) -> dict[str, Any]:
    """The week as 168 checkboxes `name`=hour of week (0 = Monday 00:00, platform zone).

    weights: 168 integers of one unit, what an hour earns relative to others; the four strengths of ink
    are quarters of their range. painted: the hours ticked. taken: hours that cannot be ticked any more.
    tonight: the coming night (hours, from_date, to_date), for a pattern that paints it and no other.
    """
    if len(weights) != 168:
        raise ValueError("a week has 168 hours")
    low, high = min(weights), max(weights)
    span = max(1, high - low)
    days = [
        {
            "short": SHORT_DAYS[day],
            "cells": [
                {
                    "hour": day * 24 + hour,
                    "label": f"{WEEKDAYS[day]} {hour:02d}:00",
                    "strength": min(4, 1 + (weights[day * 24 + hour] - low) * 4 // span),
                    "checked": day * 24 + hour in painted,
                    "taken": day * 24 + hour in taken,
                }
                for hour in range(24)
            ],
        }
        for day in range(7)
    ]
    return {
        "name": name,
        "days": days,
        "hours": [f"{h:02d}" for h in range(24)],
        "legend": legend or gettext("Hours of the week"),
        "locked": locked,
        "taken": len(taken),
        "tonight": tonight,
    }


# The five strokes of 正 in the order they are written, in a 44 × 46 box.
STROKES = ((4, 6, 40, 6), (22, 6, 22, 41), (22, 23, 37, 23), (9, 21, 9, 41), (2, 41, 42, 41))


@register.inclusion_tag("components/tally.html")
def tally(count: int, of: int, label: str = "") -> dict[str, Any]:
    """`count` of `of` in strokes of 正, five to a character."""
    characters = [
        [{"line": STROKES[n], "open": i * 5 + n >= count} for n in range(5) if i * 5 + n < max(of, count)]
        for i in range(-(-max(of, count) // 5))
    ]
    spoken = label or gettext("%(count)s of %(of)s") % {"count": count, "of": of}
    return {"characters": characters, "label": spoken}


@register.filter
def percent(ppm: int | None, style: str = "") -> str:
    """Parts per million as a percentage without its sign: 463000 → "46.3".

    style: "short" drops ".0"; "fine" has two decimals, rounded down.
    """
    if ppm is None or ppm == "":
        return ""
    if style == "fine":
        basis = abs(int(ppm)) // 100
        return f"{plain.MINUS if int(ppm) < 0 and basis else ''}{basis // 100:,}.{basis % 100:02d}"
    mille = _rounded(abs(int(ppm)), 1000)
    text = f"{plain.MINUS if int(ppm) < 0 and mille else ''}{mille // 10:,}.{mille % 10}"
    return text.removesuffix(".0") if style == "short" else text


@register.filter
def beam(ppm: int) -> str:
    """Parts per million as a place on a beam, kept between 0% and 100%."""
    value = max(0, min(10_000, int(ppm) // 100))
    return f"{value // 100}.{value % 100:02d}%"


@register.filter
def beam_rest(ppm: int) -> str:
    """What is left of the beam beyond that place."""
    return beam(1_000_000 - int(ppm))


@register.filter
def ticks(count: int) -> Iterable[dict[str, Any]]:
    """`count` + 1 marks over a ruler, every fourth long: position as a percentage and `major`."""
    count = int(count)
    return [{"at": f"{i * 1000 // count / 10:.1f}%", "major": i % 4 == 0} for i in range(count + 1)]
